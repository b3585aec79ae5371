"""Words at every LM weight and word penalty to one score: the point is chosen on the development set."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.lattice_set import Words
from asr_prune.score.options import ScoreOptions
from asr_prune.score.tune import choose_point, grid_errors, tune
from asr_prune.score.wer import Score, score
from asr_prune.score.write import write_score

log = logging.getLogger(__name__)


def score_grids(
    words: Mapping[str, Words],
    sets: Mapping[str, Path],
    outs: Mapping[str, Path],
    options: ScoreOptions,
) -> dict[str, Any]:
    """Scores `dev` and `test` at the point with the fewest errors on dev, and writes a score file of each to `outs`.

    words: decoded words of the two sets; sets: their data directories. Returns the figures that a row of results.json
    has of them. Raises UserError as `tune`.
    """
    data = {part: DataDir.read(folder) for part, folder in sets.items()}
    point = tune(words["dev"], data["dev"].text, options)
    scores: dict[str, Score] = {}
    for part, directory in data.items():
        scores[part] = score(words[part][point], directory.text, directory.utt2spk, options)
        write_score(outs[part], scores[part], {"lm_weight": point[0], "penalty": point[1]})
    test = data["test"]
    best = choose_point(grid_errors(words["test"], test.text, options))
    tuned = score(words["test"][best], test.text, test.utt2spk, options)
    log.info("  %s (test, LM weight %d and penalty %g from dev)", scores["test"].kaldi_line, *point)
    if options.test_tuned:
        log.info("  %s (test, LM weight %d and penalty %g from test itself)", tuned.kaldi_line, *best)
    return {
        "wer_dev": scores["dev"].wer,
        "wer_test": scores["test"].wer,
        "wer_test_low": scores["test"].low,
        "wer_test_high": scores["test"].high,
        "wer_raw_test": scores["test"].wer_raw,
        "cer_dev": scores["dev"].cer,
        "cer_test": scores["test"].cer,
        "wer_test_tuned": tuned.wer,
        "wer_raw_test_tuned": tuned.wer_raw,
        "words_test": scores["test"].words,
        "errors_test": scores["test"].counts.as_errors(),
        "lm_weight": point[0],
        "penalty": point[1],
    }
