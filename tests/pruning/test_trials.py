"""The trials of recipes: their plans are recipes, and what they gave is of these plans."""

from __future__ import annotations

import csv
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from scipy.stats import ttest_rel

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

import paired
import trials

from asr_prune.recipe.load import load_recipe

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
RECIPE, DEMO = RECIPES / "an4", RECIPES / "demo"
PLANS = sorted(set(RECIPES.glob("*/trials/*.yaml")) - {RECIPE / "trials/peers.yaml"})


def planned(path: Path) -> list[dict[str, Any]]:
    plan = yaml.safe_load(path.read_text())
    return paired.rows_of(plan) if "parts" in plan else list(trials.planned(plan))


@pytest.mark.parametrize("path", PLANS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_every_row_is_a_recipe(path: Path) -> None:
    rows = planned(path)
    assert len({(row["method"], row["settings"], row["seed"]) for row in rows}) == len(rows)
    for settings in {row["settings"] for row in rows}:
        load_recipe(path.parents[1], settings.split()).runs()
    assert trials.recipe_of(path) == str(path.parents[1])


@pytest.mark.parametrize("path", PLANS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_rows_that_were_made_are_those_of_the_plan(path: Path) -> None:
    """Nobody wonders which settings a figure had; a change of the plan asks for new figures."""
    made = path.with_suffix(".csv")
    if not made.exists():
        pytest.skip(f"{made.name} is not there: nothing of this plan has been made")
    rows = list(csv.DictReader(made.open()))
    known = {(row["method"], row["settings"], str(row["seed"])) for row in planned(path)}
    assert {(row["method"], row["settings"], row["seed"]) for row in rows} <= known


def made_by_command(path: Path) -> list[str]:
    """The runs that the command in a page's comment makes."""
    (command,) = (line for line in path.read_text().splitlines() if "./run.sh" in line)
    *_, runs = shlex.split(command.lstrip("# "))
    recipe = Path(trials.recipe_of(path))
    return [f"exp/{recipe.name}/runs/{run.name}" for run in load_recipe(recipe, [runs]).runs()]


def test_the_teachers_are_those_that_the_command_makes() -> None:
    """The pages say how their teachers are made; sweep and trials find them under those names."""
    sweep, two = RECIPE / "sweep_taught.yaml", RECIPE / "trials/two_teachers.yaml"
    assert yaml.safe_load(sweep.read_text())["teachers"] == [made_by_command(sweep)]
    parts = yaml.safe_load(two.read_text())["parts"]
    assert [part["train.teacher"] for part in parts] == [made_by_command(two)] * 3
    for plan in ("taught", "teacher_weight"):
        fixed = yaml.safe_load((RECIPE / f"trials/{plan}.yaml").read_text())["fixed"]
        assert fixed["train.teacher"] == made_by_command(sweep)
    demo = DEMO / "trials/teacher.yaml"
    named = {name for row in planned(demo) for name in re.findall(r"exp/demo/runs/[^,\] ]+", row["settings"])}
    assert named == set(made_by_command(demo))


def test_seeds_come_one_after_the_other() -> None:
    plan = {"fixed": {}, "methods": {"l1": None, "l2": None}}
    plan |= {"parts": [{"train.epochs": 2, "seeds": [1, 2]}, {"train.epochs": 4, "seeds": [1]}]}
    found = [(row["seed"], row["settings"]) for row in paired.rows_of(plan)]
    short, long = ([f"prune.method={m} train.epochs={n}" for m in ("l1", "l2")] for n in (2, 4))
    assert found == [(1, s) for s in short + long] + [(2, s) for s in short]


def test_the_interval_of_a_difference_is_that_of_a_paired_t_test() -> None:
    dice = np.random.default_rng(1)
    first = {seed: (float(dice.normal(1, 0.02)), 1.0) for seed in range(8)}
    other = {seed: (score + float(dice.normal(0.01, 0.01)), 1.0) for seed, (score, _) in first.items()}
    other[99] = (5.0, 1.0)  # a seed of one of them alone is left out
    test = ttest_rel([first[s][0] for s in first], [other[s][0] for s in first])
    low, high = test.confidence_interval(0.95)
    mean = np.mean([first[s][0] - other[s][0] for s in first])
    assert paired.difference(first, other) == f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"
    assert paired.difference(first, {0: other[0]}) == f"{first[0][0] - other[0][0]:+.3f}"
    assert paired.difference(first, {99: other[99]}) == ""


def test_the_table_has_what_was_made() -> None:
    plan = {"fixed": {}, "methods": {"l1": None, "l2": None}, "parts": [{"train.epochs": 2, "seeds": [1, 2]}]}
    rows = [row | {"ce_dev": 1 + row["seed"] / 10, "seconds": 3} for row in paired.rows_of(plan)[:3]]
    head, _, *lines = paired.table(plan, rows).splitlines()
    assert head.count("|") == lines[0].count("|")
    assert lines[0].startswith("| train.epochs=2 | `l1` | 2 | 1.150, 1.150 [1.100, 1.200] |")
    assert lines[1].startswith("| train.epochs=2 | `l2` | 1 | 1.100, 1.100 [1.100, 1.100] | +0.000 |")
