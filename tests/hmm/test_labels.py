from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.hmm.labels import StoredLabels, read_labels, write_labels

LABELS = {"a": np.array([3, 1, 2], np.int32), "b": np.array([7], np.int32)}


def test_round_trip_through_ark_and_scp(tmp_path: Path) -> None:
    write_labels(tmp_path / "pdf", LABELS.items())
    for name in ("pdf.ark", "pdf.scp"):
        read = read_labels(tmp_path / name)
        assert read.keys() == LABELS.keys()
        for utt, vector in LABELS.items():
            assert read[utt].dtype == np.int32
            np.testing.assert_array_equal(read[utt], vector)
    data = (tmp_path / "pdf.ark").read_bytes()
    for line in (tmp_path / "pdf.scp").read_text().splitlines():
        utt, place = line.split()
        assert data[int(place.rpartition(":")[2]) :].startswith(b"\0B\4")
        assert data[: int(place.rpartition(":")[2])].endswith(f"{utt} ".encode())


def test_the_index_is_relative_to_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_labels(tmp_path / "elsewhere/pdf", LABELS.items())
    (tmp_path / "a project ü").mkdir()
    monkeypatch.chdir(tmp_path / "a project ü")
    write_labels(Path("exp/demo/pdf"), LABELS.items())
    assert Path("exp/demo/pdf.scp").read_text() == "a exp/demo/pdf.ark:2\nb exp/demo/pdf.ark:26\n"
    archives = [Path("exp/demo/pdf.ark"), tmp_path / "elsewhere/pdf.ark"]
    assert archives[0].read_bytes() == archives[1].read_bytes()


def test_those_that_stay_stored_are_the_same(tmp_path: Path) -> None:
    labels = {**LABELS, "none": np.zeros(0, np.int32), "long": np.arange(70000, dtype=np.int32) - 5}
    write_labels(tmp_path / "pdf", labels.items())
    stored = StoredLabels(tmp_path / "pdf.scp")
    assert list(stored) == list(labels)
    assert len(stored) == 4
    assert stored.frames == {utt: len(vector) for utt, vector in labels.items()}
    for utt, vector in labels.items():
        assert stored[utt].dtype == np.int32
        np.testing.assert_array_equal(stored[utt], vector)


@pytest.mark.parametrize("lost", [1, 3, 6, 16])
def test_stored_ones_that_are_cut_short(tmp_path: Path, lost: int) -> None:
    write_labels(tmp_path / "pdf", LABELS.items())
    data = (tmp_path / "pdf.ark").read_bytes()
    (tmp_path / "pdf.ark").write_bytes(data[:-lost])
    with pytest.raises(UserError, match=r"pdf.ark are damaged at .; run the align stage again"):
        StoredLabels(tmp_path / "pdf.ark")


def test_missing_or_cut_short(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="align stage"):
        read_labels(tmp_path / "pdf.scp")
    with pytest.raises(UserError, match="align stage"):
        StoredLabels(tmp_path / "pdf.scp")
    write_labels(tmp_path / "pdf", LABELS.items())
    data = (tmp_path / "pdf.ark").read_bytes()
    (tmp_path / "pdf.ark").write_bytes(data[:-3])
    with pytest.raises(UserError, match="damaged"):
        read_labels(tmp_path / "pdf.ark")
