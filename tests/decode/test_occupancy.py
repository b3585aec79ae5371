"""Occupancies of lattices against a sum over all paths."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pytest

from asr_prune.decode.decoder import Decoder
from asr_prune.decode.lattice import Lattice
from asr_prune.decode.occupancy import Occupancies, occupancy
from asr_prune.decode.options import DecodeOptions


def by_paths(lattice: Lattice, lm_weight: float, pdf_of: np.ndarray) -> dict[tuple[int, int], float]:
    """Walks every path: weight of (frame, pdf)."""
    arrays = lattice.arrays
    leaving: dict[int, list[Any]] = defaultdict(list)
    for source, arc in zip(arrays.sources.tolist(), arrays.arcs, strict=True):
        leaving[source].append(arc)
    sums: dict[tuple[int, int], float] = defaultdict(float)
    total, stack = 0.0, [(arrays.start, 0.0, ())]
    while stack:
        state, cost, labels = stack.pop()
        if np.isfinite(arrays.finals[state]).all():
            graph, acoustic = arrays.finals[state]
            weight = np.exp(-(cost + graph + acoustic / lm_weight))
            total += weight
            for frame, label in enumerate(labels):
                sums[frame, int(pdf_of[label])] += weight
        for arc in leaving[state]:
            graph, acoustic = arc["weight"]
            more = (int(arc["ilabel"]),) if arc["ilabel"] else ()
            stack.append((int(arc["nextstate"]), cost + graph + acoustic / lm_weight, labels + more))
    return {place: weight / total for place, weight in sums.items()}


@pytest.mark.parametrize("seed", range(4))
def test_every_path_counts_with_its_weight(recogniser: Any, seed: int) -> None:
    options = DecodeOptions(acoustic_scale=0.2, lattice_beam=2.5)
    decoder = Decoder(recogniser.graph, options)
    loglikes = recogniser.loglikes(seed, 14, 3.0)
    lattice = decoder.lattice(loglikes)
    found = occupancy(lattice, 5.0, decoder.pdf_of)
    expected = {at: weight for at, weight in by_paths(lattice, 5.0, decoder.pdf_of).items() if weight > 1e-3}
    pairs = zip(found.frames.tolist(), found.pdfs.tolist(), strict=True)
    assert dict(zip(pairs, found.weights.tolist(), strict=True)) == pytest.approx(expected, abs=1e-5)
    assert len(expected) > len(loglikes)
    np.testing.assert_allclose(np.bincount(found.frames, found.weights), np.ones(len(loglikes)), atol=0.02)


def test_a_single_path_is_its_pdfs(recogniser: Any) -> None:
    decoder = Decoder(recogniser.graph, DecodeOptions(acoustic_scale=1 / 8, lattice_beam=1e-6))
    loglikes = recogniser.loglikes(3, 25, 8.0)
    found = occupancy(decoder.lattice(loglikes), 8.0, decoder.pdf_of)
    assert np.array_equal(found.pdfs, decoder.best(loglikes, 1 / 8).pdfs)
    assert found.weights.tolist() == pytest.approx([1.0] * 25)


def test_silence_counts_little_or_not_at_all(recogniser: Any) -> None:
    decoder = Decoder(recogniser.graph, DecodeOptions())
    loglikes, silent = recogniser.loglikes(1, 25, 8.0), np.zeros(recogniser.pdfs, bool)
    whole = Occupancies(decoder, silent, 1.0)("utt", loglikes)
    silent[whole.pdfs[0]] = True
    little = Occupancies(decoder, silent, 0.01)("utt", loglikes)
    quiet = silent[whole.pdfs]
    np.testing.assert_allclose(little.weights, whole.weights * np.where(quiet, 0.01, 1), rtol=1e-6)
    none = Occupancies(decoder, silent, 0.0)("utt", loglikes)
    assert len(none.pdfs) == len(whole.pdfs) - quiet.sum() < len(whole.pdfs)
    assert not silent[none.pdfs].any()


def test_without_a_path_nothing_is_heard(recogniser: Any) -> None:
    decoder = Decoder(recogniser.graph, DecodeOptions())
    found = Occupancies(decoder, np.zeros(recogniser.pdfs, bool), 0.01)("utt", recogniser.loglikes(0, 2))
    assert not found.reached_final
    assert found.frames.dtype == found.pdfs.dtype == np.int32
