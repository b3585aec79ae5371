"""init: project folders from the recipes that come with asr_prune."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.recipe.load import load_recipe
from asr_prune.recipe.packaged import packaged_recipes

ROOT = Path(__file__).resolve().parents[2]
Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AN4_ROOT", raising=False)


def test_all_recipes_of_the_checkout_are_packaged() -> None:
    folders = [path.parent.name for path in ROOT.glob("recipes/*/recipe.yaml")]
    assert packaged_recipes() == sorted(folders)


@pytest.mark.parametrize("name", packaged_recipes())
def test_a_project_has_the_recipe_unchanged_and_a_page(name: str) -> None:
    assert main(["init", "Prüfstand eins", "--recipe", name]) == 0
    folder = Path("Prüfstand eins/recipes") / name
    source = ROOT / "recipes" / name
    assert (folder / "recipe.yaml").read_bytes() == (source / "recipe.yaml").read_bytes()
    assert load_recipe(folder).runs()
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert "./run.sh" not in page
    assert "](../" not in page
    assert "asr-prune run" in page


def test_what_to_do_next_is_a_command_that_works(capsys: Output, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["init", "ein Prüfstand"]) == 0
    _, cd, run = (shlex.split(line) for line in capsys.readouterr().out.splitlines())
    assert cd == ["cd", "ein Prüfstand"]
    assert run == ["asr-prune", "run", "--recipe", "recipes/demo"]
    monkeypatch.chdir(cd[1])
    assert main(["check", *run[2:]]) == 0


def test_next_command_has_the_corpus_root_unless_the_environment_gives_it(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["init", "a", "--recipe", "an4"]) == 0
    *_, run, where = capsys.readouterr().out.splitlines()
    assert run.split() == shlex.split("asr-prune run --recipe recipes/an4 --set corpus.root=FOLDER")
    assert "AN4_ROOT" in where
    monkeypatch.setenv("AN4_ROOT", "/corpora/an4")
    assert main(["init", "b", "--recipe", "an4"]) == 0
    *_, run = capsys.readouterr().out.splitlines()
    assert run.split() == ["asr-prune", "run", "--recipe", "recipes/an4"]


def test_a_project_takes_further_recipes(capsys: Output) -> None:
    Path(".git").mkdir()
    assert main(["init", ".", "--recipe", "demo"]) == 0
    Path("data").mkdir()
    capsys.readouterr()
    assert main(["init", ".", "--recipe", "an4_ctc"]) == 0
    assert "cd " not in capsys.readouterr().out
    assert sorted(path.name for path in Path("recipes").iterdir()) == ["an4_ctc", "demo"]


def test_what_it_refuses(capsys: Output) -> None:
    Path("full").mkdir()
    Path("full/thesis.tex").touch()
    Path("file").touch()
    assert main(["init", "project"]) == 0
    Path("project/recipes/demo/recipe.yaml").write_text("seed: 2\n")
    for words, text in {
        ("full",): "full is not empty and not a project",
        ("file",): "file is not a folder",
        ("project",): "project/recipes/demo already has a recipe.yaml",
        ("new", "--recipe", "am4"): "there is no recipe 'am4'; did you mean 'an4'",
        ("new", "--recipe", "../an4"): "there is no recipe '../an4'",
    }.items():
        capsys.readouterr()
        assert main(["init", *words]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert text in line
    assert Path("project/recipes/demo/recipe.yaml").read_text() == "seed: 2\n"
    assert [path.name for path in Path("full").iterdir()] == ["thesis.tex"]
    assert not Path("new").exists()


def test_a_missing_recipe_names_init(capsys: Output) -> None:
    assert main(["run"]) == 1
    assert "`asr-prune init DIR --recipe demo`" in capsys.readouterr().err
