"""All stages in this process: as `asr-prune run`, without the imports of ten processes."""

from __future__ import annotations

from typing import Protocol

import pytest

from asr_prune.cli.main import main
from asr_prune.stages import STAGES


class RunStages(Protocol):
    def __call__(self, *given: str, last: str = "report") -> None: ...


@pytest.fixture(scope="session")
def run_stages() -> RunStages:
    """Does each stage up to `last`, with the arguments `given` and --nj 1."""

    def run(*given: str, last: str = "report") -> None:
        for stage in list(STAGES)[: list(STAGES).index(last) + 1]:
            assert main([stage, *given, "--nj", "1"]) == 0, stage

    return run
