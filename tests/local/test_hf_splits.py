"""Which tables are of which split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from asr_prune.errors import UserError
from tests.local.test_hf_source import prepared, rows, write


@pytest.fixture
def script(local: Callable[[str], ModuleType]) -> ModuleType:
    return local("hf")


def test_splits_are_known_in_any_case_and_training_has_one(script: ModuleType, tmp_path: Path) -> None:
    for name, end in (("Train", "CSV"), ("Dev", "csv"), ("TEST_set", "Csv")):
        write(tmp_path / f"root/{name}.{end}", rows(tmp_path / "root", f"{name}/{{}}.wav".format))
    sets = prepared(script, tmp_path / "root")
    assert all("/Dev/" in place for place in sets["dev"].wavs.values())
    with pytest.raises(UserError, match=r"no split 'mine', but .*; name one of these in corpus\.options\."):
        prepared(script, tmp_path / "root", train="mine")
    with pytest.raises(ValueError, match="train names a split; only dev and test may be empty"):
        script.Options(train="")
