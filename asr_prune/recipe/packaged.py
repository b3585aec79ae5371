"""The recipes that come with asr_prune, and project folders that start from one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import asr_prune.recipes
from asr_prune.errors import UserError, did_you_mean
from asr_prune.files import atomic, present

#: the folder of recipes in a project
RECIPES = "recipes"
RECIPE_FILE = "recipe.yaml"
_OUTWARD_LINK = re.compile(r"\[([^\]]*)\]\(\.\./[^)]*\)")


def packaged_recipes() -> list[str]:
    """Names of the recipes that come with asr_prune, sorted."""
    return sorted(path.parent.name for path in _folder().glob(f"*/{RECIPE_FILE}"))


def start_project(project: Path, name: str) -> Path:
    """Writes the packaged recipe `name` to `project`/recipes/`name`, which is returned.

    Pages name `asr-prune run` instead of ./run.sh, and lose links that lead out of the recipe's
    folder. Raises UserError if there is no such recipe, or if `project` has that recipe, or other
    files but no recipes.
    """
    if name not in packaged_recipes():
        raise UserError(f"there is no recipe {name!r}{did_you_mean(name, packaged_recipes())}")
    folder = project / RECIPES / name
    _check_place(project, folder)
    for source in _files(_folder() / name):
        text = source.read_text(encoding="utf-8")
        with atomic(folder / source.name) as file:
            file.write(_adapted(text) if source.suffix == ".md" else text)
    return folder


def no_recipe(path: Path) -> str:
    """The sentence for a recipe.yaml that does not exist."""
    name = path.parent.name
    remedy = f"--recipe takes a folder with a {RECIPE_FILE}, such as {RECIPES}/demo"
    if name in packaged_recipes():
        remedy = f"`asr-prune init DIR --recipe {name}` makes a project folder with this recipe"
    return f"{path} does not exist; {remedy}."


def _folder() -> Path:
    return Path(next(iter(asr_prune.recipes.__path__)))


def _files(folder: Path) -> Iterator[Path]:
    yield from sorted([*folder.glob("*.md"), *folder.glob("sweep*.yaml")])
    yield folder / RECIPE_FILE  # last: with it the recipe is complete


def _check_place(project: Path, folder: Path) -> None:
    """Hidden files such as .git and .venv do not count."""
    if present(project) and not project.is_dir():
        raise UserError(f"{project} is not a folder; choose another name.")
    if present(folder / RECIPE_FILE):
        raise UserError(f"{folder} already has a {RECIPE_FILE}; edit it, or choose another folder.")
    files = [path for path in project.glob("*") if not path.name.startswith(".")]
    if files and not (project / RECIPES).is_dir():
        what = f"{project} is not empty and not a project (it has no {RECIPES}/)"
        raise UserError(f"{what}; choose another folder.")


def _adapted(text: str) -> str:
    return _OUTWARD_LINK.sub(r"\1", text.replace("./run.sh", "asr-prune run"))
