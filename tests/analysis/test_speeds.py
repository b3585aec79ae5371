from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.analysis import speeds
from asr_prune.nnet3.model import write_nnet3
from tests.nnet3.conftest import tdnnf_model

FRAMES = 50


def a_second(work: Callable[[], object]) -> float:
    work()
    return 1.0


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
