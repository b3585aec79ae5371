"""The pages: their links lead somewhere, and their commands are commands."""

from __future__ import annotations

import re
import shlex
from itertools import chain
from pathlib import Path

import pytest

from asr_prune.cli.main import main, parser

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
FOLDERS = ("docs", "asr_prune", "recipes")
PAGES = sorted(chain(ROOT.glob("*.md"), *((ROOT / name).rglob("*.md") for name in FOLDERS)))

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
#: files of the repository that a page names without a link
FILE = re.compile(r"(?<![\w/.-])(?:tests|asr_prune|recipes|local)/[\w./-]+\.(?:py|md|yaml|csv)\b")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
#: what a page writes for a value of the reader's
VALUES = {"METHOD": "l2", "KEEP": "0.5", "$fold": "0"}
STAGE_OPTIONS = ("--stage", "--stop-stage", "--nj", "--executor")


def names(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


def links(page: Path) -> list[str]:
    found = LINK.findall(page.read_text(encoding="utf-8"))
    return [link for link in found if not link.startswith(("http:", "https:", "mailto:"))]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    texts = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


def commands(page: Path) -> list[list[str]]:
    """The words of each indented line that begins with ./run.sh or asr-prune, without comments."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^    +((?:\./run\.sh|asr-prune)\b.*)$", text, re.MULTILINE)
    for placeholder, value in VALUES.items():
        lines = [line.replace(placeholder, value) for line in lines]
    return [shlex.split(line, comments=True) for line in lines if "[--" not in line]


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_relative_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page}: {link}"
        assert not anchor or anchor in anchors(target), f"{page}: {link}"


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_files_that_are_named_exist(page: Path) -> None:
    assert [name for name in FILE.findall(page.read_text(encoding="utf-8")) if not (ROOT / name).exists()] == []


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


def test_the_table_of_contents_has_every_page() -> None:
    contents = ROOT / "docs/README.md"
    linked = {(contents.parent / link).resolve() for link in links(contents)}
    inside = [page for page in PAGES if page.parent != ROOT and page != contents]
    assert [page for page in inside if page not in linked] == []


@pytest.mark.parametrize("page", PAGES, ids=names(PAGES))
def test_commands_are_commands(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipes").symlink_to(ROOT / "recipes")  # files that are given after --executor are read
    for command, *words in commands(page):
        if command == "asr-prune":
            options = parser().parse_args(words)
            recipe, sets = getattr(options, "recipe", None), getattr(options, "set", [])
            recipe = f"recipes/{recipe}" if options.verb == "init" else recipe
        else:
            recipe, sets = run_sh(words)
        if recipe:
            flags = [word for text in sets for word in ("--set", text)]
            assert main(["check", "--recipe", str(ROOT / recipe), *flags]) == 0


def run_sh(words: list[str]) -> tuple[str, list[str]]:
    """The recipe of a ./run.sh and its --set texts."""
    recipe, sets = "recipes/demo", []
    rest = iter(words)
    for word in rest:
        if word == "--recipe":
            recipe = next(rest)
        elif word == "--set":
            sets.append(next(rest))
        elif word in STAGE_OPTIONS:
            next(rest)
        else:
            assert word in ("--accept-code", "--help"), words
    return recipe, sets
