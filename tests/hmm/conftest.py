"""Random mixtures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from asr_prune.hmm.gmm import Gmms


@pytest.fixture(scope="session")
def random_gmms() -> Callable[[int, int, int], Gmms]:
    """(seed, pdfs, dim) -> mixtures of one to four Gaussians."""

    def make(seed: int, pdfs: int, dim: int) -> Gmms:
        dice = np.random.default_rng(seed)
        counts = dice.integers(1, 5, pdfs)
        weights = np.concatenate([dice.dirichlet(np.ones(n)) for n in counts])
        invvars = dice.uniform(0.3, 3.0, (counts.sum(), dim))
        means = dice.normal(size=(counts.sum(), dim)) * invvars
        arrays = (array.astype(np.float32) for array in (weights, means, invvars))
        return Gmms(np.concatenate([[0], np.cumsum(counts)]), *arrays)

    return make
