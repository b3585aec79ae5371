"""Portions: whole batches in order, written whole, and every damage noticed."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.acoustic.batches import utterance_batches
from asr_prune.decode.lattice import Lattice
from asr_prune.decode.lattice_archive import read_lattices
from asr_prune.decode.lattice_set import Searched, lattice_set
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.portion_files import portions
from asr_prune.decode.portions import PortionStore
from asr_prune.errors import UserError

SMALL = DecodeOptions(lm_weights=(4, 8), penalties=(0.0,))
SCORES: Any = SimpleNamespace(seconds=0.25)


@given(st.dictionaries(st.text("abc", min_size=1), st.integers(1, 20_000), max_size=60))
def test_portions_are_whole_batches_that_stay_the_same_when_alone(frames: dict[str, int]) -> None:
    made = portions(frames, 0.01)
    assert [name for part in made for name in part] == sorted(frames)
    batches = list(utterance_batches(frames))
    alone = [batch for part in made for batch in utterance_batches({name: frames[name] for name in part})]
    assert alone == batches
    for part in made[:-1]:
        assert sum(frames[name] for name in part) >= 6000


def test_long_sets_have_at_most_two_hundred_portions() -> None:
    frames = {f"{i:05d}": 3000 for i in range(20_000)}
    assert 150 <= len(portions(frames, 0.01)) <= 200


@pytest.fixture
def found(recogniser: Any, tmp_path: Path) -> dict[str, Searched]:
    """What a search may find: the last utterance has no path."""
    scores = {f"utt{i}": recogniser.loglikes(i, 20) for i in range(3)}
    lattice_set(recogniser.graph, scores.items(), SMALL, [], 1, tmp_path / "lat.gz")
    lattices: list[Lattice | None] = [lattice for _, lattice in read_lattices(tmp_path / "lat.gz")]
    made = [Searched(20, [[1, 2], []], -3.1 * i, True, (0.1, 0.2), lattice) for i, lattice in enumerate(lattices)]
    made[-1] = Searched(20, [[], []], float("-inf"), False, (0.1, 0.2))
    return dict(zip(scores, made, strict=True))


@pytest.fixture
def store(found: dict[str, Searched], tmp_path: Path) -> PortionStore:
    """Two portions of three utterances, both done."""
    made = PortionStore(tmp_path / "portions", [["utt0", "utt1"], ["utt2"]], lattices=True)
    for number, names in enumerate(made.names):
        made.write(number, [(name, found[name]) for name in names], SCORES)
    return made


def test_what_is_written_is_read(store: PortionStore, found: dict[str, Searched], tmp_path: Path) -> None:
    assert store.missing() == []
    read = [pair for number in (0, 1) for pair in store.read(number)]
    assert [(utt, own.frames, own.words, own.score, own.reached_final) for utt, own in read] == [
        (utt, own.frames, own.words, own.score, own.reached_final) for utt, own in found.items()
    ]
    assert store.forward() == 0.5
    store.copy_lattices(tmp_path / "all.gz")
    assert [utt for utt, _ in read_lattices(tmp_path / "all.gz")] == ["utt0", "utt1"]
    assert gzip.decompress((tmp_path / "all.gz").read_bytes()) == b"".join(
        gzip.decompress(path.read_bytes()) for path in sorted(store.folder.glob("*.lat.gz"))
    )


@pytest.mark.parametrize("name", ["0000.jsonl.gz", "0000.lat.gz"])
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "delete", "other"])
def test_a_damaged_portion_is_missing_and_the_others_are_not(
    store: PortionStore, name: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = store.folder / name
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0x10
    changed = {"cut": content[:-9], "flip": content, "empty": b"", "other": gzip.compress(b'["utt0", {}]\n')}
    path.unlink() if damage == "delete" else path.write_bytes(bytes(changed[damage]))
    with caplog.at_level(logging.WARNING):
        assert store.missing() == [0]
    assert ("2 utterances are decoded again" in caplog.text) == ((name, damage) != ("0000.jsonl.gz", "delete"))


@pytest.mark.parametrize("error", [KeyboardInterrupt, UserError])
def test_a_portion_that_was_interrupted_leaves_nothing(
    store: PortionStore, found: dict[str, Searched], error: type[BaseException]
) -> None:
    def results() -> Any:
        yield "utt0", found["utt0"]
        raise error("stop")

    half = PortionStore(store.folder.with_name("half"), store.names, lattices=False)
    with pytest.raises(error):
        half.write(0, results(), SCORES)
    assert half.missing() == [0, 1]
    assert not half.folder.exists()


def test_other_utterances_are_another_set(store: PortionStore) -> None:
    assert PortionStore(store.folder, [["utt0"], ["utt2"]], lattices=True).missing() == [0]


def test_scores_survive_exactly(store: PortionStore, tmp_path: Path) -> None:
    dice = np.random.default_rng(0)
    scores = [float(x) for x in dice.normal(size=50) * 10.0 ** dice.integers(-300, 300, 50)]
    made = PortionStore(tmp_path / "exact", [[f"{i:02d}" for i in range(50)]], lattices=False)
    made.write(0, [(f"{i:02d}", Searched(1, [], x, True, (x, x))) for i, x in enumerate(scores)], SCORES)
    assert [own.score for _, own in made.read(0)] == scores
