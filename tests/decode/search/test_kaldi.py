"""The search beside kaldi-decoder's LatticeSimpleDecoder, which is Kaldi's code without max_active."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kaldi_decoder import DecodableCtc, LatticeSimpleDecoder, LatticeSimpleDecoderConfig

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.lattice import Lattice
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.search import compiled
from asr_prune.lang.fst import read_fst

OPTIONS = DecodeOptions(beam=60.0, lattice_beam=8.0, max_active=10**6)


def simple_lattice(graph: Path, loglikes: np.ndarray) -> Lattice:
    """Kaldi's lattice of an utterance; words without transition-ids."""
    arrays, pdfs = FstArrays.of(read_fst(graph / "HCLG.fst", "graph")), np.loadtxt(graph / "pdfs.txt", np.int32)
    ids = arrays.arcs["ilabel"]
    arrays.arcs["ilabel"] = np.where(ids > 0, pdfs[ids] + 1, 0)
    config = LatticeSimpleDecoderConfig(beam=OPTIONS.beam, lattice_beam=OPTIONS.lattice_beam)
    fst = arrays.fst()
    search = LatticeSimpleDecoder(fst, config)
    search.decode(DecodableCtc(loglikes * np.float32(OPTIONS.acoustic_scale)))
    lattice = FstArrays.of(search.get_raw_lattice()[1])
    unscaled = np.array([1, 1 / OPTIONS.acoustic_scale], np.float32)
    lattice.arcs["weight"] *= unscaled
    lattice.finals *= unscaled
    return Lattice(lattice)


@pytest.mark.parametrize("seed", range(6))
def test_lattices_have_kaldis_arcs_and_costs(recogniser: Any, seed: int) -> None:
    loglikes = recogniser.loglikes(seed, 50)
    ours, kaldis = Decoder(recogniser.graph, OPTIONS).lattice(loglikes), simple_lattice(recogniser.graph, loglikes)
    assert _content(ours) == pytest.approx(_content(kaldis), abs=2e-3)
    points = [(weight, penalty) for weight in (6, 10, 14) for penalty in (0.0, 1.0)]
    costs = [[cost for _, cost in lattice.sweep(points)] for lattice in (ours, kaldis)]
    assert costs[0] == pytest.approx(costs[1], abs=2e-3)


def _content(lattice: Lattice) -> np.ndarray:
    """Words and costs of all arcs, each sorted: states have other numbers."""
    arcs = lattice.arrays.arcs
    return np.sort(np.column_stack([arcs["olabel"], arcs["weight"]]), axis=0)


def test_the_first_compilation_is_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compiled.config, "CACHE_DIR", str(tmp_path))
    with caplog.at_level(logging.INFO):
        with compiled.announced():
            compiled.folder().mkdir(parents=True)
            (compiled.folder() / "search.nbc").touch()
        assert "compiling the search, once for this version" in caplog.text
        assert f"and kept in {tmp_path}" in caplog.text
        caplog.clear()
        with compiled.announced():
            pass
        assert not caplog.text
