from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.hmm.labels import read_labels, write_labels

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


def test_missing_or_cut_short(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="align stage"):
        read_labels(tmp_path / "pdf.scp")
    write_labels(tmp_path / "pdf", LABELS.items())
    data = (tmp_path / "pdf.ark").read_bytes()
    (tmp_path / "pdf.ark").write_bytes(data[:-3])
    with pytest.raises(UserError, match="damaged"):
        read_labels(tmp_path / "pdf.ark")
