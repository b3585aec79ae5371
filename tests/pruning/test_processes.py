"""Two processes train as one does: every method, every kind of data, dropout and gates included."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from .together import all_cases, begun, cases, in_two, result, resumed, trainer

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The results of two processes: of each, by case."""
    return in_two(tmp_path_factory.mktemp("two"), all_cases)


@pytest.mark.parametrize("name", cases())
def test_two_processes_train_as_one(name: str, two: list[dict[str, Any]], tmp_path: Path) -> None:
    first, second = (results[name] for results in two)
    alone = result(trainer(tmp_path, cases()[name]))
    for key in ("kept", "weights"):
        assert_equal(first[key], second[key])
    assert torch.equal(first["random"], second["random"])
    assert first["rows"] == second["rows"]
    assert_equal(first["kept"], alone["kept"])
    assert first["cut"] == alone["cut"]
    assert largest_difference(first["weights"], alone["weights"]) < 1e-9
    assert first["dev"] == pytest.approx(alone["dev"], abs=1e-6)


def test_two_resume_exactly_and_one_goes_on_where_two_were(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole, part, other = (tmp_path / name for name in ("whole", "part", "other"))
    for folder in (whole, part, other):
        folder.mkdir()
    uninterrupted = in_two(whole, resumed)
    assert in_two(part, begun) == [4, 4]
    shutil.copytree(part, other, dirs_exist_ok=True)
    for one, again in zip(uninterrupted, in_two(part, resumed), strict=True):
        assert_equal(one["weights"], again["weights"])
        assert one["rows"] == again["rows"]
    assert (whole / "trail.jsonl").read_bytes() == (part / "trail.jsonl").read_bytes()
    alone = resumed(other)
    assert "processes were 2 and are 1: from here on, figures are the same up to rounding only" in caplog.text
    assert_equal(alone["kept"], uninterrupted[0]["kept"])
    assert largest_difference(alone["weights"], uninterrupted[0]["weights"]) < 1e-9


def assert_equal(one: Any, other: Any) -> None:
    pairs = zip(one.values(), other.values(), strict=True) if isinstance(one, dict) else zip(one, other, strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def largest_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)
