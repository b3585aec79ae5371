"""Which runs a sweep's file asks for."""

from __future__ import annotations

import re
import shlex
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.recipe.load import load_recipe
from asr_prune.sweep.options import MethodEntry, SweepOptions
from asr_prune.sweep.points import SweepPoint, _runs, points_of, read_sweep

sys.path.insert(0, str(Path(__file__).resolve().parent))

from sweeping import ROOT, write_project

SWEEPS = sorted(ROOT.glob("recipes/*/sweep*.yaml"))
DENSE = "{prune: {method: none}}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a project without a corpus, whose sweep is empty."""
    write_project(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def points(project: Path, text: str) -> list[SweepPoint]:
    file = project / "recipes/tiny/sweep.yaml"
    file.write_text(text)
    return points_of(file, Path("recipes/tiny"))


def test_methods_cross_sizes_seeds_networks_and_teachers(project: Path) -> None:
    methods = f"methods: [{DENSE}, {{prune: {{method: l2}}}}]"
    found = points(project, f"{methods}\nkeeps: [0.5, 0.25]\nseeds: [1, 2]\nteachers: [null, dense]")
    names = [point.name for point in found]
    assert names[:6] == [
        "dense",
        "l2-keep0.5",
        "l2-keep0.25",
        "dense-teacher-dense",
        "l2-keep0.5-teacher-dense",
        "l2-keep0.25-teacher-dense",
    ]
    assert names[6:] == [f"{name}-s2" for name in names[:6]]
    assert [point.needs for point in found[:4]] == [[], [], [], ["dense"]]
    assert found[-1].needs == ["dense-s2"]
    assert found[-1].run.train.teachers == ("dense-s2",)


def test_settings_of_teachers_are_of_the_runs_that_have_one(project: Path) -> None:
    methods = f"methods: [{DENSE}, {{prune: {{method: l2, keep: 0.5}}, train: {{temperature: 2.0}}}}]"
    found = points(project, f"{methods}\nset: [train.teacher_weight=0.8]\nteachers: [null, dense]")
    assert [point.name for point in found] == [
        "dense",
        "l2-keep0.5",
        "dense-teacher-dense-teacher_weight-0.8",
        "l2-keep0.5-teacher-dense-teacher_weight-0.8-temperature-2",
    ]
    assert [point.needs for point in found[2:]] == [["dense"], ["dense"]]
    with pytest.raises(UserError, match=r"train\.teacher_weight means nothing, since no run has a teacher"):
        points(project, f"methods: [{DENSE}]\nset: [train.teacher_weight=0.8]")


def test_the_command_of_a_run_makes_that_run_alone(project: Path) -> None:
    text = f"methods: [{DENSE}, {{prune: {{method: l2}}}}]\nseeds: [3]\nkeeps: [0.25]\nset: [train.epochs=5]"
    for networks in ("", "networks: [{hidden: [40, 40]}]\nteachers: [dense]"):
        for point in points(project, f"{text}\n{networks}"):
            words = shlex.split(point.experiment.command())
            sets = [word for flag, word in pairwise(words) if flag == "--set"]
            assert load_recipe("recipes/tiny", sets).runs() == point.experiment.runs
            assert point.run.train.epochs == 5


def test_a_teacher_is_a_run_even_if_no_run_goes_without_one(project: Path) -> None:
    found = points(project, f"methods: [{DENSE}, {{prune: {{method: l2, keep: 0.5}}}}]\nteachers: [dense]")
    assert [point.name for point in found] == [
        "dense",
        "dense-teacher-dense",
        "l2-keep0.5-teacher-dense",
    ]


def test_an_entry_may_have_sizes_of_its_own(project: Path) -> None:
    own = "{prune: {method: l1}, strengths: [0.001, 0.002]}, {prune: {method: dsd, sparsity: 0.3}}, {keeps: [0.75]}"
    names = [point.name for point in points(project, f"methods: [{DENSE}, {own}, {{}}]\nkeeps: [0.5]")]
    assert sorted(names) == [
        "dense",
        "dsd-sparsity0.3",
        "group_lasso-keep0.5",
        "group_lasso-keep0.75",
        "l1-strength0.001",
        "l1-strength0.002",
    ]


def test_budgets_are_targets_and_folds_are_of_all_runs(project: Path) -> None:
    text = "methods: [{prune: {method: none}}, {prune: {method: gradual}}]\nbudgets: [{params: 0.6}]\nfolds: 3"
    found = points(project, text)
    assert [point.name for point in found] == ["dense", "gradual-params0.6"]
    assert {work.fold for work in found[1].works()} == {"1", "2", "3", "pooled"}
    assert str(found[1].folder.path) == "exp/tiny/folds-3/pooled/runs/gradual-params0.6"
    assert "--set corpus.folds=3" in found[1].experiment.command()


@given(
    keeps=st.sets(st.sampled_from([0.5, 0.25, 0.125])),
    strengths=st.sets(st.sampled_from([1e-3, 1e-4])),
    seeds=st.sets(st.integers(1, 9)),
    networks=st.integers(0, 2),
    teachers=st.sampled_from([(None,), ("dense",), (None, "dense"), (None, "a/b")]),
    pruned=st.integers(0, 3),
)
def test_there_are_as_many_runs_as_the_product_says(
    keeps: set[float],
    strengths: set[float],
    seeds: set[int],
    networks: int,
    teachers: tuple[str | None, ...],
    pruned: int,
) -> None:
    methods = [MethodEntry(prune={"method": name}) for name in ("none", "l2", "l1", "guided")[: 1 + pruned]]
    sweep = SweepOptions(
        methods=tuple(methods),
        keeps=tuple(keeps),
        strengths=tuple(strengths),
        seeds=tuple(seeds),
        networks=tuple({"hidden": [size]} for size in range(networks)),
        teachers=teachers,
    )
    runs = [str(entries[-1]) for _, entries in _runs(sweep)]
    each = 1 + pruned * max(1, len(keeps) + len(strengths))
    alone = None not in teachers
    assert len(runs) == max(1, len(seeds)) * max(1, networks) * (each * len(teachers) + alone)
    assert len(set(runs)) == len(runs)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "sweep.yaml: methods must have an entry"),
        ("method: []", r"line 1: unknown key 'method'; did you mean 'methods'"),
        (f"methods: [{DENSE}]\nseed: [1]", r"line 2: unknown key 'seed'; did you mean 'seeds'"),
        (f"methods: [{DENSE}]\nseeds: 1", r"line 2: seeds: must be a list \(got 1\)"),
        (f"methods: [{DENSE}]\nseeds: [-1]", "seed must be at least 0"),
        (f"methods: [{DENSE}]\nkeeps: [0.5, 0.5]", "keeps has 0.5 twice; remove one"),
        (f"methods: [{DENSE}]\nfolds: 2", r"sweep.yaml: folds must be 3 or more, or 0 for none, not 2"),
        (f"methods: [{DENSE}]\nteachers: []", "teachers must have an entry; null is no teacher"),
        ("methods:\n- {prune: {method: none}, nodes: 3}", r"line 2: unknown key 'methods.0.nodes'"),
        (
            f"methods: [{DENSE}, {DENSE}]",
            "two runs are the same run 'dense'; remove one of the entries",
        ),
        (
            "methods: [{prune: {method: lasso}}]",
            r"lasso}}]: prune.method 'lasso' is not known; did you mean",
        ),
        (
            "methods: [{prune: {method: gradual}}]\nstrengths: [0.1]",
            "gradual takes keep.*not strength",
        ),
        ("methods: [{prune: {method: l2}}]\nkeeps: [2]", "keep must be above 0 and at most 1"),
        ("methods: [{prune: {method: l2}}]\nkeeps: [0.5]\nteachers: [dense]", "dense, but methods has none"),
        ("methods: [{prune: {method: l2}}]\nset: [train.epoch=3]", "unknown key 'train.epoch'"),
        ("methods: [", "is not valid YAML"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_run(
    project: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    (project / "recipes/tiny/sweep.yaml").write_text(text)
    assert main(["sweep", "recipes/tiny/sweep.yaml"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(said, line), line
    assert "recipes/tiny/sweep.yaml" in line
    assert not Path("exp").exists()


def test_a_missing_file_is_named(project: Path) -> None:
    with pytest.raises(UserError, match=r"none\.yaml cannot be read"):
        points_of(Path("none.yaml"), Path("recipes/tiny"))


@pytest.mark.parametrize("path", SWEEPS, ids=[str(path.relative_to(ROOT)) for path in SWEEPS])
def test_sweeps_of_the_recipes_are_valid(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for run in [run for names in read_sweep(path).teachers if isinstance(names, tuple) for run in names]:
        (tmp_path / run / "model").mkdir(parents=True)
        (tmp_path / run / "model/network.pt").touch()
    assert len(points_of(path, path.parent)) > 1


def test_a_run_in_folds_is_made_in_each_of_them_and_put_together(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"methods: [{DENSE}, {{prune: {{method: l2}}}}]\nkeeps: [0.5]\nset: [corpus.folds=3]"
    for point in points(project, text):
        works = point.works()
        trained = [work.title for work in works if work.stage == "train"]
        assert trained == [f"train fold {fold} {point.name}" for fold in (1, 2, 3)]
        assert works[-1].title == f"score fold pooled {point.name}"
    capsys.readouterr()
    assert main(["sweep", "recipes/tiny/sweep.yaml", "--dry-run"]) == 0
    assert "2 runs, 2 to do" in capsys.readouterr().out


def test_several_teachers_are_a_list(project: Path) -> None:
    both = ["exp/other/runs/a", "exp/other/runs/b"]
    for run in both:
        (project / run / "model").mkdir(parents=True)
        (project / run / "model/network.pt").write_bytes(b"weights")
    found = points(
        project,
        f"methods: [{{prune: {{method: l2, keep: 0.5}}}}]\nteachers: [null, [{', '.join(both)}]]",
    )
    assert [list(point.run.train.teachers) for point in found] == [[], both]
