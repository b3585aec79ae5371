"""A decoding that is killed goes on where it stopped, and ends in the same words and lattices."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from asr_prune.cli.main import main
from asr_prune.integrity import MANIFEST
from asr_prune.run_dir import portions_of
from asr_prune.stages import STAGES

pytestmark = pytest.mark.trains

RECIPE = """
corpus: {prepare: MANY}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
network: {hidden: [32, 24], dropout: 0.1}
train: {epochs: 2, batch: 64, threads: 1, tensorboard: false}
decode: {lm_weights: [8, 10], penalties: [0.0, 1.0]}
runs: [{name: one, prune: {method: none}}]
"""
GIVEN = ["--recipe", "recipes/many", "--nj", "1"]
RUN = Path("exp/many/runs/one")
#: starts decodings in processes of their own and kills each with SIGKILL: the second at once, the others as soon as
#: another portion is done; the last is left to end
KILLER = """
import os, signal, sys, time
from pathlib import Path
from asr_prune.cli.main import main
import asr_prune.decode.decode_run
from asr_prune.decode.search.run import prepare_search

prepare_search()
given, folder = sys.argv[1:], Path("exp/many/runs/one")
count = lambda: len(list(folder.glob("*.portions/????.jsonl.gz")))
for attempt in range(6):
    before = count()
    child = os.fork()
    if not child:
        os._exit(main(["decode", *given]))
    if attempt < 5:
        while attempt != 1 and count() == before:
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    print("killed" if os.WIFSIGNALED(status) else f"ended {status}", before, count(), flush=True)
"""

#: decodes with processes that end by SIGKILL at four utterances, each as often as the second argument says
ENDING = """
import os, signal, sys
from pathlib import Path
from asr_prune.cli.main import main
from asr_prune.decode.lattice_set import _Work

search, parent, marks, most = _Work.__call__, os.getpid(), Path(sys.argv[1]), int(sys.argv[2])

