"""Settings of a method that mean nothing are refused: each would make a run of its own name."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.pruning.acts import inert
from asr_prune.pruning.registry import find_options, method_names
from asr_prune.recipe.load import load_recipe

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
LASSO, GUIDED, MAGNITUDE = ({"method": name, "keep": 0.5} for name in ("group_lasso", "guided", "magnitude"))
FIXED = {"method": "group_lasso", "strength": 0.001}
SUBGRADIENT, NORM = LASSO | {"solver": "subgradient"}, LASSO | {"weights": "norm"}
WEIGHTS = {"method": "magnitude", "granularity": "weight", "sparsity": 0.5}
SMALL, SVD = {"method": "dense_small", "keep": 0.5}, {"method": "svd", "budget": {"params": 0.5}}

#: a block `prune:`, a key and a value that mean nothing there, why, and what would make them act
CASES = [
    (LASSO, "gamma", 2, "weights is equal; set weights to norm, taylor or fisher", NORM),
    (LASSO, "reweight", True, "weights is equal", NORM),
    (FIXED, "rank", "taylor", "strength fixes lambda; give keep or budget in place of strength", LASSO),
    (FIXED, "rank", "taylor", "strength fixes lambda", FIXED | {"inputs": 0.5}),
    (FIXED, "spare", 0.2, "strength fixes lambda", LASSO),
    (FIXED, "guard", 2, "strength fixes lambda", LASSO),
    (FIXED, "floor", 0.5, "neither keep nor budget is given; give one of them in place of strength", LASSO),
    (LASSO, "penalty", 0.1, "solver is proximal; set solver to subgradient", SUBGRADIENT),
    (LASSO, "penalty", 0.1, "solver is proximal", {"method": "group_lasso", "output_rank": 4}),
    (FIXED, "penalty", 0.1, "strength gives lambda; give keep in its place", SUBGRADIENT),
    (LASSO, "tolerance", 0.1, "solver is proximal", SUBGRADIENT),
    (SUBGRADIENT, "patience", 9, "solver is subgradient; set solver to proximal", LASSO),
    (LASSO, "window", 9, "neither rank nor weights is of the loss", LASSO | {"rank": "fisher"}),
    (FIXED | {"rank": "norm"}, "window", 9, "neither rank nor weights", FIXED | {"weights": "taylor"}),
    (LASSO, "output_energy", 0.5, "output_rank is not given; set output_rank to auto", LASSO | {"output_rank": "auto"}),
    (LASSO | {"output_rank": 4}, "output_energy", 0.5, "output_rank is 4", LASSO | {"output_rank": "auto"}),
    (MAGNITUDE, "window", 9, "score is auto; set score to taylor or fisher", MAGNITUDE | {"score": "taylor"}),
    (MAGNITUDE, "output_layer", False, "granularity is node; set granularity to weight", WEIGHTS),
    (WEIGHTS, "floor", 0.5, "granularity is weight; set granularity to node", MAGNITUDE),
    (WEIGHTS, "turn", True, "granularity is weight", MAGNITUDE),
    ({"method": "gradual", "keep": 0.5}, "window", 9, "score is auto", MAGNITUDE | {"score": "fisher"}),
    (GUIDED, "exponent", 3, "guide is linear; set guide to power", GUIDED | {"guide": "power"}),
    (GUIDED, "rate", 3, "guide is linear; set guide to exponential", GUIDED | {"guide": "exponential"}),
    (GUIDED, "step_at", 0.3, "guide is linear; set guide to step or random_step", GUIDED | {"guide": "random_step"}),
    (GUIDED, "penalty", 0.1, "norm is group; set norm to l2", GUIDED | {"norm": "l2"}),
    ({"method": "l1", "strength": 0.1}, "penalty", 0.1, "strength gives lambda", {"method": "l1", "keep": 0.5}),
    ({"method": "random", "keep": 0.5}, "floor", 0.5, "random takes the same share of every layer", LASSO),
    (SVD, "floor", 0.5, "svd removes no nodes", LASSO),
    (SMALL, "floor", 0.5, "dense_small removes no nodes", LASSO),
    (SMALL, "press", 0.1, "dense_small trains alike from the first update", SMALL | {"release_rate": 0.5}),
    ({"method": "dense_small", "like": "x"}, "min_nodes", 4, "like gives the widths; give keep", SMALL),
    (GUIDED | {"fine_tune": 0}, "release_rate", 0.5, "fine_tune leaves no update after the cut; raise", GUIDED),
    (GUIDED | {"cut": "prefix"}, "floor", 0.5, "cut is prefix; set cut to rank", GUIDED),
    ({"method": "none"}, "floor", 0.1, "none removes no nodes; leave floor out", LASSO),
    ({"method": "dsd"}, "min_nodes", 4, "granularity is weight", {"method": "dsd", "granularity": "node"}),
    ({"method": "map", "granularity": "node"}, "live_shrink", False, "map masks to the end", LASSO),
]


def flow(block: dict[str, object]) -> str:
    return str(block).replace("'", "").replace("None", "null").replace("True", "true").replace("False", "false")


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy/recipe.yaml").write_text("network: {hidden: [64, 64]}\n")
    return tmp_path / "toy"


def refused(recipe: Path, *sets: str) -> str:
    with pytest.raises(UserError) as error:
        load_recipe(recipe, sets).runs()
    return str(error.value)


@pytest.mark.parametrize(("block", "key", "value", "why", "acts"), CASES)
def test_what_means_nothing_is_refused(
    recipe: Path, block: dict[str, object], key: str, value: object, why: str, acts: dict[str, object]
) -> None:
    given, said = f"prune.{key}={flow({key: value})[len(key) + 3 : -1]}", f"prune.{key} means nothing, since {why}"
    told = refused(recipe, f"prune={flow(block)}", given)
    assert told.startswith(f"--set {given}: {said}")
    assert told.endswith(f"leave {key} out.")
    assert said in refused(recipe, f"runs=[{{name: a, prune: {flow(block | {key: value})}}}]")
    assert load_recipe(recipe, [f"prune={flow(acts)}", given]).runs()
    default = load_recipe(recipe, [f"prune={flow(block)}"]).runs()[0]
    assert inert(default.prune, key) is None


def test_the_line_of_a_run_or_a_block_is_named(recipe: Path) -> None:
    written = recipe / "recipe.yaml"
    written.write_text(
        "runs:\n  - {prune: {method: l1, keep: 0.5}}\n  - prune:\n      method: random\n      keep: 0.5\n"
    )
    written.write_text(written.read_text() + "      floor: 0.1\n")
    assert refused(recipe).startswith(f"{written} line 6: run random-keep0.5-floor-0.1: prune.floor means nothing")
    written.write_text("prune:\n  method: group_lasso\n  gamma: 2\nruns: [{prune: {keep: 0.5}}]\n")
    assert refused(recipe).startswith(f"{written} line 3: prune.gamma means nothing, since weights is equal")


@pytest.mark.parametrize(
    ("block", "runs", "sets"),
    [
        ("method: group_lasso, gamma: 2", "{prune: {keep: 0.5}}, {prune: {keep: 0.5, weights: norm}}", []),
        ("floor: 0.5", "{name: dense}, {prune: {method: l1, keep: 0.5}}, {prune: {method: random, keep: 0.5}}", []),
        ("method: group_lasso, weights: norm, gamma: 2", "{prune: {keep: 0.5}}", ["prune.weights=equal"]),
        ("method: group_lasso, gamma: 2", "{prune: {keep: 0.5, weights: norm}}", ["prune.keep=0.25"]),
        ("method: group_lasso, gamma: 2", "{prune: {keep: 0.5, weights: norm}}", ["runs=[{prune: {keep: 0.5}}]"]),
        ("method: l1", "{prune: {keep: 0.5}}", ["prune={method: random, keep: 0.5, floor: 0.8}"]),
        ("method: l1", "{prune: {method: none, keep: 0.5}}", []),
    ],
    ids=["acts in one run", "of several methods", "set otherwise", "one run", "other runs", "a default", "none"],
)
def test_what_may_mean_something_stays_usable(recipe: Path, block: str, runs: str, sets: list[str]) -> None:
    keeps = [*sets, "prune.keep=0.5"] if sets == ["prune.weights=equal"] else sets
    (recipe / "recipe.yaml").write_text(f"network: {{hidden: [64, 64]}}\nprune: {{{block}}}\nruns: [{runs}]\n")
    assert load_recipe(recipe, keeps).runs()


@pytest.mark.parametrize("name", method_names())
def test_the_tables_are_of_settings_that_there_are(name: str) -> None:
    options = find_options(name)
    assert options.ACTS.keys() <= {field.name for field in fields(options)}
    assert all(inert(options(method=name), key) is None for key in options.ACTS)


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*/recipe.yaml")), ids=lambda path: path.parent.name)
def test_recipes_of_the_package_mean_what_they_say(path: Path) -> None:
    assert load_recipe(path.parent).runs()
