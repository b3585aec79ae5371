from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.analysis import speeds
from asr_prune.nnet3.model import write_nnet3
from asr_prune.process import torch_threads
from tests.nnet3.conftest import tdnnf_model

FRAMES = 50


def a_second(work: Callable[[], object]) -> float:
    work()
    return 1.0


def test_the_work_of_a_gpu_counts_until_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is queued takes no time of the processor, and is over when the device says so."""
    monkeypatch.setattr(speeds, "PATIENCE", 0.0)
    monkeypatch.setattr("torch.cuda.synchronize", lambda _: time.sleep(0.05))
    assert speeds._seconds_on(torch.device("cuda"), list) >= 0.05
    assert speeds._seconds_on(torch.device("cpu"), list) < 0.05


def test_a_process_of_several_is_timed_with_its_share_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    monkeypatch.setattr(speeds, "seconds_each", lambda _: threads.append(torch.get_num_threads()) or 1.0)
    with torch_threads(4):
        speeds.network_speed(NetworkOptions(hidden=(8,)), TrainOptions(batch=100, processes=2), 6, 6, FRAMES, False)
    assert threads == [2, 4]


@pytest.mark.parametrize("kind", ["feed_forward", "tdnn", "nnet3", "ctc"])
def test_what_is_timed_is_divided_by_its_frames(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each measurement taken for a second: the time of a frame is then one over the frames of it."""
    monkeypatch.setattr(speeds, "seconds_each", a_second)
    write_nnet3(tmp_path / "final.mdl", tdnnf_model())
    options: dict[str, dict[str, Any]] = {
        "feed_forward": {"hidden": (8,)},
        "tdnn": {"hidden": (8,), "type": "tdnn", "context": ((-1, 0, 1),), "strides": (1,)},
        "nnet3": {"type": "nnet3", "model": str(tmp_path), "subsampling": 3, "left_context": 0, "right_context": 0},
        "ctc": {"hidden": (8,)},
    }
    how = TrainOptions(batch=100, utterances=3, threads=1)
    made = speeds.network_speed(NetworkOptions(**options[kind]), how, 6, 6, FRAMES, kind == "ctc")
    utterances = 3 if kind in ("nnet3", "ctc") else 8
    assert 1 / made.train == pytest.approx(utterances * FRAMES)
    assert 1 / made.forward == pytest.approx(utterances * FRAMES)
