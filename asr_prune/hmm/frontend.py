"""Front end of a GMM-HMM: deltas, or splicing and a linear transform, on normalised cepstra."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.features.deltas import add_deltas
from asr_prune.files import Readable, atomic
from asr_prune.hmm.gmm import Floats
from asr_prune.hmm.kaldi_format import KaldiReader, KaldiWriter
from asr_prune.integrity import checked

CMVN_OPTS = "--norm-means=true --norm-vars={}"


@dataclass(frozen=True)
class FrontEnd:
    """Deltas up to order `deltas`, or, if there is a `matrix`, frames spliced and multiplied by it.

    left, right: context in frames; matrix: float32 [dim, spliced dim]; variance: whether the
    variance of the cepstra was normalised, which is only recorded in Kaldi's cmvn_opts.
    """

    deltas: int = 0
    left: int = 0
    right: int = 0
    matrix: Floats | None = None
    variance: bool = False

    def __call__(self, base: Floats) -> Floats:
        """Cepstra float32 [frames, base dim] to features of the GMM-HMM, float32 [frames, dim]."""
        if self.matrix is None:
            return add_deltas(base, self.deltas)
        return splice(base, self.left, self.right) @ self.matrix.T

    def save(self, folder: Path) -> None:
        """Writes Kaldi's cmvn_opts and either delta_opts or splice_opts with final.mat."""
        (folder / "cmvn_opts").write_text(CMVN_OPTS.format(str(self.variance).lower()) + "\n")
        if self.matrix is None:
            (folder / "delta_opts").write_text(f"--delta-order={self.deltas}\n")
            return
        context = f"--left-context={self.left} --right-context={self.right}\n"
        (folder / "splice_opts").write_text(context)
        write_matrix(folder / "final.mat", self.matrix)

    @classmethod
    def load(cls, folder: Readable) -> FrontEnd:
        """Reads files of `save` or Kaldi; without option files, Kaldi's defaults apply.

        Raises UserError if a file is damaged.
        """
        variance = _option(folder / "cmvn_opts", "norm-vars", "false") == "true"
        if not (folder / "final.mat").is_file():
            deltas = int(_option(folder / "delta_opts", "delta-order", "2"))
            return cls(deltas=deltas, variance=variance)
        sides = (f"{side}-context" for side in ("left", "right"))
        left, right = (int(_option(folder / "splice_opts", side, "4")) for side in sides)
        return cls(0, left, right, read_matrix(folder / "final.mat"), variance)


def splice(feats: Floats, left: int, right: int) -> Floats:
    """Each frame with its context, [frames, (left + 1 + right) dim]; edge frames are repeated."""
    around = np.arange(-left, right + 1) + np.arange(len(feats))[:, None]
    return feats[around.clip(0, len(feats) - 1)].reshape(len(feats), -1)


def write_matrix(path: Path, matrix: Floats) -> None:
    """Writes one Kaldi matrix in binary form."""
    writer = KaldiWriter(binary=True)
    writer.matrix(matrix)
    with atomic(path, "wb") as file:
        file.write(writer.data)


def read_matrix(path: Readable) -> Floats:
    """Reads a Kaldi matrix, binary or text. Raises UserError if it is missing or damaged."""
    return KaldiReader.open(path, "align").matrix()


def _option(path: Readable, name: str, default: str) -> str:
    """The value of --name=value in a file of options."""
    if not path.is_file():
        return default
    words = checked(path).read_text().split()
    options = dict(word.lstrip("-").split("=", 1) for word in words if "=" in word)
    value = options.get(name, default)
    if default.isdecimal() and not value.isdecimal():
        message = f"{path}: --{name} must be a number, not {value!r}"
        raise UserError(f"{message}; run the align stage again.")
    return value
