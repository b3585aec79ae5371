"""The size of a graph is measured where it is, and else follows from its parts."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from asr_prune.analysis.graph_size import (
    ARCS_A_STATE,
    BYTES_AN_ARC,
    SEARCH_BYTES,
    STATES_AN_ARC,
    SizeEstimate,
    graph_size,
)
from asr_prune.analysis.search_speed import _random_graph, loaded
from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.options import DecodeOptions
from asr_prune.lang.fst import read_fst


def test_states_are_those_of_the_graph_or_follow_from_its_parts(toy: Any, tmp_path: Path) -> None:
    unknown = graph_size(tmp_path, toy.lang)
    assert unknown == SizeEstimate(float("inf"), float("inf"), True)
    assert unknown.memory is None
    lang = tmp_path / "lang"
    shutil.copytree(toy.lang, lang)
    shutil.copyfile(lang / "L_disambig.fst", lang / "G.fst")
    states = 2 * len(FstArrays.of(read_fst(lang / "G.fst", "lang")).arcs) * STATES_AN_ARC
    assert graph_size(tmp_path, lang) == SizeEstimate(states, ARCS_A_STATE * states, True)
    (tmp_path / "size.json").write_text(json.dumps({"states": 17, "arcs": 1000}))
    assert graph_size(tmp_path, lang) == SizeEstimate(17, 1000, False)
    assert graph_size(tmp_path, lang).memory == SEARCH_BYTES + 1000 * BYTES_AN_ARC


def test_the_memory_is_that_of_loading(tmp_path: Path) -> None:
    _random_graph(tmp_path, 400_000)
    loaded(tmp_path, DecodeOptions())  # compiles the search
    tracemalloc.start()
    loaded(tmp_path, DecodeOptions())
    taken = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pytest.approx(taken, rel=0.5) == 1_200_000 * BYTES_AN_ARC
