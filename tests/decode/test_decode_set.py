from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr_prune.decode.decode_set import decode_set
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError


def test_each_as_decoded_alone_and_processes_agree(recogniser: Any, start: str) -> None:
    loglikes = {f"utt{i}": recogniser.loglikes(i, 20 + i, 8.0) for i in range(5)}
    one, two = (decode_set(recogniser.graph, loglikes, DecodeOptions(), 8, nj=nj) for nj in (1, 2))
    assert one == two
    decoder = Decoder(recogniser.graph, DecodeOptions())
    assert one == {utt: decoder.best(matrix, 1 / 8) for utt, matrix in loglikes.items()}
    for utt, matrix in loglikes.items():
        assert len(one[utt].pdfs) == len(matrix)


def test_unfinished_is_reported_and_counted(recogniser: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Two frames are too few for any word."""
    loglikes = {"short": recogniser.loglikes(0, 2), "long": recogniser.loglikes(1, 30)}
    with caplog.at_level(logging.INFO):
        hyps = decode_set(recogniser.graph, loglikes, DecodeOptions(), 8)
    assert [utt for utt, hyp in hyps.items() if not hyp.reached_final] == ["short"]
    assert "1 utterances reached no final state" in caplog.text


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
        decode_set(recogniser.graph, {"bad": matrix}, DecodeOptions(), 8, nj)
    assert "bad" in str(error.value)


def test_nothing_to_decode_and_no_graph(recogniser: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no utterance"):
        decode_set(recogniser.graph, {}, DecodeOptions(), 8)
    with pytest.raises(UserError, match="graph stage"):
        Decoder(tmp_path, DecodeOptions())


@pytest.mark.parametrize(
    "wrong",
    [{"beam": 0}, {"max_active": 1}, {"lm_weights": ()}, {"penalties": ()}, {"lattice_beam": 0}, {"acoustic_scale": 0}],
)
def test_options_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DecodeOptions(**wrong)
