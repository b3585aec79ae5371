"""A training that is stopped loses nothing."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from tests.cli.tones import GIVEN, Said

pytestmark = pytest.mark.trains

LONG = [*GIVEN, "--set", "train.epochs=50"]


@pytest.fixture(scope="module")
def uninterrupted(made: Path) -> bytes:
    """The network of a longer training that nobody disturbed."""
    ended = subprocess.run([sys.executable, "-m", "asr_prune.cli.main", "train", *LONG], cwd=made, check=False)
    assert ended.returncode == 0
    weights = (made / "exp/tiny/runs/dense-epochs-50/model/network.pt").read_bytes()
    shutil.rmtree(made / "exp/tiny/runs/dense-epochs-50")
    return weights


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(
    uninterrupted: bytes, project: Path, capsys: Said, how: signal.Signals
) -> None:
    run = project / "exp/tiny/runs/dense-epochs-50"
    # a shell that runs the tests in the background has Ctrl-C ignored
    code = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    code += "from asr_prune.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "train", *LONG]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as training:
        end = time.monotonic() + 120
        while training.poll() is None and time.monotonic() < end and not (run / "model/checkpoint.pt").exists():
            time.sleep(0.005)
        training.send_signal(how)
        said = training.communicate()[1]
    assert not (run / "model/network.pt").exists()
    if how is not signal.SIGKILL:
        assert training.returncode == 130
        assert said.splitlines()[0] == "asr-prune: train was interrupted; nothing that was finished is lost."
        assert not list(project.rglob("*.partial"))
    assert "Traceback" not in said
    assert main(["train", *LONG]) == 0
    assert "resumed after epoch" in capsys.readouterr().out
    assert (run / "model/network.pt").read_bytes() == uninterrupted
    assert not list(project.rglob("*.partial"))
