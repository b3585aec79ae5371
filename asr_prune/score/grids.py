"""Scores of dev and test at the LM weight and word insertion penalty tuned on dev."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.words_files import Words
from asr_prune.score.options import ScoreOptions
from asr_prune.score.tune import choose_point, grid_errors, tune
from asr_prune.score.wer import Score, score
from asr_prune.score.write import write_score, write_unscored

log = logging.getLogger(__name__)


def score_grids(
    words: Mapping[str, Words],
    sets: Mapping[str, Path],
    outs: Mapping[str, Path],
    options: ScoreOptions,
) -> dict[str, Any]:
    """Scores `dev` and `test` at the point with the fewest errors on dev.

    words: decoded words of the two sets; sets: their data directories; outs: their score files,
    which are written. Returns the scoring figures of a `Result`; those of a test set without
    transcripts are None. Raises UserError as `tune`.
    """
    data = {part: DataDir.read(folder) for part, folder in sets.items()}
    point = tune(words["dev"], data["dev"].text, options)
    chosen = {"lm_weight": point[0], "penalty": point[1]}
    scores: dict[str, Score] = {}
    for part, directory in data.items():
        if part == "test" and directory.silent:
            write_unscored(outs[part], len(directory.text), chosen)
            log.info("  test has no transcripts and is not scored")
            return {
                "wer_dev": scores["dev"].wer,
                "cer_dev": scores["dev"].cer,
                "words_test": 0,
            } | chosen
        scores[part] = score(words[part][point], directory.text, directory.utt2spk, options)
        write_score(outs[part], scores[part], chosen)
    test = data["test"]
    best = choose_point(grid_errors(words["test"], test.text, options))
    tuned = score(words["test"][best], test.text, test.utt2spk, options)
    line = "  %s (test, LM weight %d and penalty %g from %s)"
    log.info(line, scores["test"].kaldi_line, *point, "dev")
    if options.test_tuned:
        log.info(line, tuned.kaldi_line, *best, "test itself")
    return figures(scores["dev"], scores["test"], tuned) | chosen


def figures(dev: Score, test: Score, tuned: Score) -> dict[str, Any]:
    """The scoring figures of a `Result`. tuned: of test, at the point that is best there."""
    return {
        "wer_dev": dev.wer,
        "wer_test": test.wer,
        "wer_test_low": test.low,
        "wer_test_high": test.high,
        "wer_raw_test": test.wer_raw,
        "cer_dev": dev.cer,
        "cer_test": test.cer,
        "wer_test_tuned": tuned.wer,
        "wer_raw_test_tuned": tuned.wer_raw,
        "words_test": test.words,
        "errors_test": test.counts.as_errors(),
    }