def ending(self, utt, loglikes):
    if "-077-" in utt and os.getpid() != parent and len(list(marks.glob(f"{utt}.*"))) < most:
        (marks / f"{utt}.{os.getpid()}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return search(self, utt, loglikes)

_Work.__call__ = ending
sys.exit(main(["decode", *sys.argv[3:]]))
"""


@pytest.fixture(scope="module")
def before_decoding(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with all stages before decode done."""
    here = tmp_path_factory.mktemp("projects") / "before"
    (here / "recipes/many").mkdir(parents=True)
    prepare = Path(__file__).with_name("many.py")
    (here / "recipes/many/recipe.yaml").write_text(RECIPE.replace("MANY", str(prepare)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        verbs = list(STAGES)[: list(STAGES).index("decode")]
        assert [main([verb, *GIVEN]) for verb in verbs] == [0] * len(verbs)
    return here


@pytest.fixture
def project(before_decoding: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a copy of it."""
    here = tmp_path / "project"
    shutil.copytree(before_decoding, here)
    monkeypatch.chdir(here)
    return here


def decoded(folder: Path) -> dict[str, object]:
    """The bytes of words and lattices by path, and figures without times, whose digest is in the manifest too."""
    parts = [folder / RUN / f"decode_{part}" for part in ("dev", "test")]
    paths = [path for part in parts for path in part.rglob("*") if path.is_file() and path.name != MANIFEST]
    files = {str(path.relative_to(folder)): path for path in paths}
    found: dict[str, object] = {name: path.read_bytes() for name, path in files.items()}
    for name, path in files.items():
        if path.name == "info.json":
            info = json.loads(path.read_text())
            found[name] = {key: value for key, value in info.items() if "seconds" not in key and "rtf" not in key}
    return found


def test_words_do_not_depend_on_whether_the_network_is_ahead_of_the_search(project: Path, tmp_path: Path) -> None:
    """decode.device other than cpu computes scores in a thread, also where there is no GPU."""
    if torch.cuda.is_available():
        pytest.skip("torch sees a CUDA device, whose scores differ by rounding")
    shutil.copytree(project, tmp_path / "ahead")
    assert main(["decode", *GIVEN]) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path / "ahead")
        assert main(["decode", *GIVEN[:-1], "2", "--set", "decode.device=auto"]) == 0
    assert decoded(tmp_path / "ahead") == decoded(project)


def test_a_decode_killed_five_times_ends_in_the_same_words(project: Path, tmp_path: Path) -> None:
    given = [*GIVEN, "--set", "decode.lattice=true"]
    whole = tmp_path / "whole"
    shutil.copytree(project, whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(whole)
        assert main(["decode", *given]) == 0
    done = subprocess.run([sys.executable, "-c", KILLER, *given], capture_output=True, text=True, check=False)
    ends = [line for line in done.stdout.splitlines() if line.startswith(("killed", "ended"))]
    assert [line.split()[0] for line in ends] == ["killed"] * 5 + ["ended"], done.stdout + done.stderr
    assert ends[-1].split()[1] == "0"
    assert int(ends[-1].split()[2]) >= 4
    assert "utterances are decoded already; going on" in done.stdout
    assert decoded(project) == decoded(whole)
    assert len(decoded(project)) == 2 * (1 + 4 + 1)
    assert not list((project / RUN).glob("*.portions"))


def ending(marks: Path, ends: int, given: list[str]) -> subprocess.CompletedProcess[str]:
    """Decodes here with ENDING, whose processes are forks."""
    marks.mkdir()
    command = [sys.executable, "-c", ENDING, str(marks), str(ends), *given]
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=one_thread, capture_output=True, text=True, check=False)


def test_processes_of_a_decode_that_are_killed_begin_again(project: Path, tmp_path: Path) -> None:
    given = [*GIVEN[:2], "--nj", "2", "--set", "decode.lattice=true"]
    whole = tmp_path / "whole"
    shutil.copytree(project, whole)
    named = ending(tmp_path / "thrice", 3, given)
    assert named.returncode == 1, named.stdout + named.stderr
    assert re.search(r"the work on \S+-077-\S+ ended the process that did it, and two had ended", named.stderr)
    done = ending(tmp_path / "once", 1, given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((tmp_path / "once").iterdir())) == 4
    assert "ended with status -9, perhaps for lack of memory; what it was doing begins again" in done.stdout
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(whole)
        assert main(["decode", *given]) == 0
    assert decoded(project) == decoded(whole)


def interrupted(given: list[str], monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Decodes until Ctrl-C, which comes when `after` portions are done."""
    from asr_prune.decode.portions import PortionStore

    write, count = PortionStore.write, iter(range(after))

    def stopping(*arguments: object) -> None:
        if next(count, None) is None:
            raise KeyboardInterrupt
        write(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(PortionStore, "write", stopping)
        assert main(["decode", *given]) == 130


def test_what_was_decoded_with_other_settings_is_not_gone_on_from(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither under the new settings nor when the first ones come back."""
    interrupted(GIVEN, monkeypatch, 3)
    kept = portions_of(RUN / "decode_test")
    assert len(list(kept.iterdir())) == 2
    interrupted([*GIVEN, "--set", "decode.max_active=300"], monkeypatch, 0)
    assert not kept.exists()
    assert main(["decode", *GIVEN]) == 0
    assert "decoded already" not in capsys.readouterr().out


def test_a_damaged_portion_is_decoded_again_and_processes_do_not_count(
    project: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    shutil.copytree(project, tmp_path / "whole")
    interrupted(GIVEN, monkeypatch, 3)
    (portions_of(RUN / "decode_test") / "0000.jsonl.gz").write_bytes(b"damaged")
    with caplog.at_level(logging.INFO):
        assert main(["decode", *GIVEN[:2], "--nj", "2"]) == 0
    log = (project / "exp/many/log/decode.log").read_text()
    assert "0000.jsonl.gz is damaged" in log
    assert "utterances are decoded already; going on" in log
    with monkeypatch.context() as patch:
        patch.chdir(tmp_path / "whole")
        assert main(["decode", *GIVEN]) == 0
    assert decoded(project) == decoded(tmp_path / "whole")


def test_a_full_disk_keeps_the_portions_that_are_done(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from asr_prune.decode.portions import PortionStore

    write = PortionStore.write

    def full(self: PortionStore, number: int, *rest: object) -> None:
        results = rest[0] if number < 2 else _then_full(rest[0])
        write(self, number, results, rest[1])  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(PortionStore, "write", full)
        assert main(["decode", *GIVEN]) == 1
    told = capfd.readouterr().err
    assert "free space or choose another folder" in told
    assert "go on with:" in told
    assert len(list(portions_of(RUN / "decode_test").iterdir())) == 2
    assert main(["decode", *GIVEN]) == 0


def _then_full(results: object) -> object:
    yield next(results)  # type: ignore[call-overload]
    raise OSError(28, "No space left on device")
