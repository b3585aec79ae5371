"""results.json and results.csv as text."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence

from asr_prune.report.results import Result, finite

_CSV = """
run recipe method vectors strength keep_asked converged seed hidden_layers nodes_per_layer nodes
nodes_dense params params_dense macs_per_frame macs_dense nonzero_weights norm_mass_removed
dev_ce_before_cut dev_ce_after_cut dev_ce_final frame_accuracy_dev wer_dev wer_test wer_test_low
wer_test_high wer_raw_test wer_test_tuned words_test errors_test rtf_decode
am_forward_seconds_per_hour train_seconds train_seconds_per_epoch commit command
"""
#: the first columns of results.csv; the others follow in alphabetical order
CSV_COLUMNS = _CSV.split()


def _json_value(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def json_text(rows: Sequence[Result]) -> str:
    """`rows` as objects sorted by method, then nodes; NaN and infinity become null."""
    ordered = sorted(rows, key=lambda row: (row.method, finite(row.nodes) or 0, row.run))
    objects = [{k: _json_value(v) for k, v in row.to_dict().items()} for row in ordered]
    return json.dumps(objects, indent=1, ensure_ascii=False) + "\n"


def flat_row(row: Result) -> dict[str, object]:
    """`row` as cells: lists joined by spaces, an object in a column per key (errors_test.sub)."""
    cells: dict[str, object] = {}
    for key, value in row.to_dict().items():
        if isinstance(value, dict):
            cells.update({f"{key}.{name}": part for name, part in value.items()})
        else:
            cells[key] = " ".join(map(str, value)) if isinstance(value, list) else value
    return cells


def csv_text(rows: Sequence[Result]) -> str:
    """`rows` in their order, a column per key: CSV_COLUMNS first, then the others sorted."""
    lines = [flat_row(row) for row in rows]
    columns = {key for line in lines for key in line}

    def place(key: str) -> tuple[int, str]:
        base = key.split(".")[0]
        return (CSV_COLUMNS.index(base) if base in CSV_COLUMNS else len(CSV_COLUMNS)), key

    text = io.StringIO()
    writer = csv.DictWriter(text, sorted(columns, key=place), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()
