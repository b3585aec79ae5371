"""What is searched with: the run's network, another's, the Gaussians, or nothing but a size."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from asr_prune.analysis import searches, speeds
from asr_prune.analysis.searches import Searches
from asr_prune.cli.main import main
from asr_prune.workflow.experiment import open_experiment

pytestmark = pytest.mark.trains


@pytest.fixture
def project(tones: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe of which everything is done up to the graph."""
    monkeypatch.setattr(speeds, "PATIENCE", 0.02)
    monkeypatch.setattr(searches, "ALLOWANCE", dict.fromkeys(searches.ALLOWANCE, 0.5))
    for verb in ("corpus", "lang", "features", "align", "graph"):
        assert main([verb, "--recipe", str(tones), "--nj", "1"]) == 0
    return tones


def found(recipe: Path, *sets: str) -> Searches:
    made = Searches(open_experiment(recipe, sets, 1))
    for run in made.experiment.runs:
        assert made.decode(run).rtf > 0
        assert made.verify(run).rtf > 0
    return made


def sources(made: Searches) -> dict[str, list[str]]:
    return {kind: [name for name, _ in tried] for kind, tried in made.tried.items()}


def test_the_best_source_that_fits_is_taken(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gaussians = f"the Gaussians of {Path('exp/tiny/align/mono')}"
    assert sources(found(project)) == {"decode": [gaussians] * 2, "verify": [gaussians] * 2}
    assert main(["train", "--recipe", str(project), "--nj", "1", "--set", "train.epochs=1"]) == 0
    assert main(["shrink", "--recipe", str(project), "--nj", "1", "--set", "train.epochs=1"]) == 0
    one, two = (f"exp/tiny/runs/{name}-epochs-1/shrunk/network.pt" for name in ("one", "two"))
    made = found(project, "train.epochs=1")
    assert sources(made) == {"decode": [one, two], "verify": [one, two]}
    assert made.notes[0].startswith("Search of decode: measured on ")
    assert f"with {one} and others: RTF " in made.notes[0]
    assert sources(found(project))["decode"] == [one, one]
    capsys.readouterr()
    assert main(["plan", str(project), "--nj", "1", "--set", "train.epochs=1"]) == 0
    said = capsys.readouterr().out
    assert "Search of decode: measured on" in said
    assert "~" not in said
    Path(one).write_bytes(b"no network")
    assert sources(found(project, "train.epochs=1"))["decode"] == [two, two]


def test_without_a_graph_or_with_a_bad_one_it_is_extrapolated(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Path("exp/tiny/graph")
    with monkeypatch.context() as patch:
        patch.setattr(searches, "GRAPH_BYTES", 10)
        large = found(project)
    (graph / "HCLG.fst").write_bytes(b"no graph")
    damaged = found(project)
    shutil.rmtree(graph)
    missing = found(project)
    shutil.rmtree("data/tiny/lang")
    unknown = found(project)
    for made in (large, damaged, missing, unknown):
        assert not made.tried
        assert made.decode(made.experiment.runs[0]).extrapolated
    assert "a graph of about" in large.notes[0]
    assert large.notes[0].split(" states")[0] == damaged.notes[0].split(" states")[0]
    assert "a graph of about" in missing.notes[0]
    assert "as many active states as max_active 7000 allows" in unknown.notes[0]


def test_runs_beyond_the_patience_take_as_much_as_the_others(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "ALLOWANCE", dict.fromkeys(searches.ALLOWANCE, 0.0))
    made = found(project)
    assert [len(tried) for tried in made.tried.values()] == [1, 1]
    one, two = (made.decode(run) for run in made.experiment.runs)
    assert one == two
