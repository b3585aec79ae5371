from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any, Literal

import pytest

from asr_prune.corpus.script import read_options, run_script
from asr_prune.errors import UserError
from asr_prune.options import options


@options
class Asked:
    #: a choice
    subset: Literal["mini", "all"] = "all"
    #: a number
    chain: int = 1
    #: a file
    lexicon: Path | None = None

    def __post_init__(self) -> None:
        if self.chain < 1:
            raise ValueError(f"chain must be 1 or more, not {self.chain}")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"chian": 2}, "corpus.options: unknown key 'chian'; did you mean 'chain'?"),
        ({"chain": "two"}, r"corpus.options: chain: input should be a valid integer.* \(got 'two'\)."),
        ({"subset": "maxi"}, r"corpus.options: subset: input should be 'mini' or 'all' \(got 'maxi'\)."),
        ({"chain": 0}, "corpus.options: chain must be 1 or more, not 0."),
    ],
)
def test_mistakes_are_one_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_options(Asked, given)


def test_the_command_line_has_an_option_for_each_field(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[Any] = []
    words = ["x.py", "/corpus", str(tmp_path), "--subset", "mini", "--chain", "3", "--seed", "7", "--lexicon", "a.dict"]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    run_script("local/x.py", lambda *given: seen.extend(given), Asked)
    assert seen == [Path("/corpus"), tmp_path, 7, Asked(subset="mini", chain=3, lexicon=Path("a.dict"))]
    monkeypatch.setattr(sys, "argv", [*words, "--chain", "0"])
    with pytest.raises(SystemExit, match=r"^local/x\.py: chain must be 1 or more, not 0"):
        run_script("local/x.py", lambda *given: None, Asked)
