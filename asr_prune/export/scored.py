"""The LM weight and the word insertion penalty of a scored run."""

from __future__ import annotations

import json

from asr_prune.decode.options import Point
from asr_prune.errors import UserError
from asr_prune.integrity import checked
from asr_prune.run_dir import RunDir


def scored_point(run: RunDir) -> Point:
    """As chosen on dev. Raises UserError if the run has not been scored."""
    path = run.score("test")
    if not path.is_file():
        what = f"{path} is missing, whose LM weight and penalty go into the graph"
        raise UserError(f"{what}; run the score stage.")
    chosen = json.loads(checked(path).read_text(encoding="utf-8"))
    return chosen["lm_weight"], chosen["penalty"]
