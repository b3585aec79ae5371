"""Stages on a Dask scheduler, a worker of which is killed: the same bytes as on this machine."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest
import soundfile

from asr_prune.cli.main import main
from asr_prune.corpus import inspect
from asr_prune.corpus.inspect import inspect_audio
from asr_prune.errors import UserError
from asr_prune.spread.dask_executor import DaskExecutor
from asr_prune.spread.executor import chosen
from asr_prune.spread.options import ExecutorOptions
from tests.spread.conftest import Dask
from tests.stages.test_killed_searches import files

pytestmark = pytest.mark.trains

RECIPE = """
corpus: {prepare: MANY}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
features: {network: {type: fbank, bins: 12}}
network: {hidden: [32, 24]}
train: {epochs: 2, batch: 64, threads: 1, tensorboard: false}
decode: {lm_weights: [8, 10], penalties: [0.0], lattice: true}
runs: [{name: one, prune: {method: magnitude, keep: 0.5}}]
"""
GIVEN = ["--recipe", "recipes/many", "--nj", "1"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that this machine has worked on, up to the words."""
    here = tmp_path_factory.mktemp("projects") / "whole"
    (here / "recipes/many").mkdir(parents=True)
    prepare = Path(__file__).parents[1] / "stages/many.py"
    (here / "recipes/many/recipe.yaml").write_text(RECIPE.replace("MANY", str(prepare)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        patch.setattr("asr_prune.decode.portion_files._SECONDS", 10.0)
        verbs = ("corpus", "lang", "features", "align", "graph", "train", "shrink", "decode", "score")
        assert [main([verb, *GIVEN]) for verb in verbs] == [0] * len(verbs)
    return here


@pytest.fixture
def far(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, the current folder; parts and portions are small."""
    shutil.copytree(whole, tmp_path / "far")
    monkeypatch.chdir(tmp_path / "far")
    monkeypatch.setenv("PWD", str(tmp_path / "far"))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setattr("asr_prune.decode.portion_files._SECONDS", 10.0)
    monkeypatch.setattr("asr_prune.features.parts._LEAST", 32)
    return tmp_path / "far"


def run_with_a_kill(dask: Dask, verb: str, begun: str) -> None:
    """The stage `verb` on two workers. Once there is a file `begun`, one is killed at work."""
    dask.start_worker()
    with dask.killing(dask.start_worker(), lambda: bool(list(Path().glob(begun)))):
        assert main([verb, *GIVEN, "--executor", dask.address]) == 0
    assert "which begins again elsewhere" in log(verb)


def data(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder)): path for path in sorted(folder.glob("data/**/*"))}
    return {name: path.read_bytes() for name, path in found.items() if path.is_file()}


def untimed(folder: Path) -> dict[str, object]:
    """What is in `folder`, without real-time factors."""
    found = files(folder)
    for content in found.values():
        if isinstance(content, dict):
            content.pop("rtf_decode", None)
    return found


def log(verb: str) -> str:
    return Path(f"exp/many/log/{verb}.log").read_text()


def test_a_worker_is_killed_in_the_middle_of_features(dask: Dask, whole: Path, far: Path) -> None:
    for path in far.glob("data/many/*/*/feats.*"):
        path.unlink()
    run_with_a_kill(dask, "features", "data/many/test/*.portions/*.json")
    assert data(far) == data(whole)
    assert not list(far.rglob("*.portions"))


def test_a_worker_is_killed_in_the_middle_of_decoding(dask: Dask, whole: Path, far: Path) -> None:
    for part in ("dev", "test"):
        shutil.rmtree(f"exp/many/runs/one/decode_{part}")
    run_with_a_kill(dask, "decode", "exp/many/runs/one/decode_test.portions/*.jsonl.gz")
    assert untimed(far) == untimed(whole)
    assert not list(far.rglob("*.portions"))


def test_files_are_transcribed_by_workers(
    dask: Dask, far: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dask.start_worker()
    audio = sorted({line.split()[1] for line in Path("data/many/test/wav.scp").read_text().splitlines()})
    command = ["transcribe", "exp/many/runs/one", *audio[:3], "gone.wav", "--times", "--json"]
    capsys.readouterr()
    assert main(command) == 1
    here = capsys.readouterr().out
    assert main([*command, "--executor", dask.address]) == 1
    told = capsys.readouterr()
    assert (told.out, len(told.out.splitlines())) == (here, 3)
    assert "skipped: gone.wav: missing audio" in told.err


def test_transcribe_heeds_the_block_of_the_recipe(
    far: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("distributed", reason="needs the extra cluster")
    monkeypatch.setattr("asr_prune.spread.dask_executor._ANSWER", 2)
    with Path("recipes/many/recipe.yaml").open("a") as recipe:
        recipe.write("executor: {type: dask, address: 'tcp://127.0.0.1:9'}\n")
    audio = Path("data/many/test/wav.scp").read_text().split()[1]
    command = ["transcribe", "exp/many/runs/one", audio]
    assert main(command) == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in capsys.readouterr().err
    assert main([*command, "--executor", "local"]) == 0
    assert main([*command, "--set", "executor.address=tcp://127.0.0.1:8", "--nj", "1"]) == 1
    assert "no Dask scheduler answers at tcp://127.0.0.1:8" in capsys.readouterr().err


def test_a_worker_that_does_not_see_the_corpus_is_told(dask: Dask, far: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect, "_TASK_FILES", 1)
    dask.start_worker()
    soundfile.write("one.wav", [0.0] * 2000, 16000)
    with Path("one.wav").open("rb") as file, os.fdopen(fcntl.fcntl(file, fcntl.F_DUPFD, 200), "rb") as own:
        seen_here = f"/proc/self/fd/{own.fileno()}"  # of this process alone
        assert inspect_audio({"one": seen_here}).seconds
        wavs = {"one": seen_here, "other": "one.wav"}
        says = f"^{seen_here}: no such file, said a worker, but this machine"
        workers = DaskExecutor(ExecutorOptions(type="dask", address=dask.address))
        with chosen(workers), pytest.raises(UserError, match=says):
            inspect_audio(wavs)
