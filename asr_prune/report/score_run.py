"""Scoring of a run: the scores of its words, and its row of results.json."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.words_files import read_words
from asr_prune.files import atomic
from asr_prune.integrity import checked
from asr_prune.report.cells import decimals
from asr_prune.report.results import Result
from asr_prune.run_dir import RunDir, decode_info
from asr_prune.score.files import score_files
from asr_prune.score.grids import score_grids
from asr_prune.score.options import ScoreOptions

log = logging.getLogger(__name__)


def score_run(
    run: RunDir,
    sets: Mapping[str, Path],
    settings: Mapping[str, Any],
    score: ScoreOptions,
    decode: DecodeOptions,
    code_accepted: Sequence[str],
) -> list[Path]:
    """Scores the words of `sets` (data directories of dev and test) and writes the run's row.

    Returns the tables of test, which has none without transcripts.

    settings: keys of the row from `run` to `seed`; code_accepted: works kept although their code
    had changed. Raises UserError if a file is missing or damaged.
    """
    words = {part: read_words(run.decoded(part), decode) for part in sets}
    scores = score_grids(words, sets, {part: run.score(part) for part in sets}, score)
    row = _row(run, settings, scores, code_accepted)
    with atomic(run.result) as file:
        json.dump(row.to_dict(), file, indent=1)
    low, high = row.wer_test_low, row.wer_test_high
    span = f" [{low:.2f}, {high:.2f}]" if low is not None else ""
    log.info(
        "  dev %.2f  test %s%s  at %d nodes",
        row.wer_dev,
        decimals(row.wer_test, 2),
        span,
        row.nodes,
    )
    return [path for path in score_files(run.score("test"))[1:] if path.is_file()]


def _row(
    run: RunDir,
    settings: Mapping[str, Any],
    scores: Mapping[str, Any],
    code_accepted: Sequence[str],
) -> Result:
    paths = run.train, run.size, decode_info(run.decoded("test"))
    trained, size, info = map(_read, paths)
    dense = trained.pop("nodes_per_layer_dense")
    return Result.from_dict(
        {
            **settings,
            "hidden_layers": len(size["nodes"]),
            "nodes_per_layer": size["nodes"],
            "nodes": sum(size["nodes"]),
            "nodes_dense": sum(dense),
            "params": size["params"],
            "macs_per_frame": size["macs"],
            "nonzero_weights": size["nonzero"],
            "inputs": size.get("inputs"),
            "output_rank": size.get("output_rank"),
            **trained,
            **scores,
            "rtf_decode": info["rtf_decode"],
            "am_forward_seconds_per_hour": info["am_forward_seconds_per_hour"],
            "commit": current_commit(),
            "command": yaml.safe_load(checked(run.recipe).read_text(encoding="utf-8"))["command"],
            "code_accepted": list(code_accepted),
        }
    )


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(checked(path).read_text(encoding="utf-8"))
    return content


def current_commit() -> str | None:
    """The checkout's commit, or None outside one."""
    command = ["git", "rev-parse", "--short=12", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None
