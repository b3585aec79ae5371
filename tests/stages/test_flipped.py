"""A flipped bit in any file of a finished project is refused in a sentence, or changes nothing.

`python tests/bench/flips.py` does the same to every file.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from flips import COMMANDS, READ, command_on_flipped, outcome, stage_on_flipped, stages_that_read
from whole import GIVEN, make_project

from asr_prune.stages import STAGES

pytestmark = pytest.mark.trains

#: files of each stage and command
TRIED = 3


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    project, back = tmp_path_factory.mktemp("flips") / "finished", Path.cwd()
    make_project(project)
    os.chdir(project)
    for stage in STAGES:
        assert outcome((stage, *GIVEN)).status == 0
    yield project
    os.chdir(back)


@pytest.mark.parametrize("stage", list(STAGES)[1:])
def test_a_stage_refuses_what_is_flipped(finished: Path, tmp_path: Path, stage: str) -> None:
    os.chdir(finished)
    dice = random.Random(stage)
    names = sorted(name for name, stages in stages_that_read().items() if stage in stages)
    for name in dice.sample(names, min(TRIED, len(names))):
        assert stage_on_flipped(finished, name, stage, dice, tmp_path / "place") in ("refused", "same"), name


@pytest.mark.parametrize("words", COMMANDS, ids=[words[0] for words in COMMANDS])
def test_a_command_refuses_what_is_flipped(finished: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    os.chdir(finished)
    dice = random.Random(words[0])
    paths = sorted(path for pattern in READ[words[0]] for path in Path().glob(pattern) if path.is_file())
    names = [str(path) for path in paths if path.stat().st_size]
    for name in dice.sample(names, min(TRIED, len(names))):
        found = command_on_flipped(finished, name, words, dice, tmp_path / "place")
        assert found in ("refused", "same"), name
