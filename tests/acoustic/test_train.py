"""The training loop: it learns, resumes exactly, and says what goes wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from asr_prune.acoustic.distributed.share import WHOLE, Share
from asr_prune.acoustic.evaluate import evaluate
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.hooks import Hooks
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.train import Trainer, pick_device
from asr_prune.errors import UserError
from asr_prune.run_dir import RunDir

MakeTrainer = Callable[..., Trainer]


def rows_of(trainer: Trainer) -> list[dict[str, float]]:
    text = (trainer.run_dir.metrics).read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_run_that_was_killed_ends_as_one_that_was_not(make_trainer: MakeTrainer, optimiser: str) -> None:
    whole = make_trainer("whole", optimiser=optimiser)
    quality = whole.run()
    for epoch in (1, 2, 3, 4):
        killed = make_trainer(f"part{epoch}", optimiser=optimiser)
        while killed.epoch < epoch:
            killed._one_epoch()
        resumed = make_trainer(f"part{epoch}", optimiser=optimiser)
        assert resumed.run() == quality
        for name, value in whole.network.state_dict().items():
            assert torch.equal(value, resumed.network.state_dict()[name]), (epoch, name)
        for one, other in zip(rows_of(whole), rows_of(resumed), strict=True):
            assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_wall_seconds_are_those_of_all_sittings(make_trainer: MakeTrainer) -> None:
    killed = make_trainer()
    killed.sitting_start = time.monotonic()
    assert killed.wall_seconds < 1
    killed.sitting_start -= 1000
    killed._one_epoch()
    resumed = make_trainer()
    resumed.sitting_start -= 200
    resumed.run()
    assert 1200 < resumed.wall_seconds < 1300
    again = make_trainer()
    again.run()
    assert 1200 < again.wall_seconds < 1300


def test_a_checkpoint_of_an_earlier_version_counts_the_seconds_of_its_epochs(make_trainer: MakeTrainer) -> None:
    killed = make_trainer()
    killed._one_epoch()
    content = torch.load(killed.run_dir.checkpoint, weights_only=True)
    del content["wall_seconds"]
    content["metrics"][0]["seconds"] = 70.0
    torch.save(content, killed.run_dir.checkpoint)
    resumed = make_trainer()
    resumed.run()
    assert 70 < resumed.wall_seconds < 130


def test_newbob_has_halved_the_same_after_resuming(make_trainer: MakeTrainer) -> None:
    train = {"optimiser": "sgd", "halve_below": 0.5, "epochs": 5}
    whole = make_trainer("whole", **train)
    whole.run()
    killed = make_trainer("part", **train)
    for _ in range(3):
        killed._one_epoch()
    resumed = make_trainer("part", **train)
    resumed.run()
    assert whole.schedule.rate(0) == resumed.schedule.rate(0) < 0.02
    assert [row["learning_rate"] for row in rows_of(whole)] == [row["learning_rate"] for row in rows_of(resumed)]


def test_metrics_have_a_row_for_each_epoch(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(epochs=12)
    quality = trainer.run()
    rows = rows_of(trainer)
    assert [row["epoch"] for row in rows] == list(range(1, 13))
    expected = {"epoch", "train_ce", "train_accuracy", "dev_ce", "dev_accuracy", "learning_rate", "seconds"}
    assert all(set(row) == expected for row in rows)
    assert rows[-1]["dev_ce"] == pytest.approx(quality.cross_entropy)
    assert rows[-1]["dev_ce"] < 0.8 * rows[0]["dev_ce"]
    assert rows[-1]["dev_accuracy"] > rows[0]["dev_accuracy"]


def test_train_figures_are_means_over_all_frames(make_trainer: MakeTrainer) -> None:
    """With a rate of almost zero, the network is the same in every batch and when it is measured afterwards."""
    trainer = make_trainer(optimiser="sgd", learning_rate=1e-12, epochs=1)
    trainer.network.dropouts = [0.0, 0.0]
    trainer.run()
    (row,) = rows_of(trainer)
    whole = evaluate(trainer.network, trainer.train_frames)
    assert row["train_ce"] == pytest.approx(whole.cross_entropy, rel=1e-4)
    assert row["train_accuracy"] == pytest.approx(whole.accuracy)


def test_every_epoch_of_every_seed_has_a_stream_of_its_own(
    make_trainer: MakeTrainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[int] = []
    streams: list[int] = []
    batches = FrameSet.batches

    def noted(self: FrameSet, size: int, order: torch.Generator | None = None, share: Share = WHOLE) -> Any:
        if order is not None:
            orders.append(order.initial_seed())
            streams.append(torch.initial_seed())
        return batches(self, size, order, share)

    monkeypatch.setattr(FrameSet, "batches", noted)
    for seed in (0, 1, 2, 3):
        trainer = make_trainer(f"seed{seed}", epochs=3)
        trainer.seed = seed
        trainer.run()
    assert len(set(orders)) == len(set(streams)) == 12


def test_the_log_tells_each_epoch(make_trainer: MakeTrainer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "asr_prune")
    trainer = make_trainer(epochs=2)
    trainer.run()
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("epoch")]
    for line, row in zip(told, rows_of(trainer), strict=True):
        figures = f"train CE {row['train_ce']:.3f}  dev CE {row['dev_ce']:.3f}"
        share = f"dev accuracy {100 * row['dev_accuracy']:.1f} %"
        assert line == f"epoch  {row['epoch']}/2  {figures}  {share}  {row['seconds']:.0f} s"
    assert trainer._summary({**row, "nodes": 7, "phase": "press"}).endswith(
        f"%  nodes 7  press  {row['seconds']:.0f} s"
    )


def test_progress_tells_the_loss_so_far_and_the_epoch_before(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer()
    assert trainer._status(torch.zeros(4)) == "loss 0.000"
    assert trainer._status(torch.tensor([6.0, 4.0, 1.0, 4.0])) == "loss 1.500"
    trainer.metrics.append({"dev_accuracy": 0.256})
    assert trainer._status(torch.tensor([0.5, 1.0, 1.0, 1.0])) == "loss 0.500, dev accuracy 25.6 %"
    trainer.metrics.append({"dev_accuracy": 0.5, "nodes": 9})
    assert trainer._status(torch.tensor([0.5, 1.0, 1.0, 1.0])) == "loss 0.500, dev accuracy 50.0 %, nodes 9"


def test_another_seed_is_another_run(make_trainer: MakeTrainer) -> None:
    one, other = make_trainer("one", epochs=1), make_trainer("other", epochs=1)
    other.seed = 6
    one.run()
    other.run()
    assert not torch.equal(one.network.output.weight, other.network.output.weight)


def test_an_infinite_loss_is_refused(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(optimiser="sgd", learning_rate=1e30, clip=0.0)
    with pytest.raises(UserError, match=r"loss of epoch 1 is not a number; lower train.learning_rate \(now 1e\+30\)"):
        trainer.run()
    assert not trainer.run_dir.checkpoint.exists()


def test_a_damaged_checkpoint_is_refused(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer()
    trainer._one_epoch()
    trainer.run_dir.checkpoint.write_bytes(trainer.run_dir.checkpoint.read_bytes()[:500])
    with pytest.raises(UserError, match="is damaged"):
        make_trainer().run()


@pytest.mark.parametrize("other", [{"weights": 1}, {"network": {}}, {"epoch": "three"}])
def test_a_foreign_checkpoint_is_refused(make_trainer: MakeTrainer, other: dict[str, Any]) -> None:
    trainer = make_trainer()
    trainer._one_epoch()
    whole = torch.load(trainer.run_dir.checkpoint, weights_only=True)
    torch.save(whole | other if "network" in other else other, trainer.run_dir.checkpoint)
    sentence = r"checkpoint\.pt is of another version of asr_prune, .*; delete it and run the train stage again"
    with pytest.raises(UserError, match=sentence):
        make_trainer().run()


def test_gradients_are_clipped(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(optimiser="sgd", learning_rate=1.0, momentum=0.0, weight_decay=0.0, clip=1e-3, epochs=1)
    before = torch.cat([p.detach().flatten().clone() for p in trainer.network.parameters()])
    trainer._update(*next(trainer.train_frames.batches(40)))
    after = torch.cat([p.detach().flatten() for p in trainer.network.parameters()])
    assert float((after - before).norm()) == pytest.approx(1e-3, rel=1e-2)


def test_tensorboard_events_hold_each_epoch_once_even_after_resuming(make_trainer: MakeTrainer) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    killed = make_trainer(tensorboard=True)
    killed._one_epoch()
    killed._one_epoch()
    trainer = make_trainer(tensorboard=True)
    trainer.run()
    events = accumulator.EventAccumulator(str(trainer.run_dir.events))
    events.Reload()
    assert {"train_ce", "dev_ce", "learning_rate"} <= set(events.Tags()["scalars"])
    written = events.Scalars("dev_ce")
    assert [event.step for event in written] == [1, 2, 3, 4]
    assert [event.value for event in written] == pytest.approx([row["dev_ce"] for row in rows_of(trainer)], rel=1e-6)


def test_without_tensorboard_no_events(make_trainer: MakeTrainer, tmp_path: Path) -> None:
    make_trainer(epochs=1).run()
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["metrics.jsonl", "model"]


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is here: the refusal cannot be seen")
def test_cuda_is_refused_if_unavailable() -> None:
    with pytest.raises(UserError, match=r"no CUDA device; set train\.device to auto or cpu"):
        pick_device("cuda")
    assert pick_device("auto") == pick_device("cpu") == torch.device("cpu")


class Halving(Hooks):
    """Computes with half of the output layer's weights; two parts."""

    def parts(self, steps: int) -> list[tuple[int, float]]:
        return [(steps - 9, 1.0), (9, 0.5)]

    def start(self, network: FeedForward, *rest: object) -> None:
        self.network = network

    @contextmanager
    def acting(self, training: bool) -> Iterator[None]:
        own = self.network.output.weight.data
        self.network.output.weight.data = own / 2
        yield
        self.network.output.weight.data = own


