"""One run, for the terminal: the words of the report's table, and what it has no room for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asr_prune.decode.front_end_file import read_front_end
from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.layout import Layout
from asr_prune.report.cells import ABSENT, Column, columns, decimals
from asr_prune.report.results import Result, read_result
from asr_prune.report.runs import FinishedRun
from asr_prune.report.unfinished import epochs, how_far, is_imported
from asr_prune.report.waiting import milliseconds, with_waiting
from asr_prune.run_dir import RunDir
from asr_prune.text import file_lines


def run_card(run: RunDir) -> str:
    """Everything that is known of a run. Raises UserError if its files are damaged."""
    try:
        row = read_result(run.result, run.name)
    except FileNotFoundError:
        return "\n".join([f"{run.name}: {how_far(run)}", *_curve(run)]) + "\n"
    except (ValueError, OSError) as error:
        raise UserError(f"{run.result} is damaged ({error}); run the score stage again.") from error
    front_end = read_front_end(Layout.of_pass(run.path.parent.parent / "align/any").front_end)
    (timed,) = with_waiting([FinishedRun(row, None)], front_end)
    parts = [
        _pairs(_figures(timed.result)),
        _layers(run),
        _curve(run),
        _speakers(run),
        [f"command: {row.command}"],
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def title(column: Column) -> str:
    """The two lines of a column's head as one."""
    words = " ".join(column.head).replace("- ", "").replace("/ ", "/")
    return words.removeprefix(" ").removesuffix(" ")


def _figures(row: Result) -> dict[str, str]:
    errors = row.errors_test or {}
    parts = [f"{ms} {part}" for part, ms in milliseconds(row).items() if ms != ABSENT]
    kinds = {"sub": "substituted", "ins": "inserted", "del": "deleted"}
    return {title(column): column.cell(row) for column in columns([row])} | {
        "WER test, tuned on test": decimals(row.wer_test_tuned, 2),
        "words of test": ", ".join([str(row.words_test), *(f"{errors.get(k, 0)} {v}" for k, v in kinds.items())]),
        "LM weight, word penalty": f"{decimals(row.lm_weight, 0)}, {decimals(row.penalty, 2)}",
        "frame accuracy dev": decimals(row.frame_accuracy_dev, 3),
        "ms per second of speech": ", ".join(parts) or ABSENT,
        "cut at update": f"{decimals(row.cut_at_update, 0)} of {decimals(row.updates, 0)}",
        "variant": row.variant or ABSENT,
        "teachers": ", ".join(row.teachers) or ABSENT,
        "seed": str(row.seed),
        "device": row.device or ABSENT,
        "commit": row.commit or ABSENT,
        "code accepted": ", ".join(row.code_accepted) or ABSENT,
    }


def _pairs(figures: dict[str, str]) -> list[str]:
    wide = max(map(len, figures))
    return [f"{name:{wide}s}  {value}" for name, value in figures.items()]


def _layers(run: RunDir) -> list[str]:
    """Nodes of each layer before and after."""
    layers = _json(run.nodes).get("layers", [])
    lines = [f"{i:5d}  {layer['nodes']:5d}  {len(layer['kept']):4d}" for i, layer in enumerate(layers, 1)]
    return ["layer  nodes  kept", *lines] if lines else []


def _curve(run: RunDir) -> list[str]:
    """A line for each epoch."""
    heads = [f"{part} {'distance' if is_imported(run) else 'CE'}" for part in ("train", "dev")]
    train, dev = map(len, heads)
    lines = [
        f"{row['epoch']:5d}  {decimals(row.get('train_ce'), 3):>{train}s}  {decimals(row.get('dev_ce'), 3):>{dev}s}"
        f"  {row.get('nodes', 0):5d}  {row.get('seconds', 0):5.0f}  {row.get('phase', '')}"
        for row in epochs(run)
        if isinstance(row.get("epoch"), int)
    ]
    return [f"epoch  {'  '.join(heads)}  nodes  train  phase", *lines] if lines else []


def _speakers(run: RunDir) -> list[str]:
    """The table of errors by speaker, in %."""
    path = run.score("test").with_suffix(".per_spk")
    return _shares(file_lines(path)) if path.is_file() else []


def _shares(lines: Sequence[str]) -> list[str]:
    """The head and the rows of percentages."""
    return [line for i, line in enumerate(lines) if i == 0 or " sys " in line]


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(checked(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
