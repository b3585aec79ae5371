"""Projects in a temporary folder whose runs are trained and scored, and what transcribe says of files."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.stages import STAGES

Printed = pytest.CaptureFixture[str]
STAGES_FOLDER = Path(__file__).parent.parent / "stages"
RATE = 16000


def finish(here: Path, recipe: str) -> None:
    """Writes a recipe `tones` into the folder `here`, and does all stages but the report."""
    (here / "recipes/tones").mkdir(parents=True)
    (here / "recipes/tones/recipe.yaml").write_text(recipe)
    given = ["--recipe", "recipes/tones", "--nj", "1"]
    with contextlib.chdir(here):
        assert [main([verb, *given]) for verb in list(STAGES)[:-1]] == [0] * (len(STAGES) - 1)


def decoded(run: str) -> tuple[DataDir, dict[str, list[str]]]:
    """The test set of the project that is the current folder, and the words that the decode stage found."""
    chosen = json.loads(Path(run, "score_dev.json").read_text())
    place = Path(run, f"decode_test/penalty_{chosen['penalty']:g}/{chosen['lm_weight']}.txt")
    lines = [line.split() for line in place.read_text().splitlines()]
    return DataDir.read("data/tones/test"), {name: words for name, *words in lines}


def said(printed: Printed, *command: object) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of transcribe."""
    printed.readouterr()
    status = main(["transcribe", "--nj", "1", *map(str, command)])
    out = printed.readouterr()
    return status, out.out, out.err


def outputs(text: str) -> list[dict[str, Any]]:
    """The lines of --json."""
    return [json.loads(line) for line in text.splitlines()]
