"""What is up to date and what is not, found out without doing it."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.recipe.load import load_recipe
from asr_prune.stages import STAGES, all_works
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.runner import Runner

pytestmark = pytest.mark.trains


def todo(recipe: Path, *sets: str) -> list[str]:
    """Works that are due, as stage, piece and run."""
    experiment = Experiment(load_recipe(recipe, sets), 1)
    states = list(Runner(experiment.layout).survey(all_works(experiment)))
    names = [state.work.title for state in states]
    assert len(set(names)) == len(names)
    return [state.work.title for state in states if state.due]


def test_before_anything_all_is_to_be_done_and_nothing_is(tones: Path) -> None:
    runs = [f"{stage} {run}" for stage in ("train", "shrink") for run in ("one", "two")]
    found = todo(tones)
    assert {name.split()[0] for name in found} == set(STAGES)
    assert set(runs) <= set(found)
    assert sorted(path.name for path in Path().iterdir()) == ["recipes"]


def test_what_has_been_done_is_up_to_date_until_something_before_it_changes(tones: Path) -> None:
    given = ["--recipe", str(tones), "--nj", "1"]
    for verb in ("corpus", "lang", "features"):
        assert main([verb, *given]) == 0
    after = [name for name in todo(tones) if name.split()[0] in ("corpus", "lang", "features", "align", "train")]
    assert after == ["align mono", "train one", "train two"]
    for verb in ("align", "train"):
        assert main([verb, *given]) == 0
    assert not {"align mono", "train one", "train two"} & set(todo(tones))
    assert "shrink one" in todo(tones)
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    changed = todo(tones, "features.hmm.bins=20")
    assert [name for name in changed if name.split()[0] in ("features", "align", "train")] == [
        "features hmm",
        "align mono",
        "train one",
        "train two",
    ]
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


def test_one_run_does_not_wait_for_another(tones: Path) -> None:
    given = ["--recipe", str(tones), "--nj", "1"]
    for verb in STAGES:
        assert main([verb, *given]) == 0
    assert todo(tones) == []
    (Path("exp/tiny/runs/two/train.json")).unlink()
    assert todo(tones) == [
        "train two",
        "shrink two",
        "shrink verify two",
        "decode two",
        "score two",
        "report",
    ]


def test_an_impossible_recipe_is_told_once_the_corpus_is_there(tones: Path) -> None:
    assert main(["corpus", "--recipe", str(tones)]) == 0
    with pytest.raises(UserError, match=r"network\.strides keep one frame of 3"):
        todo(tones, "network.type=tdnn", "network.strides=[3]")
