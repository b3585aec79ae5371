"""What a search says of itself: lines a minute apart, and advice that works if it is slower than speech."""

from __future__ import annotations

import logging
import re
import time
from pathlib import Path

import numpy as np
import pytest

from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.pace import Audio, Pace, SetSearch, audio_of, each_paced
from asr_prune.recipe.load import load_recipe
from asr_prune.spread import processes

ROOT = Path(__file__).parents[2]
DECODING = SetSearch("decoding", DecodeOptions())


class Clock:
    """Seconds, moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def paced(caplog: pytest.LogCaptureFixture, search: SetSearch, cpu: float, minutes: float) -> list[str]:
    """What is logged while utterances of a second, each with `cpu` seconds of CPU time, take half a minute each."""
    clock = Clock()
    with caplog.at_level(logging.INFO):
        pace = Pace(search, Audio(10, 10.0, 0.01), clock)
        for _ in range(int(2 * minutes)):
            clock.now += 30
            pace.add(100, cpu)
        pace.end()
    return [record.getMessage().strip() for record in caplog.records]


def test_a_line_a_minute_and_one_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    lines = paced(caplog, DECODING, 0.5, 2.5)
    assert lines == [
        "decoding: 2 of 10 utterances, 0.00 of 0.00 h, real-time factor 0.5 a process, 30 in all",
        "decoding: 4 of 10 utterances, 0.00 of 0.00 h, real-time factor 0.5 a process, 30 in all",
        "decoding: 5 of 10 utterances, 0.00 of 0.00 h, real-time factor 0.5 a process, 30 in all",
    ]


def test_hours_and_what_is_not_known() -> None:
    clock = Clock()
    pace = Pace(DECODING, Audio(2, 7200.0, 0.03), clock)
    assert pace.hours() == "0.00 of 2.00 h"
    pace.add(120_000, 60.0)
    clock.now = 36.0
    assert pace.hours() == "1.00 of 2.00 h, real-time factor 0.0167 a process, 0.01 in all"
    unknown = Pace(DECODING, Audio(), clock)
    unknown.add(360_000, 36.0)
    assert unknown.hours() == "1.00 h, real-time factor 0.01 a process, 0 in all"


def test_slower_than_speech_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    (warning,) = [line for line in paced(caplog, DECODING, 3.2, 4) if "slower" in line]
    assert "3.2 s of CPU time a second of audio with decode.beam 15 and decode.max_active 7000" in warning
    assert "--set decode.max_active=3500 or --set decode.beam=12" in warning


@pytest.mark.parametrize(
    ("cpu", "minutes", "settings"),
    [(0.9, 4, ("decode.beam", "decode.max_active")), (3.2, 0.5, ("decode.beam", "decode.max_active"))],
)
def test_no_warning_below_real_time_or_within_the_first_minute(
    caplog: pytest.LogCaptureFixture, cpu: float, minutes: float, settings: tuple[str, str]
) -> None:
    assert not [
        line for line in paced(caplog, SetSearch("decoding", DecodeOptions(), settings), cpu, minutes) if "slow" in line
    ]


@pytest.mark.parametrize("given", [{}, {"max_active": 200}, {"max_active": 300}, {"min_active": 0, "max_active": 2}])
def test_the_advice_is_valid(given: dict[str, int]) -> None:
    """Every --set of it, as the recipe's reader takes it."""
    options = DecodeOptions(**given)
    found = re.findall(r"--set decode\.(\w+)=(\S+?)(?:,|$| )", SetSearch("x", options).advice())
    assert found
    before = [f"decode.{name}={value}" for name, value in given.items()]
    for name, value in found:
        recipe = load_recipe(ROOT / "recipes/demo", [*before, f"decode.{name}={value}"]).recipe
        assert getattr(recipe.decode, name) < getattr(options, name)


def test_a_search_with_fixed_beams_gives_no_advice(caplog: pytest.LogCaptureFixture) -> None:
    (warning,) = [
        line for line in paced(caplog, SetSearch("verifying", DecodeOptions(), None), 3.2, 4) if "slow" in line
    ]
    assert "--set" not in warning


def busy(utt: str, rows: np.ndarray) -> str:
    """Takes some CPU time."""
    end = time.process_time() + 0.02
    while time.process_time() < end:
        pass
    return utt


@pytest.mark.parametrize("nj", [1, 2])
def test_results_are_those_of_the_work_in_order(nj: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "start_method", lambda: "fork")  # fresh processes cannot import this file
    feats = {f"utt{i}": np.zeros((10 * i, 2)) for i in range(1, 6)}
    found = list(each_paced(busy, feats.items(), nj, DECODING, audio_of(feats, 0.01)))
    assert found == [(utt, utt) for utt in feats]


def test_audio_of_features() -> None:
    assert audio_of({"a": np.zeros((100, 3)), "b": np.zeros((50, 3))}, 0.01, 3) == Audio(2, 1.5, 0.03)
