"""The whole front end of a model: from samples to what its network reads."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.features.compute import Compute
from asr_prune.features.online.base import base_dim, make_base
from asr_prune.features.online.cmvn import online_cmvn
from asr_prune.features.online.conf import read_conf
from asr_prune.features.online.directory import FeatureFiles, find_files
from asr_prune.features.online.extractor import Extractor
from asr_prune.features.online.files import read_cmvn_stats, read_transform
from asr_prune.features.online.ivectors import IvectorModel
from asr_prune.features.online.settings import (
    CmvnConf,
    FbankConf,
    IvectorConf,
    MfccConf,
    SpliceConf,
)
from asr_prune.features.online.timing import Timing
from asr_prune.features.online.ubm import DiagUbm
from asr_prune.features.options import FeatureOptions

_PERIOD = Timing()


@dataclass(frozen=True, eq=False)
class ModelFrontEnd:
    """The features of a model (OnlineNnet2FeaturePipeline).

    conf: of the base features; cmvn: of the network's input, with the statistics float64 [2, base
    dim + 1] of the training data, if it is normalised; ivector: None if the network reads none;
    chunk: frames that online decoding computes at once.
    """

    conf: MfccConf | FbankConf
    base: Compute
    cmvn: tuple[CmvnConf, np.ndarray] | None
    ivector: IvectorModel | None
    chunk: int

    @classmethod
    def read(cls, model: Path) -> ModelFrontEnd:
        """Reads the features of a model directory. Raises UserError as `find_files`, and if a file
        is missing, damaged or of another dimension.
        """
        files = find_files(model)
        columns = base_dim(files.base)
        ivector = None
        if files.ivector:
            ivector = read_ivector_model(files.ivector, columns, files.cmvn_kind)
        cmvn, chunk = _input_cmvn(files, columns), files.chunk.size
        return cls(files.base, make_base(files.base), cmvn, ivector, chunk)

    @property
    def dim(self) -> int:
        """Columns of the frames, without those of the i-vector."""
        return base_dim(self.conf)

    @property
    def ivector_dim(self) -> int:
        """Values of an i-vector; 0 if the network reads none."""
        return self.ivector.dim if self.ivector else 0

    def __call__(
        self,
        samples: np.ndarray,
        timing: Timing = _PERIOD,
        weights: np.ndarray | None = None,
    ) -> np.ndarray:
        """Features of samples float32 [samples] in int16 range: frames and then the i-vector of
        each.

        weights: of the frames in the i-vectors, float [frames], by default 1; Vosk gives 0.001 to
        silence. Returns float32 [frames, dim + ivector_dim].
        """
        base = self.base(samples)
        frames = online_cmvn(base, *self.cmvn) if self.cmvn and len(base) else base
        if self.ivector is None or not len(base):
            return np.hstack([frames, np.zeros((len(frames), self.ivector_dim), np.float32)])
        lookahead = self.ivector.splice.right_context
        ends, rows = timing.choose(len(base), self.ivector.conf, self.conf, lookahead)
        ivectors, _ = self.ivector.ivectors(base, ends, weights=weights)
        return np.hstack([frames, ivectors[rows]])


@cache
def model_columns(model: str) -> int:
    """Columns of the features of a model directory, read once in a process.

    Raises UserError as `ModelFrontEnd.read`.
    """
    front_end = ModelFrontEnd.read(Path(model))
    return front_end.dim + front_end.ivector_dim


def model_compute(options: FeatureOptions) -> Compute:
    """The function that computes the features of `options`, which are of type online.

    Raises UserError as `ModelFrontEnd.read`, and if the model's rate or frame shift is not that of
    `options`.
    """
    front_end = ModelFrontEnd.read(Path(options.model))
    rate, shift = front_end.conf.sample_frequency, front_end.conf.frame_shift
    if rate != options.rate:
        ours = f"not {options.rate}; set corpus.rate to {rate:g}"
        raise UserError(f"{options.model} is for {rate:g} Hz, {ours}.")
    if shift != options.frame_shift_ms:
        ours = f"not {options.frame_shift_ms:g}; set features.network.frame_shift_ms to {shift:g}"
        raise UserError(f"{options.model} has frames every {shift:g} ms, {ours}.")
    right = options.right_context
    return partial(front_end, timing=Timing(options.ivectors, front_end.chunk, right))


def _input_cmvn(files: FeatureFiles, columns: int) -> tuple[CmvnConf, np.ndarray] | None:
    if files.cmvn is None or files.everyone is None:
        return None
    return files.cmvn, _stats(files.everyone, columns)


def _stats(path: Path, columns: int) -> np.ndarray:
    stats = read_cmvn_stats(path)
    if stats.shape[1] != columns + 1:
        raise _other_size(path, f"{stats.shape[1] - 1} columns", f"the features {columns}")
    return stats


def _other_size(path: Path, has: str, needs: str) -> UserError:
    return UserError(f"{path} has {has}, but {needs}; copy all files from the same model.")


def read_ivector_model(conf: IvectorConf, columns: int, kind: type[CmvnConf]) -> IvectorModel:
    """Reads the files that `conf` names. columns: of the base features; kind: of its CMVN. Raises
    UserError if one is missing, damaged or of another dimension.
    """
    splice = read_conf(Path(conf.splice_config), SpliceConf)
    cmvn = read_conf(Path(conf.cmvn_config), kind)
    if any(column >= columns for column in cmvn.skipped):
        what = f"--skip-dims must be below {columns}, the number of columns"
        raise UserError(f"{conf.cmvn_config}: {what}; correct it.")
    transform, ubm = read_transform(Path(conf.lda_matrix)), DiagUbm.read(Path(conf.diag_ubm))
    extractor = Extractor.read(Path(conf.ivector_extractor))
    spliced = columns * (splice.left_context + 1 + splice.right_context)
    if transform.shape[1] not in (spliced, spliced + 1):
        needs = f"{columns} features with splice.conf give {spliced}"
        raise _other_size(Path(conf.lda_matrix), f"{transform.shape[1]} columns", needs)
    for path, part in ((conf.diag_ubm, ubm), (conf.ivector_extractor, extractor)):
        if part.features != len(transform):
            gives = f"{conf.lda_matrix} gives {len(transform)}"
            raise _other_size(Path(path), f"{part.features} features", gives)
    if len(ubm.weights) != extractor.gaussians:
        gives = f"{conf.diag_ubm} has {len(ubm.weights)}"
        raise _other_size(Path(conf.ivector_extractor), f"{extractor.gaussians} Gaussians", gives)
    everyone = _stats(Path(conf.global_cmvn_stats), columns)
    return IvectorModel(conf, cmvn, splice, everyone, transform, ubm, extractor)
