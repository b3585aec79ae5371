"""How much speech there is, by headers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr_prune.analysis import amount
from asr_prune.analysis.amount import of_files, of_set
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.segments import Segment


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Of 1 to 10 seconds."""
    places = [str(tmp_path / f"{i:02d}.wav") for i in range(1, 11)]
    for i, place in enumerate(places, 1):
        soundfile.write(place, np.zeros(i * 8000, np.int16), 8000)
    return places


def test_hours_are_those_of_the_headers(files: list[str], tmp_path: Path) -> None:
    names = [f"s{i % 2}-{i}" for i in range(10)]
    speakers = {name: name[:2] for name in names}
    data = DataDir(tmp_path, dict(zip(names, files, strict=True)), {name: ["A", "B"] for name in names}, speakers)
    found = of_set(data)
    assert (found.utterances, found.words, found.speakers, found.estimated) == (10, 20, 2, False)
    assert found.hours == pytest.approx(55 / 3600)
    assert 0 < found.header_seconds < 1
    data.segments = {name: Segment(name, 0.5, 0.75) for name in names}
    assert of_set(data).hours == pytest.approx(2.5 / 3600)


def test_hours_of_many_are_scaled_up(files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amount, "HEADERS", 5)
    (tmp_path / "notes.txt").write_text("no audio")
    found = of_files(tmp_path)
    assert found is not None
    assert (found.utterances, found.estimated) == (10, True)
    assert found.hours == pytest.approx((1 + 3 + 5 + 7 + 9) * 2 / 3600)


def test_files_that_cannot_be_read_count_nothing(files: list[str], tmp_path: Path) -> None:
    Path(files[-1]).write_bytes(b"")
    found = of_files(tmp_path)
    assert found is not None
    assert found.hours == pytest.approx(45 / 3600)
    assert of_files(tmp_path / "empty") is None
