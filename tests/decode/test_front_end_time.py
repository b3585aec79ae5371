"""The time before the network, on tones: with and without adaptation, and without audio."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from asr_prune.cli.main import main
from asr_prune.decode import front_end_time
from asr_prune.decode.front_end_file import FrontEndTime, read_front_end
from asr_prune.decode.front_end_time import first_seconds
from asr_prune.errors import UserError
from asr_prune.stages.graph import works
from asr_prune.workflow.experiment import Experiment, open_experiment

pytestmark = pytest.mark.trains

ADAPTED = ["features.network.type=hmm"]
ADAPTED += [
    "hmm.passes=[{type: mono, iterations: 3, gaussians: 30}, {type: sat, leaves: 12, iterations: 3, gaussians: 30}]"
]


def timed(recipe: Path, *sets: str) -> tuple[Experiment, FrontEndTime]:
    experiment = open_experiment(str(recipe), sets, 1)
    (work,) = [work for work in works(experiment) if work.piece == "front-end"]
    front_end_time.time_front_end(**work.arguments, **work.uncounted)  # type: ignore[arg-type]
    assert work.outputs == [experiment.layout.front_end]
    return experiment, read_front_end(experiment.layout.front_end)


def run(recipe: Path, stages: list[str], *sets: str) -> None:
    words = [word for text in sets for word in ("--set", text)]
    assert [main([stage, "--recipe", str(recipe), "--nj", "1", *words]) for stage in stages] == [0] * len(stages)


def test_features_are_timed_and_audio_that_has_gone_is_no_failure(
    tones: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tones, ["corpus", "features"])
    experiment, output = timed(tones)
    assert output.features
    assert 0 < output.features < 5
    assert output.adaptation is None
    feats = first_seconds(experiment.decoding.stored("test"), 0.01)
    assert list(feats) == sorted(feats)
    wavs = experiment.layout.set("test") / "wav.scp"
    for line in wavs.read_text().splitlines():
        Path(line.split(maxsplit=1)[1]).unlink()
    assert timed(tones)[1] == FrontEndTime(None, None)
    assert "the front end is not timed: data/tiny/audio/" in capsys.readouterr().out


def test_adaptation_is_timed(tones: Path) -> None:
    run(tones, ["corpus", "lang", "features", "align", "graph"], *ADAPTED)
    output = read_front_end(Path("exp/tiny/front_end.json"))
    assert output.features
    assert output.adaptation
    assert 0 < output.adaptation < 20


def test_the_first_call_does_not_count() -> None:
    calls: list[list[str]] = []

    def act(names: list[str]) -> None:
        calls.append(names)
        start = time.process_time()
        while time.process_time() - start < (0.3 if len(calls) == 1 else 0.02):
            np.zeros(10).sum()

    assert 0.015 < front_end_time._seconds(act, ["a", "b"]) < 0.2
    assert calls == [["a"], ["a", "b"]]


def test_the_file_may_be_missing_but_not_damaged(tmp_path: Path) -> None:
    path = tmp_path / "front_end.json"
    assert read_front_end(path) == FrontEndTime(None, None)
    path.write_text('{"speed": 1}')
    with pytest.raises(UserError, match=r"is damaged .*remove it and rerun the stage graph"):
        read_front_end(path)


def test_finished_features_are_not_timed(tones: Path) -> None:
    archives = ["features.hmm.archives=theirs", "features.network={type: fbank, archives: theirs}"]
    assert [work.piece for work in works(open_experiment(str(tones), archives, 1))] == [""]
