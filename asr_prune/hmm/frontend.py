"""Front end of a GMM-HMM: deltas, or splicing and a linear transform, on normalised cepstra."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.features.deltas import add_deltas
from asr_prune.features.options import HmmFeatureOptions
from asr_prune.files import Readable, atomic
from asr_prune.hmm.gmm import Floats
from asr_prune.kaldi_format import KaldiReader, KaldiWriter
from asr_prune.text import fields, file_lines

#: Kaldi's option files, and the options in them with Kaldi's defaults
_KNOWN = {
    "cmvn_opts": {"norm-means": "true", "norm-vars": "false"},
    "delta_opts": {"delta-order": "2"},
    "splice_opts": {"left-context": "4", "right-context": "4"},
}


def cmvn_opts(means: bool, variance: bool) -> str:
    """The options of Kaldi's apply-cmvn."""
    return f"--norm-means={str(means).lower()} --norm-vars={str(variance).lower()}"


@dataclass(frozen=True)
class FrontEnd:
    """Deltas up to order `deltas`, or, if there is a `matrix`, frames spliced and multiplied by it.

    left, right: context in frames; matrix: float32 [dim, spliced dim]; means, variance: whether
    these of the cepstra were normalised, which is only recorded, in Kaldi's cmvn_opts.
    """

    deltas: int = 0
    left: int = 0
    right: int = 0
    matrix: Floats | None = None
    variance: bool = False
    means: bool = True

    def __call__(self, base: Floats) -> Floats:
        """Cepstra float32 [frames, base dim] to features of the GMM-HMM, float32 [frames, dim]."""
        if self.matrix is None:
            return add_deltas(base, self.deltas)
        return splice(base, self.left, self.right) @ self.matrix.T

    def dim(self, base_dim: int) -> int:
        """Columns of the features that cepstra of `base_dim` columns give."""
        return base_dim * (self.deltas + 1) if self.matrix is None else len(self.matrix)

    def base_dim(self, dim: int) -> float:
        """Columns of the cepstra that give features of `dim` columns."""
        if self.matrix is None:
            return dim / (self.deltas + 1)
        return self.matrix.shape[1] / (self.left + 1 + self.right)

    def save(self, folder: Path) -> None:
        """Writes Kaldi's cmvn_opts and either delta_opts or splice_opts with final.mat."""
        (folder / "cmvn_opts").write_text(cmvn_opts(self.means, self.variance) + "\n")
        if self.matrix is None:
            (folder / "delta_opts").write_text(f"--delta-order={self.deltas}\n")
            return
        context = f"--left-context={self.left} --right-context={self.right}\n"
        (folder / "splice_opts").write_text(context)
        write_matrix(folder / "final.mat", self.matrix)

    @classmethod
    def load(cls, folder: Readable) -> FrontEnd:
        """Reads files of `save` or Kaldi; without option files, Kaldi's defaults apply.

        Raises UserError if a file is damaged or has options that are not supported.
        """
        cmvn = _options(folder, "cmvn_opts")
        variance, means = cmvn["norm-vars"] == "true", cmvn["norm-means"] == "true"
        if not (folder / "final.mat").is_file():
            deltas = _number(folder, "delta_opts", "delta-order")
            return cls(deltas=deltas, variance=variance, means=means)
        left, right = (_number(folder, "splice_opts", f"{side}-context") for side in ("left", "right"))
        return cls(0, left, right, read_matrix(folder / "final.mat"), variance, means)


def check_cmvn(folder: Readable, options: HmmFeatureOptions) -> None:
    """Raises UserError if the GMM-HMM in `folder` was trained on cepstra normalised in another way."""
    path, normalised = folder / "cmvn_opts", options.normalised
    if not path.is_file():
        return
    trained = cmvn_opts(*(value == "true" for value in _options(folder, "cmvn_opts").values()))
    given = cmvn_opts(normalised, normalised and options.cmvn_variance)
    if trained != given:
        raise UserError(
            f"{path} has {trained}, but features.hmm.cmvn and cmvn_variance mean {given}; "
            "set them as the GMM-HMM was trained."
        )


def check_columns(folder: Readable, front: FrontEnd, columns: int, dim: int) -> None:
    """Raises UserError if the GMM-HMM in `folder` was not trained on cepstra of `columns` columns.

    front: its front end; dim: of its features.
    """
    if front.base_dim(dim) != columns:
        raise UserError(
            f"{folder} has a GMM-HMM of features with {front.base_dim(dim):g} columns before deltas or splicing, but "
            f"features.hmm gives {columns}; set features.hmm.ceps, or archives, as the GMM-HMM was trained."
        )


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


def _options(folder: Readable, file: str) -> dict[str, str]:
    """The options in a file as Kaldi reads it, `--name=value` or `--name` for true; defaults for
    the others.
    """
    path, options = folder / file, dict(_KNOWN[file])
    words = [word for line in file_lines(path) for word in fields(line)] if path.is_file() else []
    for word in words:
        name, _, value = word.removeprefix("--").partition("=")
        name = name.replace("_", "-")
        if name not in options or not word.startswith("--"):
            known = " and ".join(f"--{each}" for each in options)
            raise UserError(f"{path}: {word} is not supported (only {known}); give a GMM-HMM without it.")
        options[name] = value or "true"
    return options


def _number(folder: Readable, file: str, name: str) -> int:
    value = _options(folder, file)[name]
    if not value.isdecimal():
        raise UserError(f"{folder / file}: --{name} must be a number, not {value!r}; run the align stage again.")
    return int(value)
