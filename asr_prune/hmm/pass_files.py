"""The files of a GMM-HMM pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asr_prune.hmm.options import LdaMlltOptions, PassOptions, front_pass

#: how long training took; `pass_files` does not name it, as nothing made of a pass depends on it
TIMES = "times.json"
LABEL_FILES = ("ali.ark", "pdf.ark", "summary.json")


def pass_files(folder: Path, options: PassOptions, before: Sequence[PassOptions]) -> list[Path]:
    """What a pass of this kind leaves in its folder, named as Kaldi's scripts name it. before: the
    passes before it, from which a speaker-adaptive pass takes its front end.
    """
    linear = isinstance(front_pass([*before, options]), LdaMlltOptions)
    names = ["final.mdl", "tree", "cmvn_opts", *LABEL_FILES]
    names += ["final.mat", "splice_opts"] if linear else ["delta_opts"]
    names += ["final.alimdl", "trans.ark", "trans.scp"] if options.type == "sat" else []
    return [folder / name for name in names]
