"""Features that stay in their archives."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from asr_prune.acoustic.unlabelled import Both, Unlabelled
from asr_prune.errors import UserError
from asr_prune.features.archive import write_matrices
from asr_prune.features.stored import Computed, Stored, frames_of
from asr_prune.pruning.teaching import Beside


def matrices(prefix: str, count: int) -> dict[str, np.ndarray]:
    dice = np.random.default_rng(len(prefix))
    return {f"{prefix}{i}": dice.standard_normal((i, 3)).astype(np.float32) for i in range(1, count)}


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    write_matrices(tmp_path / "feats", matrices("a", 5).items())
    return Stored.open(tmp_path / "feats.scp", lambda _, raw: raw)


def test_is_what_was_written(stored: Stored) -> None:
    made = matrices("a", 5)
    assert list(stored) == list(made)
    assert len(stored) == 4
    assert all(np.array_equal(stored[name], own) for name, own in made.items())
    assert stored.frames == frames_of(stored) == frames_of(made) == {f"a{i}": i for i in range(1, 5)}
    with pytest.raises(KeyError):
        stored["b1"]


def test_is_dressed_each_time_in_order(stored: Stored) -> None:
    twice = stored.then(lambda name, raw: raw * int(name[1:])).then(lambda _, raw: raw + 1)
    assert np.array_equal(twice["a3"], matrices("a", 5)["a3"] * 3 + 1)


def test_two_together(stored: Stored, tmp_path: Path) -> None:
    write_matrices(tmp_path / "more", matrices("bb", 3).items())
    both = stored.then(lambda _, raw: raw + 1) | Stored.open(tmp_path / "more.scp", lambda _, raw: -raw)
    assert np.array_equal(both["a2"], matrices("a", 5)["a2"] + 1)
    assert np.array_equal(both["bb2"], -matrices("bb", 3)["bb2"])
    assert both.frames == {**{f"a{i}": i for i in range(1, 5)}, "bb1": 1, "bb2": 2}


def test_frames_of_a_text_archive_are_counted(tmp_path: Path) -> None:
    (tmp_path / "t.ark").write_text("u  [\n 1 2\n 3 4 ]\n")
    (tmp_path / "t.scp").write_text(f"u {tmp_path}/t.ark:2\n")
    assert Stored.open(tmp_path / "t.scp", lambda _, raw: raw).frames == {"u": 2}


def test_what_is_gone_or_cut_short_is_told(stored: Stored, tmp_path: Path) -> None:
    ark = tmp_path / "feats.ark"
    ark.write_bytes(ark.read_bytes()[:-4])
    with pytest.raises(UserError, match=r"matrix of a4 is damaged .*; run the features stage again"):
        stored["a4"]
    ark.unlink()
    with pytest.raises(UserError, match=r"feats\.ark, named for a1, cannot be read"):
        stored["a1"]


def test_several_threads_may_ask(stored: Stored) -> None:
    made, wrong = matrices("a", 5), list[str]()

    def ask() -> None:
        wrong.extend(name for _ in range(200) for name, own in made.items() if not np.array_equal(stored[name], own))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_arrays_are_computed_on_access_and_in_chains() -> None:
    made, calls = matrices("a", 4), list[str]()

    def double(utterance: str, matrix: np.ndarray) -> np.ndarray:
        calls.append(utterance)
        return 2 * matrix

    computed = Computed(Computed(made, double), lambda _, matrix: matrix + 1)
    assert (list(computed), len(computed), frames_of(computed)) == (list(made), 3, {"a1": 1, "a2": 2, "a3": 3})
    assert calls == []
    np.testing.assert_array_equal(computed["a2"], 2 * made["a2"] + 1)
    assert calls == ["a2"]


def test_asking_whether_it_is_there_reads_nothing(stored: Stored) -> None:
    def read(name: str, raw: np.ndarray) -> np.ndarray:
        raise AssertionError(f"{name} was read")

    unread = stored.then(read)
    for arrays in (unread, Computed(unread, read), Both(unread, {}), Unlabelled(unread), Beside([unread], unread)):
        assert "a1" in arrays
        assert "b1" not in arrays
        assert arrays.keys() & {"a1", "a4", "b1"} == {"a1", "a4"}
    assert "a1" not in Beside([], unread)
