"""Training in lower precision: products only, and as good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.hooks import Hooks
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.precision import Precision
from asr_prune.acoustic.train import Trainer
from asr_prune.run_dir import RunDir

MakeTrainer = Callable[..., Trainer]


def test_bf16_trains_as_well_and_keeps_weights_and_state_in_float32(make_trainer: MakeTrainer) -> None:
    plain, low = make_trainer("plain").run(), make_trainer("low", precision="bf16")
    quality = low.run()
    assert quality != plain
    assert abs(quality.cross_entropy - plain.cross_entropy) < 0.02
    state = [value for held in low.optimiser.state.values() for value in held.values()]
    assert {value.dtype for value in [*low.network.state_dict().values(), *state]} == {torch.float32}


def test_only_the_products_of_an_update_are_in_bf16(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(precision="bf16")
    seen: list[tuple[bool, torch.dtype]] = []
    trainer.network.output.register_forward_hook(lambda _, __, out: seen.append((trainer.network.training, out.dtype)))
    trainer._one_epoch()
    assert set(seen) == {(True, torch.bfloat16), (False, torch.float32)}
    outcome = trainer._update(*next(iter(trainer.train_frames.batches(40))))
    assert outcome.loss.dtype == torch.float32


def test_tf32_changes_nothing_on_a_cpu(make_trainer: MakeTrainer) -> None:
    before = torch.get_float32_matmul_precision()
    assert make_trainer("one").run() == make_trainer("other", precision="tf32").run()
    assert torch.get_float32_matmul_precision() == before


def test_tf32_holds_for_an_update_on_a_gpu_alone() -> None:
    before = torch.get_float32_matmul_precision()
    with Precision(TrainOptions(precision="tf32"), torch.device("cuda")).update():
        assert torch.get_float32_matmul_precision() == "high"
    assert torch.get_float32_matmul_precision() == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
def test_a_gpu_learns_as_the_cpu_does(
    make_trainer: MakeTrainer, frames: FrameSet, precision: str, tmp_path: Path
) -> None:
    on_cpu = make_trainer("cpu")
    there = FrameSet(frames.features.cuda(), frames.labels.cuda(), torch.full((6,), 60).cuda(), (1, 1))
    network = make_trainer("copied").network.cuda()
    options = TrainOptions(**{**vars(on_cpu.options), "precision": precision})
    on_gpu = Trainer(network, options, there, there, Hooks(), 5, RunDir(tmp_path))
    on_cpu.dev_frames = frames
    assert abs(on_gpu.run().cross_entropy - on_cpu.run().cross_entropy) < 0.1
