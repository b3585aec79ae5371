"""Renamed keys of an options class."""

from __future__ import annotations

from typing import ClassVar

import pytest

from asr_prune.options import options, renamed_keys


@options
class _Block:
    ALIASES: ClassVar[dict[str, str]] = {"rise": "pct_start"}
    pct_start: float = 0.3
    other: int = 1


def test_an_old_key_takes_its_new_name_with_a_note() -> None:
    tree, notes = renamed_keys(_Block, {"rise": 0.5, "other": 2})
    assert list(tree.items()) == [("pct_start", 0.5), ("other", 2)]
    assert notes == ["rise is now called pct_start"]
    assert _Block(**tree).pct_start == 0.5


def test_new_keys_and_classes_without_aliases_stay_as_they_are() -> None:
    assert renamed_keys(_Block, {"pct_start": 0.1}) == ({"pct_start": 0.1}, [])
    assert renamed_keys(int, {"rise": 1}) == ({"rise": 1}, [])


def test_both_names_together_are_refused() -> None:
    with pytest.raises(ValueError, match="rise is the old name of pct_start; give pct_start alone"):
        renamed_keys(_Block, {"rise": 0.5, "pct_start": 0.1})
