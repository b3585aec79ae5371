"""MAPSSWE against segments cut with a regular expression, scipy's statistics, and NIST's sc_stats where installed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from asr_prune.score.mapsswe import Mapsswe, mapsswe, segments
from asr_prune.score.sclite import sclite_ops, sclite_sgml, sctk_command
from asr_prune.score.write import write_score

from .conftest import Made


@st.composite
def two_alignments(draw: st.DrawFn) -> tuple[str, str]:
    """Ops of one sentence by two recognisers."""
    length = draw(st.integers(0, 12))
    words = [draw(st.lists(st.sampled_from("CCCCSD"), min_size=length, max_size=length)) for _ in range(2)]
    gaps = st.lists(st.sampled_from(["", "", "", "", "I", "II"]), min_size=length + 1, max_size=length + 1)
    one, other = ("".join(g + w for g, w in zip(draw(gaps), [*side, ""], strict=True)) for side in words)
    return one, other


def slow_segments(one: str, other: str) -> list[tuple[int, int]]:
    """Each error is a letter, a for one recogniser and A for the other; a word that both have right is a full stop; two
    full stops in a row, or more, separate.
    """
    slots = [re.findall(r"(I*)([CSDE])", f"{ops}E") for ops in (one, other)]
    text = ""
    for (inserted, op), (inserted_too, op_too) in zip(*slots, strict=True):
        text += "a" * len(inserted) + "A" * len(inserted_too) + "a" * (op in "SD")
        text += "A" * (op_too in "SD") + "." * (op == op_too == "C")
    return [(part.count("a"), part.count("A")) for part in re.split(r"\.\.+", text) if part.strip(".")]


@given(two_alignments())
def test_segments_are_those_of_the_slow_cut(pair: tuple[str, str]) -> None:
    assert segments(*pair) == slow_segments(*pair)
    assert sum(a for a, _ in segments(*pair)) == len(pair[0]) - pair[0].count("C")


def test_where_segments_end() -> None:
    assert segments("SCSCCS", "CCCCCC") == [(2, 0), (1, 0)]
    assert segments("SCICS", "CCCC") == [(3, 0)]  # a word inserted between the two keeps the segment open
    assert segments("CCCC", "CCCC") == []
    assert segments("I", "") == [(1, 0)]
    with pytest.raises(ValueError, match="shorter"):
        segments("CC", "C")


@given(st.lists(two_alignments(), min_size=1, max_size=20))
def test_statistics_are_scipys(pairs: list[tuple[str, str]]) -> None:
    output = mapsswe(pairs)
    differences = [b - a for pair in pairs for a, b in slow_segments(*pair)]
    assert output.segments == len(differences)
    if len(set(differences)) > 1:
        assert output.z == pytest.approx(stats.ttest_1samp(differences, 0).statistic)
        assert output.p == pytest.approx(2 * stats.norm.sf(abs(output.z or 0)))
        swapped = mapsswe([(b, a) for a, b in pairs])
        assert (swapped.mean, swapped.p) == pytest.approx((-output.mean, output.p))


def test_where_there_is_nothing_to_test() -> None:
    assert mapsswe([]) == Mapsswe(0, 0.0, None, 0.0)
    assert mapsswe([("SCCS", "SCCS")]).p == 1.0
    assert mapsswe([("SCCS", "SCCS")]) == Mapsswe(2, 0.0, 0.0, 0.0)
    assert mapsswe([("S", "S")]) == Mapsswe(1, 0.0, None, 0.0)
    assert mapsswe([("S", "C")]) == Mapsswe(1, -1.0, None, None)
    assert mapsswe([("S", "C")]).p is None
    assert mapsswe([("S", "C"), ("S", "C")]) == Mapsswe(2, -1.0, 0.0, None)


def test_sc_stats_finds_the_same(sctk: None, recognised: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On sclite's own alignments. sc_stats subtracts the other way round and prints three decimals."""
    monkeypatch.chdir(tmp_path)
    sgml = []
    for name, hyps in (("one", recognised.first), ("two", recognised.second)):
        write_score(Path(f"{name}.json"), recognised.score(hyps))
        sgml.append(sclite_sgml(Path(f"{name}.ref.trn"), Path(f"{name}.hyp.trn")))
    command = [*sctk_command("sc_stats"), "-p", "-t", "mapsswe", "-v", "-n", "-"]
    printed = subprocess.run(command, input="".join(sgml), capture_output=True, text=True, check=True).stdout
    numbers = re.search(
        r"# segs: (\d+).*\(mean: +(\S+)\) \(std dev: +(\S+)\) \(Z Stat: +(\S+)\) \(Stat Diff: (\w+)", printed
    )
    assert numbers
    count, mean, deviation, z, differ = numbers.groups()
    one, two = map(sclite_ops, sgml)
    output = mapsswe((one[name], two[name]) for name in recognised.refs)
    assert output.segments == int(count) > 200
    assert (-output.mean, output.deviation, -(output.z or 0)) == pytest.approx(
        (float(mean), float(deviation), float(z)), abs=6e-4
    )
    assert ((output.p or 0) < 0.05) == (differ == "Yes")
