"""The environment, torch's threads, and the workers of a pool."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Literal

import pytest
import torch

from asr_prune.decode.parallel import each
from asr_prune.errors import UserError
from asr_prune.process import ENVIRONMENT, torch_threads, worker_pool

INTERRUPTED = """
from asr_prune.process import worker_pool
import time
print("starting", flush=True)
try:
    with worker_pool(4, "{start}") as pool:
        list(pool.map(time.sleep, [30] * 4))
except KeyboardInterrupt:
    print("interrupted")
"""


def python(code: str, **variables: str) -> str:
    """What a fresh process prints, whose environment has none of our variables but these."""
    bare = {key: value for key, value in os.environ.items() if key not in ENVIRONMENT}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=bare | variables, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_package_leaves_the_environment_alone() -> None:
    code = """
import os
before = dict(os.environ)
import asr_prune, asr_prune.process, asr_prune.cli.main
import asr_prune.features.extract, asr_prune.decode.parallel, asr_prune.pruning.training
print(dict(os.environ) == before)
"""
    assert python(code) == "True"


def test_the_command_line_settles_before_numpy_is_loaded() -> None:
    code = """
import os, sys
from asr_prune.cli.main import main
loaded = [name for name in ("numpy", "torch") if name in sys.modules]
try:
    main(["--version"])
except SystemExit:
    print(loaded, os.environ["OPENBLAS_NUM_THREADS"], os.environ["OMP_WAIT_POLICY"])
"""
    assert python(code).splitlines()[-1] == "[] 1 PASSIVE"
    assert python(code, OPENBLAS_NUM_THREADS="3").splitlines()[-1] == "[] 3 PASSIVE"


def test_torch_threads_are_restored() -> None:
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
    with torch_threads(0):
        assert torch.get_num_threads() == before


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_leave_cleaning_up_to_their_parent(start: Literal["fork", "spawn"]) -> None:
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        with worker_pool(1, start) as pool:
            handlers = list(pool.map(signal.getsignal, [signal.SIGINT, signal.SIGTERM]))
            (blocked,) = pool.starmap(signal.pthread_sigmask, [(signal.SIG_BLOCK, ())])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert handlers == [signal.SIG_IGN, signal.SIG_DFL]
    assert not blocked & {signal.SIGINT, signal.SIGTERM}
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ()) & {signal.SIGINT, signal.SIGTERM}


@pytest.mark.parametrize("start", ["fork", "spawn"])
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.5])
def test_ctrl_c_ends_a_pool_quietly_at_any_time(start: str, delay: float) -> None:
    # a shell that runs the tests in the background has Ctrl-C ignored
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = [sys.executable, "-c", heed + INTERRUPTED.format(start=start)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "starting\n"
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_a_worker_that_is_killed_is_reported(start: Literal["fork", "spawn"]) -> None:
    text = r"a worker process ended with status -9, perhaps for lack of memory"
    with worker_pool(2, start) as pool, pytest.raises(UserError, match=text):
        list(pool.map(signal.raise_signal, [signal.SIGKILL]))


@pytest.mark.parametrize("chunk", [1, 3, 20])
def test_results_come_in_order_and_errors_are_raised(chunk: int) -> None:
    with worker_pool(2, "fork") as pool:
        assert list(pool.map(abs, range(-10, 0), chunk)) == list(range(10, 0, -1))
        assert list(pool.starmap(pow, [(2, 3), (3, 2)])) == [8, 9]
        with pytest.raises(ZeroDivisionError):
            list(pool.starmap(divmod, [(1, 0)]))


@pytest.mark.parametrize("nj", [1, 2])
def test_work_on_each_item_comes_in_order(nj: int) -> None:
    shared = {"offset": 7}
    results = each(lambda name, item: (name, item + shared["offset"]), ((str(i), i) for i in range(90)), nj)
    assert list(results) == [(str(i), (str(i), i + 7)) for i in range(90)]
