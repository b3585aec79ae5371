"""A run of all folds of a cross-validation as one run: every speaker is tested once."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.options import DecodeOptions, Point
from asr_prune.decode.words_files import Words, read_words
from asr_prune.files import atomic
from asr_prune.integrity import checked
from asr_prune.report.results import Result, read_result
from asr_prune.run_dir import RunDir
from asr_prune.score.grids import figures
from asr_prune.score.options import ScoreOptions
from asr_prune.score.tune import choose_point, grid_errors
from asr_prune.score.wer import Score, score
from asr_prune.score.write import write_score

log = logging.getLogger(__name__)

#: what a row says of each fold
OF_FOLD = ("wer_dev", "wer_test", "words_test", "nodes", "dev_ce_final", "lm_weight", "penalty")


@dataclass(frozen=True)
class _Set:
    """One set of all folds: references, speakers, and the words of each fold by point."""

    text: dict[str, list[str]]
    utt2spk: dict[str, str]
    words: list[Words]

    def at(self, points: Sequence[Point]) -> dict[str, list[str]]:
        """The words at a point for each fold."""
        parts = zip(self.words, points, strict=True)
        return {utt: words for grid, point in parts for utt, words in grid[point].items()}


def pool_run(
    runs: Sequence[RunDir],
    sets: Mapping[str, Sequence[Path]],
    out: RunDir,
    score: ScoreOptions,
    decode: DecodeOptions,
) -> None:
    """Scores the words of all folds as one set and writes the run's row, its recipe and scores.

    runs: the run in each fold; sets: their data directories of dev and test. Word errors are
    counted over all folds at the point that each has chosen on its own dev, their intervals over
    all speakers; `wer_test_tuned` is at the one point that is best on test. Other figures are means
    over the folds; those of a fold are listed under `folds`. Raises UserError if a file is missing
    or damaged.
    """
    rows = [read_result(run.result, run.name) for run in runs]
    points = [(row.lm_weight, row.penalty) for row in rows]
    words = {part: [run.decoded(part) for run in runs] for part in sets}
    data = {part: _read(folders, words[part], decode) for part, folders in sets.items()}
    scores = {part: _scored(own, points, score) for part, own in data.items()}
    for part, own in scores.items():
        write_score(out.score(part), own, {"folds": len(runs)})
    test = data["test"]
    best = choose_point(_errors(test, score))
    tuned = _scored(test, [best] * len(runs), score)
    row = _row(rows, figures(scores["dev"], scores["test"], tuned))
    with atomic(out.recipe) as file:
        file.write(checked(runs[0].recipe).read_text(encoding="utf-8"))
    with atomic(out.result) as file:
        json.dump(row.to_dict(), file, indent=1)
    low, high = row.wer_test_low, row.wer_test_high
    span = f" [{low:.2f}, {high:.2f}]" if low is not None else ""
    counts = f"{row.words_test} words of {len(scores['test'].speakers)} speakers"
    log.info("  %s: test %.2f%s, %s", out.name, row.wer_test, span, counts)


def _read(folders: Sequence[Path], decoded: Sequence[Path], decode: DecodeOptions) -> _Set:
    sets = [DataDir.read(folder) for folder in folders]
    text = {utt: words for data in sets for utt, words in data.text.items()}
    utt2spk = {utt: speaker for data in sets for utt, speaker in data.utt2spk.items()}
    return _Set(text, utt2spk, [read_words(folder, decode) for folder in decoded])


def _scored(data: _Set, points: Sequence[Point], options: ScoreOptions) -> Score:
    return score(data.at(points), data.text, data.utt2spk, options)


def _errors(data: _Set, options: ScoreOptions) -> dict[Point, int]:
    """Word errors of all folds at each point."""
    grid = {point: data.at([point] * len(data.words)) for point in data.words[0]}
    return grid_errors(grid, data.text, options)


def _row(rows: Sequence[Result], scores: Mapping[str, Any]) -> Result:
    each = [row.to_dict() for row in rows]
    mean = {key: together([own.get(key) for own in each]) for key in each[0] if key not in scores}
    folds = [{"fold": i} | {key: own[key] for key in OF_FOLD} for i, own in enumerate(each, 1)]
    return Result.from_dict({**mean, **scores, "folds": folds})


def together(values: Sequence[Any]) -> Any:
    """One value for all folds: that which all have, the mean of numbers, also within lists of one
    length, and whether all are true; None of others.
    """
    first = values[0]
    if all(value == first for value in values):
        return first
    if all(isinstance(value, bool) for value in values):
        return all(values)
    if all(isinstance(value, (int, float)) for value in values):
        return fmean(values)
    lists = all(isinstance(value, list) for value in values)
    if lists and len({len(value) for value in values}) == 1:
        return [together(column) for column in zip(*values, strict=True)]
    return None
