"""The environment, torch's threads, and the workers of a pool."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import pytest
import torch

from asr_prune import process
from asr_prune.errors import UserError
from asr_prune.process import (
    ENVIRONMENT,
    WorkerEnded,
    start_method,
    torch_threads,
    torchaudio_imports,
    worker_pool,
)

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
import asr_prune.features.extract, asr_prune.spread.processes, asr_prune.pruning.training
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
    print(loaded, *(os.environ[name] for name in ("OPENBLAS_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT")))
"""
    assert python(code).splitlines()[-1] == "[] 1 PASSIVE 1000"
    assert python(code, OPENBLAS_NUM_THREADS="3").splitlines()[-1] == "[] 3 PASSIVE 1000"


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
    with worker_pool(2, start) as pool, pytest.raises(WorkerEnded, match="-9"):
        list(pool.map(signal.raise_signal, [signal.SIGKILL]))


@pytest.mark.parametrize("chunk", [1, 3, 20])
def test_results_come_in_order_and_errors_are_raised(chunk: int) -> None:
    with worker_pool(2, "fork") as pool:
        assert list(pool.map(abs, range(-10, 0), chunk)) == list(range(10, 0, -1))
        assert list(pool.starmap(pow, [(2, 3), (3, 2)])) == [8, 9]
        with pytest.raises(ZeroDivisionError):
            list(pool.starmap(divmod, [(1, 0)]))


def test_a_process_with_threads_is_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
import threading
from asr_prune.process import start_method
alone, wait = start_method(), threading.Event()
thread = threading.Thread(target=wait.wait)
thread.start()
print(alone, start_method())
wait.set()
"""
    assert python(code) == "fork spawn"
    monkeypatch.setattr(process, "_threads", lambda: 1)
    for system, start in (("linux", "fork"), ("darwin", "spawn"), ("win32", "spawn")):
        monkeypatch.setattr(sys, "platform", system)
        assert start_method() == start


def test_a_script_without_a_main_guard_may_start_workers(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    code = "from asr_prune.process import worker_pool\nprint('once')\n"
    code += "with worker_pool(2, 'spawn') as pool: print(list(pool.map(abs, [-1, -2])))\n"
    script.write_text(code + "assert __file__\n")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("once\n[1, 2]\n", "")


def test_windows_has_no_signal_masks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pool is that of this system; what Windows lacks is not called."""
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.delattr(signal, "pthread_sigmask")
    with process._blocked_signals("spawn") as unblock:
        unblock()


@pytest.mark.parametrize(("cuda", "remedy"), [(None, "--torch-backend cpu"), ("13.2", "'torch>=2.11,<2.15'")])
def test_torchaudio_that_cannot_be_loaded_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, cuda: str | None, remedy: str
) -> None:
    monkeypatch.setattr(torch.version, "cuda", cuda)
    sentence = rf"resampling needs torchaudio, .* \(libc10_cuda.so: no such file\); run .*{re.escape(remedy)}"
    with pytest.raises(UserError, match=sentence), torchaudio_imports("resampling"):
        raise OSError("no library") from OSError("libc10_cuda.so: no such file")


@pytest.mark.parametrize(
    ("call", "purpose"),
    [
        ("from asr_prune.corpus.resample import resampled; resampled(zeros, 8000, 16000)", "resampling"),
        (
            "from asr_prune.features.compute import make_compute; make_compute(FeatureOptions(backend='torchaudio'))",
            "backend: torchaudio",
        ),
        ("from asr_prune.decode.word_times import forced_path; forced_path(zeros[:, None], zeros[:1])", "aligning"),
    ],
)
def test_what_uses_torchaudio_says_so_where_it_is_missing(call: str, purpose: str) -> None:
    code = (
        "import sys; sys.modules['torchaudio'] = None; import numpy as np; zeros = np.zeros(9, np.float32);"
        f"from asr_prune.features.options import FeatureOptions; {call}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"asr_prune.errors.UserError: {purpose}"), done.stderr


def _swallow(item: bytes) -> int:
    return len(item)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("after", [0.02, 0.05, 0.1, 0.2])
def test_a_worker_killed_while_it_reads_a_task_ends_the_pool(after: float) -> None:
    def kill() -> None:
        time.sleep(after)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, number)
            time.sleep(0.2)

    with worker_pool(2, "fork") as pool:
        results = pool.map(_swallow, [bytes(3_000_000)] * 400)
        assert next(results) == 3_000_000
        kill()
        with pytest.raises(WorkerEnded, match="-9"):
            list(results)


def _large(item: bytes) -> bytes:
    return item


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("after", [0.02, 0.05, 0.1, 0.2])
def test_a_worker_killed_while_it_writes_a_result_ends_the_pool(after: float) -> None:
    with worker_pool(2, "fork") as pool:
        results = pool.map(_large, [bytes(3_000_000)] * 100)
        next(results)
        time.sleep(after)
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, number)
        with pytest.raises(WorkerEnded, match="-9"):
            list(results)
