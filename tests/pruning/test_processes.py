"""Two processes train as one does: every method, every kind of data, dropout and gates included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from .together import all_cases, cases, in_two, result, trainer

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


def assert_equal(one: Any, other: Any) -> None:
    pairs = zip(one.values(), other.values(), strict=True) if isinstance(one, dict) else zip(one, other, strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def largest_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    assert one.keys() == other.keys()
    return max(float((one[name] - other[name]).abs().max()) for name in one)
