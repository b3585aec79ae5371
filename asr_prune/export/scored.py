"""The LM weight and the word insertion penalty of a scored run, and its words there."""

from __future__ import annotations

import json

from asr_prune.decode.options import Point
from asr_prune.decode.words_files import read_words_file
from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.run_dir import RunDir, words_file


def scored_point(run: RunDir) -> Point:
    """As chosen on dev. Raises UserError if the run has not been scored."""
    path = run.score("test")
    if not path.is_file():
        what = f"{path} is missing, whose LM weight and penalty go into the graph"
        raise UserError(f"{what}; run the score stage.")
    chosen = json.loads(checked(path).read_text(encoding="utf-8"))
    return chosen["lm_weight"], chosen["penalty"]


def decoded_words(run: RunDir) -> dict[str, list[str]]:
    """The words of test that the run's decode stage found, at what was chosen on dev. Raises
    UserError if it has not been decoded and scored.
    """
    if not run.score("test").is_file():
        what = f"--check compares words with those of the decode stage, and {run.score('test')} is missing"
        raise UserError(f"{what}; run the score stage.")
    return read_words_file(words_file(run.decoded("test"), *scored_point(run)))
