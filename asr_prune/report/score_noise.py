"""Scoring of a run on test sets with noise, at the LM weight and penalty that dev chose without."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.words_files import read_words_file
from asr_prune.integrity import checked
from asr_prune.run_dir import RunDir, words_file
from asr_prune.score.files import score_files
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score as score_words
from asr_prune.score.write import write_score, write_unscored

log = logging.getLogger(__name__)


def score_noise(run: RunDir, sets: Mapping[str, Path], score: ScoreOptions) -> list[Path]:
    """Scores the words of `sets` (data directories by name); returns the tables that it wrote.

    Sets without transcripts are not scored. Raises UserError if a file is missing or damaged.
    """
    chosen = json.loads(checked(run.score("test")).read_text(encoding="utf-8"))
    point = {"lm_weight": chosen["lm_weight"], "penalty": chosen["penalty"]}
    for part, folder in sets.items():
        data = DataDir.read(folder)
        if data.silent:
            write_unscored(run.score(part), len(data.text), point)
            continue
        words = read_words_file(words_file(run.decoded(part), *point.values()))
        output = score_words(words, data.text, data.utt2spk, score)
        write_score(run.score(part), output, point)
        log.info("  %s (%s)", output.kaldi_line, part)
    files = (path for part in sets for path in score_files(run.score(part))[1:])
    return [path for path in files if path.is_file()]
