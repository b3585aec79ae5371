"""Searches that do not end, and scores that cannot be searched."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr_prune.decode.decoder import Decoder
from asr_prune.decode.lattice_set import lattice_set
from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError

POINTS = [(8, 0.0)]


def test_unfinished_is_reported_and_counted(recogniser: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Two frames are too few for any word."""
    loglikes = {"short": recogniser.loglikes(0, 2), "long": recogniser.loglikes(1, 30)}
    with caplog.at_level(logging.INFO):
        decoded = lattice_set(recogniser.graph, loglikes.items(), DecodeOptions(), POINTS)
    assert decoded.partial == ["short"]
    assert "1 utterance reached no final state" in caplog.text


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.zeros((0, 0), np.float32), "pdfs"),
        (np.zeros((10, 3), np.float32), "3 outputs"),
        (np.zeros(10, np.float32), "pdfs"),
        ("empty", "no frame"),
        ("nan", "NaN"),
    ],
)
@pytest.mark.parametrize("nj", [1, 2])
def test_bad_log_likelihoods(recogniser: Any, matrix: Any, words: str, nj: int) -> None:
    if isinstance(matrix, str):
        matrix = {"empty": recogniser.loglikes(0, 0), "nan": recogniser.loglikes(0, 9) * np.float32(np.nan)}[matrix]
    with pytest.raises(UserError, match=words) as error:
        lattice_set(recogniser.graph, [("bad", matrix)], DecodeOptions(), POINTS, nj)
    assert "bad" in str(error.value)


def test_nothing_to_decode_and_no_graph(recogniser: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no utterance"):
        lattice_set(recogniser.graph, [], DecodeOptions(), POINTS)
    with pytest.raises(UserError, match="graph stage"):
        Decoder(tmp_path, DecodeOptions())


@pytest.mark.parametrize(
    "wrong",
    [{"beam": 0}, {"max_active": 1}, {"lm_weights": ()}, {"penalties": ()}, {"lattice_beam": 0}, {"acoustic_scale": 0}],
)
def test_options_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DecodeOptions(**wrong)
