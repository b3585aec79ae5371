"""The time of the search is measured where it can be, and else bounded by the size of the graph."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asr_prune.analysis.search_speed import (
    _PDFS,
    Trial,
    _random_graph,
    bound_speed,
    loaded,
    measured_speed,
)
from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError

WIDE = Trial(DecodeOptions(beam=100.0), [(10, 0.0)])


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    _random_graph(folder, 300)
    return folder


def scores(count: int, frames: int) -> Iterator[tuple[str, np.ndarray]]:
    dice = np.random.default_rng(0)
    for i in range(count):
        yield f"utt{i}", dice.normal(0, 1, (frames, _PDFS)).astype(np.float32)


def test_measured_is_what_the_search_takes(graph: Path) -> None:
    decoder, load = loaded(graph, DecodeOptions())
    assert load > 0
    given = list(scores(6, 300))
    for own in (Trial(DecodeOptions()), WIDE):
        start = time.process_time()
        speed = measured_speed(decoder, given, 0.01, [own, own], 99.0)
        whole = time.process_time() - start
        assert (speed.utterances, speed.extrapolated) == (6, False)
        assert speed.speech == pytest.approx(18.0)
        assert speed.spent == pytest.approx(18 * speed.rtf)
        assert 0.5 * whole < speed.spent <= whole


def test_patience_bounds_the_utterances(graph: Path) -> None:
    decoder, _ = loaded(graph, DecodeOptions())
    endless = scores(10**9, 50)
    assert measured_speed(decoder, endless, 0.01, [WIDE], 0.0).utterances == 1
    assert next(endless)[0] == "utt1"
    assert measured_speed(decoder, endless, 0.01, [WIDE], 0.2).utterances > 1


def test_scores_that_do_not_fit_are_refused(graph: Path, tmp_path: Path) -> None:
    decoder, _ = loaded(graph, DecodeOptions())
    with pytest.raises(UserError, match="3 outputs"):
        measured_speed(decoder, [("utt", np.zeros((10, 3), np.float32))], 0.01, [WIDE], 1.0)
    with pytest.raises(UserError, match="no utterance"):
        measured_speed(decoder, [], 0.01, [WIDE], 1.0)
    with pytest.raises(UserError, match="graph stage"):
        loaded(tmp_path, DecodeOptions())


def test_the_bound_grows_with_the_graph_until_max_active() -> None:
    search = Trial(DecodeOptions(max_active=2000))
    small, large, unknown = (bound_speed(states, 0.01, [search]) for states in (50, 20_000, float("inf")))
    assert small.extrapolated
    assert large.extrapolated
    assert small.rtf < 0.3 * large.rtf
    assert 0.2 < large.rtf / unknown.rtf < 5
    wider = bound_speed(20_000, 0.01, [replace(search, options=DecodeOptions(max_active=9000))])
    assert 2 < wider.rtf / large.rtf < 10
    assert bound_speed(50, 0.03, [search]).rtf < small.rtf
