"""An interrupted search goes on with what it had found, and ends with the same results."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.decode.decoder import Decoder
from asr_prune.decode.kept import Coder, KeptSearch
from asr_prune.decode.occupancy import OCCUPANCIES, Occupancies
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.pace import SetSearch
from asr_prune.errors import UserError

SEARCH = SetSearch("adding", DecodeOptions(), settings=None)
ADDED = Coder[int](lambda found: found, int)
FRAMES = 6000


def total(utt: str, item: np.ndarray) -> int:
    """The work of these tests."""
    if utt == "bad":
        raise UserError("it is bad.")
    return int(item.sum())


def feats(count: int) -> dict[str, np.ndarray]:
    """Of which a portion holds a few."""
    return {f"u{i:02d}": np.full((FRAMES, 1), i) for i in range(count)}


def added(folder: Path, given: dict[str, np.ndarray], stop_at: str | None = None) -> tuple[dict[str, int], list[str]]:
    """The results, and the utterances that were read for them."""
    read: list[str] = []

    def pairs(names: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
        for name in names:
            read.append(name)
            if name == stop_at:
                raise KeyboardInterrupt
            yield name, given[name]

    kept = KeptSearch.of(folder, ADDED, given, 0.01)
    return dict(kept.each(total, pairs, 1, SEARCH)), read


@given(count=st.integers(1, 9), stop=st.integers(0, 8))
@settings(max_examples=30, deadline=None)
def test_what_is_done_is_not_done_again(tmp_path_factory: pytest.TempPathFactory, count: int, stop: int) -> None:
    folder, every = tmp_path_factory.mktemp("kept"), feats(count)
    expected, order = added(folder / "whole", every)
    with pytest.raises(KeyboardInterrupt):
        added(folder / "stopped", every, order[min(stop, count - 1)])
    kept = KeptSearch.of(folder / "stopped", ADDED, every, 0.01)
    rest = [name for number in kept.missing() for name in kept.names[number]]
    assert rest == order[len(order) - len(rest) :]
    found, read = added(folder / "stopped", every)
    assert found == expected == {name: int(matrix.sum()) for name, matrix in every.items()}
    assert read == rest
    assert {path.name: path.read_bytes() for path in (folder / "stopped").iterdir()} == {
        path.name: path.read_bytes() for path in (folder / "whole").iterdir()
    }


@pytest.mark.parametrize("damage", [b"", b"nothing", b"cut"])
def test_a_damaged_portion_is_done_again(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: bytes) -> None:
    every = feats(5)
    expected, _ = added(tmp_path, every)
    path = sorted(tmp_path.iterdir())[1]
    path.write_bytes(path.read_bytes()[:-9] if damage == b"cut" else damage)
    found, read = added(tmp_path, every)
    assert found == expected
    assert 0 < len(read) < 5
    assert f"{path.name} is damaged" in caplog.text


def test_a_portion_without_results_is_none_of_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    every = feats(4)
    kept = KeptSearch.of(tmp_path, ADDED, every, 0.01)
    some = dict(kept.each(total, lambda names: ((n, every[n]) for n in names if n == "u03"), 1, SEARCH))
    assert some == {"u03": 3 * FRAMES}
    with caplog.at_level(logging.INFO):
        assert dict(kept.each(total, lambda names: iter(()), 1, SEARCH)) == some
    assert "of 4 utterances are done already; going on" in caplog.text


def test_occupancies_are_kept_bit_by_bit(recogniser: Any, tmp_path: Path) -> None:
    loglikes = {f"utt{i}": recogniser.loglikes(i, 20 + i, 8.0) for i in range(3)}
    loglikes["none"] = np.full((1, recogniser.pdfs), -50.0, np.float32)
    decoder = Decoder(recogniser.graph, DecodeOptions())
    work = Occupancies(decoder, np.zeros(recogniser.pdfs, bool), 0.01)
    for _ in range(2):
        kept = KeptSearch.of(tmp_path / "kept", OCCUPANCIES, loglikes, 0.01)
        found = dict(kept.each(work, lambda names: ((name, loglikes[name]) for name in names), 1, SEARCH))
        for utt, own in found.items():
            alone = work(utt, loglikes[utt])
            assert own.reached_final == alone.reached_final
            for key in ("frames", "pdfs", "weights"):
                one, other = getattr(own, key), getattr(alone, key)
                assert np.array_equal(one, other)
                assert one.dtype == other.dtype
