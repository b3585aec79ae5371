"""Recipes with keys of earlier versions."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.recipe.load import load_recipe

OLD = """
network: {type: tdnn, taps: [[0], [-2, 2]]}
train:
  rise: 0.3
prune: {method: magnitude, keep: 0.5}
runs:
  - {name: one, train: {rise: 0.4}}
  - {name: two}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "recipe.yaml").write_text(OLD)
    return tmp_path


def test_old_keys_are_read_with_a_note_each(recipe: Path, caplog: pytest.LogCaptureFixture) -> None:
    loaded = load_recipe(recipe)
    one, two = loaded.runs()
    assert loaded.recipe.network.context == ((0,), (-2, 2))
    assert (one.train.pct_start, two.train.pct_start) == (0.4, 0.3)
    assert [record.getMessage() for record in caplog.records] == [
        f"{recipe}/recipe.yaml line 2: taps is now called context",
        f"{recipe}/recipe.yaml line 4: rise is now called pct_start",
        f"{recipe}/recipe.yaml line 7: rise is now called pct_start",
    ]
    assert all(record.levelno == logging.WARNING for record in caplog.records)


def test_old_keys_may_be_set_whatever_the_file_says(recipe: Path, caplog: pytest.LogCaptureFixture) -> None:
    sets = ["train.rise=0.6", "network={type: tdnn, taps: [[0], [-1, 1]]}"]
    loaded = load_recipe(recipe, sets)
    assert loaded.recipe.train.pct_start == 0.6
    assert loaded.recipe.network.context == ((0,), (-1, 1))
    assert "--set train.rise=0.6: rise is now called pct_start" in caplog.messages
    assert load_recipe(recipe, ["train.pct_start=0.6"]).recipe == load_recipe(recipe, sets[:1]).recipe


def test_old_keys_of_methods(recipe: Path, caplog: pytest.LogCaptureFixture) -> None:
    (recipe / "recipe.yaml").write_text(
        "prune: {method: magnitude, keep: 0.5}\n"
        "runs: [{name: a, prune: {release: 0.4}}, {name: b, prune: {method: l2, keep: 0.5, release: 0.1}}]\n"
    )
    assert [run.prune.fine_tune for run in load_recipe(recipe).runs()] == [0.4, 0.1]
    (run,) = load_recipe(recipe, ["prune.release=0.3"]).runs()
    assert run.prune.fine_tune == 0.3
    assert "--set prune.release=0.3: release is now called fine_tune" in caplog.messages


def test_both_names_of_a_key_are_refused(recipe: Path) -> None:
    (recipe / "recipe.yaml").write_text("train: {rise: 0.3, pct_start: 0.3}\n")
    with pytest.raises(UserError, match=r"recipe\.yaml: rise is the old name of pct_start; give pct_start alone"):
        load_recipe(recipe)


def test_what_is_wrong_with_an_old_key_names_its_line(recipe: Path) -> None:
    (recipe / "recipe.yaml").write_text("seed: 1\ntrain:\n  epochs: 2\n  rise: much\n")
    with pytest.raises(UserError, match=r"recipe\.yaml line 4: train\.pct_start"):
        load_recipe(recipe)


@pytest.mark.parametrize("text", ["network: 5\n", "runs: [5, {prune: 3}]\n", "hmm: {passes: [{type: 1}, 2]}\n"])
def test_what_is_no_block_is_still_refused_in_a_sentence(recipe: Path, text: str) -> None:
    (recipe / "recipe.yaml").write_text(text)
    with pytest.raises(UserError, match=r"recipe\.yaml"):
        load_recipe(recipe).runs()


def test_recipes_with_new_keys_have_no_note(recipe: Path, caplog: pytest.LogCaptureFixture) -> None:
    (recipe / "recipe.yaml").write_text("train: {pct_start: 0.3}\nhmm: {passes: [{type: mono}]}\n")
    load_recipe(recipe, ["prune.keep=0.5", "prune.method=magnitude"])
    assert not caplog.records
