"""The files of a GMM-HMM pass."""

from __future__ import annotations

from pathlib import Path

from asr_prune.hmm.options import PassOptions

LABEL_FILES = ("ali.ark", "pdf.ark", "summary.json")


def pass_files(folder: Path, options: PassOptions) -> list[Path]:
    """What a pass of this kind leaves in its folder, named as Kaldi's scripts name it."""
    linear = options.type in ("lda_mllt", "sat")
    names = ["final.mdl", "tree", "cmvn_opts", *LABEL_FILES]
    names += ["final.mat", "splice_opts"] if linear else ["delta_opts"]
    names += ["final.alimdl", "trans.ark", "trans.scp"] if options.type == "sat" else []
    return [folder / name for name in names]
