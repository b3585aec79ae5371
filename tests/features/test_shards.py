"""Archives in shards hold what one archive would, and are read by memory map."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.features import shards
from asr_prune.features.archive import places_of, read_matrices, read_place, write_matrices
from asr_prune.features.mapped import read_mapped
from asr_prune.features.shards import join_shards, write_shards
from asr_prune.features.stored import Stored
from asr_prune.integrity import MANIFEST, Damaged, record

DICE = np.random.default_rng(0)
MATRICES = [(f"u{i:02d}", DICE.standard_normal((10 + i, 5)).astype(np.float32)) for i in range(12)]


def same(folder: Path) -> None:
    found = dict(read_matrices(folder / "feats.scp"))
    stored = Stored.open(folder / "feats.scp", lambda _, raw: raw)
    assert list(found) == [name for name, _ in MATRICES]
    for name, matrix in MATRICES:
        assert np.array_equal(found[name], matrix)
        assert np.array_equal(stored[name], matrix)
        assert stored.frames[name] == len(matrix)


def test_a_small_set_is_one_archive_byte_for_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_matrices(Path("one/feats"), MATRICES)
    assert write_shards(Path("two/feats"), iter(MATRICES)) == []
    assert (tmp_path / "one/feats.ark").read_bytes() == (tmp_path / "two/feats.ark").read_bytes()
    one, two = (Path(name, "feats.scp").read_text() for name in ("one", "two"))
    assert two == one.replace("one/", "two/")


@pytest.mark.parametrize("joined", [False, True])
def test_a_large_set_goes_on_in_more_archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, joined: bool) -> None:
    monkeypatch.setattr(shards, "SHARD", 1000)
    if joined:
        made = join_shards(tmp_path / "feats", pieces(tmp_path))
    else:
        made = write_shards(tmp_path / "feats", iter(MATRICES))
    assert [path.name for path in made] == [f"feats.{i}.ark" for i in range(2, len(made) + 2)]
    assert len(made) >= 2
    assert all(path.stat().st_size < 2500 for path in made)
    same(tmp_path)


def pieces(folder: Path) -> list[shards.ArchivePart]:
    found = []
    for i in range(0, 12, 2):
        write_matrices(folder / f"part{i}", MATRICES[i : i + 2])
        places = places_of(folder / f"part{i}.scp")
        found.append((folder / f"part{i}.ark", [(key, place.offset) for key, place in places.items()]))
    return found


def test_a_set_that_became_smaller_leaves_no_shard_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD", 1000)
    first = write_shards(tmp_path / "feats", MATRICES)
    record("features", dict.fromkeys(first, "0" * 64))
    assert write_shards(tmp_path / "feats", MATRICES[:1]) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["feats.ark", "feats.scp"]


def test_a_shard_that_is_lost_or_damaged_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD", 1000)
    made = write_shards(tmp_path / "feats", MATRICES)
    places = places_of(tmp_path / "feats.scp")
    record("features", {made[0]: "0" * 64})
    inside = next(key for key, place in places.items() if Path(place.archive).name == made[0].name)
    with pytest.raises(Damaged, match=r"feats.2.ark is damaged.*run asr-prune features again"):
        read_place(places[inside], inside)
    (tmp_path / MANIFEST).unlink()
    made[-1].write_bytes(made[-1].read_bytes()[:-4])
    with pytest.raises(UserError, match=made[-1].name):
        read_place(places["u11"], "u11")
    made[-1].unlink()
    with pytest.raises(UserError, match=rf"{made[-1].name}.*cannot be read"):
        read_place(places["u11"], "u11")


@given(
    rows=st.integers(0, 7), columns=st.integers(0, 5), wide=st.booleans(), key=st.text("abc", min_size=1, max_size=9)
)
def test_a_map_gives_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: int, columns: int, wide: bool, key: str
) -> None:
    folder = tmp_path_factory.mktemp("map")
    matrix = DICE.standard_normal((rows, columns)).astype(np.float64 if wide else np.float32)
    write_matrices(folder / "m", [("0", np.ones((2, 3), np.float32)), (key, matrix)])
    place = places_of(folder / "m.scp")[key]
    found = read_mapped(place.archive, place.offset)
    assert found is not None
    assert found.dtype == matrix.dtype
    assert np.array_equal(found, matrix)


def test_a_rewritten_archive_is_mapped_again(tmp_path: Path) -> None:
    for value in (1.0, 2.0):
        write_matrices(tmp_path / "m", [("u", np.full((3, 2), value, np.float32))])
        place = places_of(tmp_path / "m.scp")["u"]
        assert read_place(place, "u")[0, 0] == value
