"""Adaptation, verification, ladder and greedy decoding that are killed go on, and end in the same bytes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.integrity import MANIFEST
from asr_prune.process import ENVIRONMENT

pytestmark = pytest.mark.trains

_PASS = "iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]"
_FMLLR = "fmllr_iterations: [2], fmllr_min_frames: 50"
RECIPE = f"""
corpus: {{prepare: MANY}}
hmm: {{passes: [{{type: mono, {_PASS}}}, {{type: sat, leaves: 8, {_FMLLR}, {_PASS}}}]}}
features: {{network: {{type: hmm}}}}
network: {{hidden: [32, 24], dropout: 0.1}}
train: {{epochs: 2, batch: 64, threads: 1, tensorboard: false}}
decode: {{lm_weights: [8, 10], penalties: [0.0]}}
runs: [{{name: one, prune: {{method: magnitude, keep: 0.5}}}}]
"""
GREEDY = """
corpus: {prepare: MANY}
features: {network: {type: fbank, bins: 12}}
network: {hidden: [24, 16], context: [[-1, 0, 1]], strides: [3, 1]}
train: {epochs: 2, utterances: 4, threads: 1, tensorboard: false}
decode: {type: ctc, search: greedy}
runs: [{name: one, prune: {method: none}}]
"""
#: runs a verb in processes of its own: four end by SIGKILL as soon as another portion is written, the last one ends
KILLER = """
import os, signal, sys
from pathlib import Path
from asr_prune.cli.main import main
from asr_prune.decode.kept import KeptSearch
from asr_prune.decode.search.run import prepare_search

prepare_search()
write = KeptSearch.write

def dying(self, number, results):
    write(self, number, results)
    os.kill(os.getpid(), signal.SIGKILL)

count = lambda: len(list(Path("exp").glob("**/*.portions/**/????.jsonl.gz")))
for attempt in range(5):
    before, child = count(), os.fork()
    if not child:
        KeptSearch.write = dying if attempt < 4 else write
        os._exit(main(sys.argv[1:]))
    status = os.waitpid(child, 0)[1]
    print("killed" if os.WIFSIGNALED(status) else f"ended {status}", before, count(), flush=True)
"""


def project(here: Path, recipe: str, verbs: list[str]) -> list[str]:
    """Makes a project in `here` in which `verbs` are done; returns what the command line is given."""
    (here / "recipes/many").mkdir(parents=True)
    prepare = Path(__file__).with_name("many.py")
    (here / "recipes/many/recipe.yaml").write_text(recipe.replace("MANY", str(prepare)))
    given = ["--recipe", "recipes/many", "--nj", "1"]
    assert [main([verb, *given]) for verb in verbs] == [0] * len(verbs)
    return given


def files(folder: Path) -> dict[str, object]:
    """What a command wrote, without times."""
    found: dict[str, object] = {}
    for path in sorted(folder.glob("exp/**/*")):
        name = str(path.relative_to(folder))
        if not path.is_file() or path.name in (MANIFEST, "front_end.json") or "/log/" in name or "/." in name:
            continue
        found[name] = path.read_bytes()
        if path.suffix == ".json" and isinstance(content := json.loads(path.read_text()), dict):
            found[name] = {key: value for key, value in content.items() if "seconds" not in key}
    return found


def killed(verb: str, given: list[str], tmp_path: Path) -> str:
    """Runs `verb` here with four kills, and in a copy without; their files must be equal. Returns what was printed."""
    shutil.copytree(Path.cwd(), tmp_path / "whole")
    # as on the command line, where the libraries' threads are set before they are loaded
    how = {"env": os.environ | ENVIRONMENT, "capture_output": True, "text": True, "check": False}
    done = subprocess.run([sys.executable, "-c", KILLER, verb, *given], **how)
    ends = [line.split() for line in done.stdout.splitlines() if line.startswith(("killed", "ended"))]
    assert [end[0] for end in ends] == ["killed"] * 4 + ["ended"], done.stdout + done.stderr
    assert ends[-1][1] == "0", done.stdout + done.stderr
    portions = [int(end[-2]) for end in ends]
    assert portions == sorted(set(portions)), done.stdout
    whole = subprocess.run([sys.executable, "-m", "asr_prune.cli.main", verb, *given], cwd=tmp_path / "whole", **how)
    assert whole.returncode == 0, whole.stderr
    assert files(Path.cwd()) == files(tmp_path / "whole")
    assert not list(Path("exp").rglob("*.portions"))
    return done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A project with a trained speaker-adaptive pass."""
    here = tmp_path_factory.mktemp("projects") / "trained"
    here.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        return here, project(here, RECIPE, ["corpus", "lang", "features", "align"])


@pytest.fixture
def here(trained: tuple[Path, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The current folder is a copy of it; what the command line is given."""
    shutil.copytree(trained[0], tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return trained[1]


def test_adaptation(here: list[str], tmp_path: Path) -> None:
    assert "first pass" in killed("graph", here, tmp_path)


def test_verification(here: list[str], tmp_path: Path) -> None:
    assert [main([verb, *here]) for verb in ("graph", "train")] == [0, 0]
    try:
        told = killed("shrink", here, tmp_path)
    except AssertionError as error:
        if "600 of 600 utterances the same log-likelihoods" not in str(error):
            raise
        pytest.skip("on this CPU masked and shrunk network agree bit by bit, so that no search of test can be killed")
    assert "verifying test" in told


def test_ladder(here: list[str], tmp_path: Path) -> None:
    assert main(["graph", *here]) == 0
    assert "decoding test with mono" in killed("ladder", here, tmp_path)


def test_greedy_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    given = project(Path.cwd(), GREEDY, ["corpus", "lang", "features", "train", "shrink"])
    assert "decoding greedily" in killed("decode", given, tmp_path)
