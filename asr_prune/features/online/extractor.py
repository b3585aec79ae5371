"""Kaldi's i-vector extractor, `final.ie` (ivector-extractor.cc; Dehak et al., IEEE TASLP 2011)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.features.online.files import open_kaldi


@dataclass(frozen=True, eq=False)
class Extractor:
    """Gaussian g has mean `projections[g] @ ivector` and the inverse covariance `precisions[g]`.

    projections: float64 [gaussians, features, dim]; precisions: float64 [gaussians, features,
    features]; offset: the prior mean of the first value of an i-vector, whose other values have
    mean 0; the prior covariance is 1.
    """

    projections: np.ndarray
    precisions: np.ndarray
    offset: float

    @classmethod
    def read(cls, path: Path) -> Extractor:
        """Reads `final.ie`, binary or text. Raises UserError if it is missing, damaged, or has
        weights that depend on the i-vector, which Kaldi's online features refuse, too.
        """
        reader = open_kaldi(path)
        reader.expect("<IvectorExtractor>")
        reader.expect("<w>")
        if reader.matrix().size:
            remedy = "train the extractor with --use-weights=false"
            raise UserError(f"{path}: weights depend on the i-vector; {remedy}.")
        reader.expect("<w_vec>")
        reader.vector()
        reader.expect("<M>")
        count = reader.count()
        projections = [reader.matrix(np.float64) for _ in range(count)]
        reader.expect("<SigmaInv>")
        precisions = [reader.symmetric() for _ in range(count)]
        reader.expect("<IvectorOffset>")
        offset = reader.real()
        reader.expect("</IvectorExtractor>")
        features = len(projections[0]) if projections else 0
        sizes = {matrix.shape for matrix in projections}, {matrix.shape for matrix in precisions}
        if len(sizes[0]) != 1 or sizes[1] != {(features, features)}:
            raise reader.fail("the Gaussians differ in size")
        made = cls(np.stack(projections), np.stack(precisions), offset)
        if not made.dim or not np.isfinite([made.projections.sum(), made.precisions.sum(), offset]).all():
            raise reader.fail("a Gaussian is not finite, or there are no i-vectors")
        return made

    @property
    def gaussians(self) -> int:
        return len(self.projections)

    @property
    def features(self) -> int:
        """Columns of the features that it reads."""
        return self.projections.shape[1]

    @property
    def dim(self) -> int:
        """Values of an i-vector."""
        return self.projections.shape[2]

    @cached_property
    def weighted(self) -> np.ndarray:
        """Precision times projection, float64 [gaussians, features, dim]."""
        return self.precisions @ self.projections

    @cached_property
    def quadratic(self) -> np.ndarray:
        """Lower triangles of projection' x precision x projection, float64 [gaussians, dim (dim +
        1) / 2].
        """
        below = np.tril_indices(self.dim)
        pairs = zip(self.projections, self.weighted, strict=True)
        return np.stack([(matrix.T @ weighted)[below] for matrix, weighted in pairs])
