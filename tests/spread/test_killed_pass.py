"""A pass of the GMM-HMM whose workers are killed, on this machine and on a Dask scheduler."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr_prune.hmm import fmllr, gmm_stats, utterances
from asr_prune.hmm.options import HmmOptions, MonoOptions
from asr_prune.hmm.passes import Speech, train_passes
from asr_prune.spread.dask_executor import DaskExecutor
from asr_prune.spread.executor import chosen
from asr_prune.spread.options import ExecutorOptions
from tests.spread.conftest import Dask

pytestmark = pytest.mark.trains

#: two features, not 39
BEAMS = {"initial_beam": 50.0, "beam": 50.0, "retry_beam": 200.0, "acoustic_scale": 1.0}
MONO = HmmOptions(passes=(MonoOptions(iterations=8, grow_iterations=5, gaussians=40, **BEAMS),))


@pytest.fixture
def train(toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], Path]:
    """(name, nj) -> folder of a pass with several tasks in each alignment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    feats = {f"{utt}-{i}": np.repeat(own, 20, axis=0) for utt, own in toy.feats.items() for i in range(2)}
    text = {f"{utt}-{i}": words for utt, words in toy.text.items() for i in range(2)}
    for module in (fmllr, gmm_stats, utterances):
        monkeypatch.setattr(module, "_TASK_FRAMES", 3000)

    def run(name: str, nj: int) -> Path:
        train_passes(toy.lang, Speech(feats, text, {}, 0), Path(name), MONO, 3, nj)
        return Path(name, "mono")

    return run


@contextmanager
def children_killed(folder: str) -> Iterator[None]:
    """Kills the processes of a pass in `folder` while it aligns: stopped first, they cannot finish."""

    def kill() -> None:
        while not aligning(folder):
            time.sleep(0.002)
        for which in (signal.SIGSTOP, signal.SIGKILL):
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, which)
            time.sleep(0.5)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    yield
    thread.join(1)


def aligning(folder: str) -> bool:
    """Whether a pass in `folder` has tasks of an alignment."""
    with suppress(OSError):
        return any(b"asr_prune.hmm.align" in own.read_bytes() for own in Path(folder).glob(".mono.*/*.common"))
    return False


def same(one: Path, two: Path) -> bool:
    return all((one / name).read_bytes() == (two / name).read_bytes() for name in ("ali.ark", "final.mdl", "tree"))


def test_a_worker_of_a_scheduler_is_killed_in_an_alignment(
    dask: Dask, train: Callable[[str, int], Path], caplog: pytest.LogCaptureFixture
) -> None:
    dask.start_worker()
    first = dask.start_worker()
    options = ExecutorOptions(type="dask", address=dask.address, wait=60)
    with caplog.at_level(logging.INFO), dask.killing(first, lambda: aligning("far")), chosen(DaskExecutor(options)):
        far = train("far", 1)
    assert first.wait(5) == -signal.SIGKILL
    assert "which begins again elsewhere" in caplog.text
    assert same(far, train("here", 1))
    assert not list(Path("far").glob(".*"))


def test_a_process_of_this_machine_is_killed_in_an_alignment(
    train: Callable[[str, int], Path], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), children_killed("near"):
        near = train("near", 2)
    assert "a worker process ended with status -9" in caplog.text
    assert same(near, train("here", 1))
    assert not list(Path("near").glob(".*"))
