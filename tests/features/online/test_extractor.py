from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.features.online.extractor import Extractor

from .small import DIM, FEATURES, GAUSSIANS, OFFSET, extractor_bytes, make_extractor


@pytest.mark.parametrize("binary", [True, False])
def test_a_file_is_read(tmp_path: Path, binary: bool) -> None:
    path, made = tmp_path / "final.ie", make_extractor()
    path.write_bytes(extractor_bytes(made, binary))
    read = Extractor.read(path)
    assert (read.gaussians, read.features, read.dim, read.offset) == (
        GAUSSIANS,
        FEATURES,
        DIM,
        OFFSET,
    )
    np.testing.assert_array_equal(read.projections, made.projections)
    np.testing.assert_array_equal(read.precisions, made.precisions)


def test_derived_matrices() -> None:
    made = make_extractor()
    for g in range(GAUSSIANS):
        spread = made.projections[g].T @ made.precisions[g]
        np.testing.assert_allclose(made.weighted[g].T, spread, rtol=1e-10)
        np.testing.assert_allclose(made.quadratic[g], (spread @ made.projections[g])[np.tril_indices(DIM)], rtol=1e-10)


def test_what_is_wrong_with_a_file(tmp_path: Path) -> None:
    path = tmp_path / "final.ie"
    with pytest.raises(UserError, match=r"cannot read .*final.ie: No such file.*copy the whole directory"):
        Extractor.read(path)
    for binary in (True, False):
        whole = extractor_bytes(make_extractor(), binary)
        for end in range(0, len(whole) - 20, 41):
            path.write_bytes(whole[:end])
            with pytest.raises(UserError, match=r"final.ie: .* the file is damaged or of another kind"):
                Extractor.read(path)
    path.write_bytes(extractor_bytes(make_extractor(), weights=2))
    with pytest.raises(UserError, match="weights depend on the i-vector"):
        Extractor.read(path)
    made = make_extractor()
    for damaged in (
        Extractor(made.projections * np.nan, made.precisions, OFFSET),
        Extractor(made.projections, made.precisions, np.inf),
        Extractor(made.projections[:, :, :0], made.precisions, OFFSET),
    ):
        path.write_bytes(extractor_bytes(damaged))
        with pytest.raises(UserError, match="a Gaussian is not finite, or there are no i-vectors"):
            Extractor.read(path)
    path.write_bytes(extractor_bytes(Extractor(made.projections[:, 1:], made.precisions, OFFSET)))
    with pytest.raises(UserError, match="the Gaussians differ in size"):
        Extractor.read(path)
