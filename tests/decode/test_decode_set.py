from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr_prune.decode.decode_set import decode_set, grid
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.search import Decoder
from asr_prune.errors import UserError

SMALL = DecodeOptions(lm_weights=(1, 8), penalties=(0.0, 3.0))


def test_each_point_as_decoded_alone_and_processes_agree(recogniser: Any) -> None:
    loglikes = {f"utt{i}": recogniser.loglikes(i, 20 + i, 8.0) for i in range(5)}
    one, two = (decode_set(recogniser.graph, loglikes, SMALL, grid(SMALL), nj=nj) for nj in (1, 2))
    assert one.hyps == two.hyps
    assert list(one.hyps) == [(1, 0.0), (1, 3.0), (8, 0.0), (8, 3.0)]
    assert one.frames == sum(map(len, loglikes.values()))
    decoder = Decoder(recogniser.graph, SMALL)
    for weight, penalty in one.hyps:
        for utt, matrix in loglikes.items():
            assert one.hyps[weight, penalty][utt] == decoder.decode(matrix, 1 / weight, penalty)
    assert one.words((8, 3.0)) == {utt: hyp.words for utt, hyp in one.hyps[8, 3.0].items()}


def test_penalty_shortens(recogniser: Any) -> None:
    loglikes = {f"utt{i}": recogniser.loglikes(i, 80, 8.0) for i in range(6)}
    decoded = decode_set(recogniser.graph, loglikes, SMALL, grid(SMALL))
    counts = [sum(map(len, decoded.words((8, penalty)).values())) for penalty in (0.0, 3.0)]
    assert counts[1] < counts[0]


def test_unfinished_is_said_and_counted(recogniser: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Two frames are too few for any word."""
    loglikes = {"short": recogniser.loglikes(0, 2), "long": recogniser.loglikes(1, 30)}
    with caplog.at_level(logging.INFO):
        decoded = decode_set(recogniser.graph, loglikes, SMALL, [(8, 0.0)])
    assert decoded.partial == ["short"]
    assert not decoded.hyps[8, 0.0]["short"].reached_final
    assert decoded.hyps[8, 0.0]["long"].reached_final
    assert "1 utterances reached no final state" in caplog.text
    assert "real-time factor" in decoded.summary()
    assert decoded.rtf() > 0


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.zeros((0, 0), np.float32), "pdfs"),
        (np.zeros((10, 3), np.float32), "3 pdfs"),
        (np.zeros(10, np.float32), "pdfs"),
        ("empty", "no frame"),
        ("nan", "NaN"),
    ],
)
def test_bad_log_likelihoods(recogniser: Any, matrix: Any, words: str) -> None:
    if isinstance(matrix, str):
        matrix = {"empty": recogniser.loglikes(0, 0), "nan": recogniser.loglikes(0, 9) * np.float32(np.nan)}[matrix]
    with pytest.raises(UserError, match=words) as error:
        decode_set(recogniser.graph, {"bad": matrix}, SMALL, [(8, 0.0)])
    assert "bad" in str(error.value)


def test_nothing_to_decode_and_no_graph(recogniser: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no utterance"):
        decode_set(recogniser.graph, {}, SMALL, [(8, 0.0)])
    with pytest.raises(UserError, match="graph stage"):
        Decoder(tmp_path, SMALL)


@pytest.mark.parametrize("wrong", [{"beam": 0}, {"max_active": 1}, {"lm_weights": ()}, {"penalties": ()}])
def test_options_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        DecodeOptions(**wrong)