def test_hooks_may_lend_the_weights_that_are_computed_with(frames: FrameSet, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = FeedForward(frames.inputs, (8,), 5)
    options = TrainOptions(
        epochs=2, batch=40, optimiser="sgd", learning_rate=0.8, momentum=0.0, weight_decay=0.0, clip=0.0
    )
    trainer = Trainer(network, options, frames, frames, Halving(), 1, RunDir(tmp_path))
    inputs, labels = next(frames.batches(40))
    before = network.output.weight.detach().clone()
    halved = before.div(2).requires_grad_()
    hidden = torch.relu(network.hidden[0]((inputs - network.shift) * network.scale)).detach()
    torch.nn.functional.cross_entropy(hidden @ halved.T + network.output.bias.detach(), labels).backward()
    trainer._update(inputs, labels)
    assert torch.allclose(network.output.weight, before - 0.8 * halved.grad, atol=1e-6)
    told = trainer.quality().cross_entropy
    with torch.no_grad():
        network.output.weight.div_(2)
    assert told == pytest.approx(evaluate(network, frames).cross_entropy)
    assert [trainer.schedule.rate(step) for step in (0, trainer.steps - 1)] == [0.8, 0.4]


def test_hooks_may_have_the_network_run_over_the_training_frames(make_trainer: Callable[..., Trainer]) -> None:
    class Counting(Hooks):
        def training_frames(self, run_over: Callable[[], object]) -> None:
            self.run_over = run_over

    made = make_trainer()
    hooks = Counting()
    trainer = Trainer(made.network, made.options, made.train_frames, made.dev_frames, hooks, 5, made.run_dir)
    seen: list[torch.Tensor] = []
    handle = trainer.network.hidden[0].register_forward_hook(lambda module, inputs, outputs: seen.append(outputs))
    trainer.network.train()
    hooks.run_over()
    handle.remove()
    assert torch.cat(seen).shape == (len(trainer.train_frames), 16)
    assert trainer.network.training
