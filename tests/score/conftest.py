"""Two made-up recognisers on one made-up test, and NIST's programs."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from asr_prune.score.options import ScoreOptions
from asr_prune.score.sclite import sctk_command
from asr_prune.score.wer import Score, score

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "oh"]


@dataclass(frozen=True)
class Made:
    """300 sentences of nine speakers, as said and as heard by two recognisers; the second is the better one."""

    refs: dict[str, list[str]]
    first: dict[str, list[str]]
    second: dict[str, list[str]]

    def score(self, hyps: dict[str, list[str]]) -> Score:
        return score(hyps, self.refs, {name: name.split("-")[0] for name in self.refs}, ScoreOptions(bootstrap=0))


def hyp(words: list[str], rate: float, dice: random.Random) -> list[str]:
    """Words with substitutions, deletions and insertions, each at `rate`."""
    kept = [w if dice.random() > rate else dice.choice(WORDS) for w in words if dice.random() > rate]
    return [word for w in kept for word in ([w] if dice.random() > rate else [w, dice.choice(WORDS)])]


@pytest.fixture(scope="session")
def recognised() -> Made:
    dice = random.Random(1)
    refs = {f"s{i % 9}-{i:03d}": dice.choices(WORDS, k=dice.randint(1, 12)) for i in range(300)}
    return Made(refs, *({name: hyp(ref, rate, dice) for name, ref in refs.items()} for rate in (0.07, 0.05)))


@pytest.fixture
def sctk() -> None:
    """Skips where NIST's SCTK is not installed."""
    if not sctk_command("sclite") or not sctk_command("sc_stats"):
        pytest.skip("NIST's sclite and sc_stats (Debian's package sctk) are not installed")
