"""The training loop: epochs, checkpoints and exact resume. Pruning takes part through hooks."""

from __future__ import annotations

import json
import logging
import math
import time
from typing import Any

import torch
from torch import nn

from asr_prune.acoustic.checkpoint import load_tensors, unfitting
from asr_prune.acoustic.distributed import processes
from asr_prune.acoustic.distributed.share import WHOLE, Share
from asr_prune.acoustic.distributed.updates import check_batch, check_epochs, part_of_objective
from asr_prune.acoustic.evaluate import Quality, evaluate
from asr_prune.acoustic.events import tensorboard_installed, write_events
from asr_prune.acoustic.examples import Examples, Outcome
from asr_prune.acoustic.hooks import Hooks
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.optimiser import ScheduleSequence, make_optimiser
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.placing import state_on
from asr_prune.acoustic.precision import Precision
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.progress import track
from asr_prune.run_dir import RunDir

log = logging.getLogger(__name__)


def pick_device(requested: str, key: str = "train.device") -> torch.device:
    """The device of the option `key`; auto is CUDA if available, of several processes one GPU each.

    Raises UserError if CUDA is requested and not available, or has too few GPUs.
    """
    available = torch.cuda.is_available()
    if requested == "cuda" and not available:
        raise UserError(f"{key} is cuda, but torch sees no CUDA device; set {key} to auto or cpu.")
    if available and requested != "cpu" and not processes.is_alone():
        torch.cuda.set_device(processes.device_of_process(torch.cuda.device_count()))
    return torch.device("cuda" if available and requested in ("cuda", "auto") else "cpu")


class Trainer:
    """Trains `network` on `train`, evaluating on `dev`.

    Each epoch has a random stream of its own, from `seed` and the epoch's number, so that a run
    that was killed and resumed from its checkpoint ends with the same weights. run: where
    checkpoint, metrics and events are written, by the first of several processes.
    """

    def __init__(
        self,
        network: Network,
        options: TrainOptions,
        train: Examples,
        dev: Examples,
        hooks: Hooks,
        seed: int,
        run: RunDir,
    ) -> None:
        self.sitting_start, self.earlier_seconds = time.monotonic(), 0.0
        self.network, self.options, self.hooks = network, options, hooks
        self.train_frames, self.dev_frames = train, dev
        self.seed, self.run_dir = seed, run
        self.optimiser = make_optimiser(network, options, hooks.no_decay(network))
        self.steps_per_epoch = train.batch_count(train.batch_size(options))
        self.steps = self.steps_per_epoch * options.epochs
        check_batch(train, options)
        processes.take_from_first(network.state_dict())
        self.precision = Precision(options, train.device)
        self.schedule = ScheduleSequence(options, hooks.parts(self.steps))
        self.epoch = self.step = self.sitting_step = 0
        self.metrics: list[dict[str, Any]] = []
        self.events = options.tensorboard and tensorboard_installed()
        hooks.training_frames(lambda: self.quality(train, WHOLE))
        hooks.start(network, self.optimiser, self.steps, self.quality)

    @property
    def wall_seconds(self) -> float:
        """Training time summed over all sittings; interrupted ones count up to their last
        checkpoint.
        """
        return self.earlier_seconds + time.monotonic() - self.sitting_start

    def quality(self, examples: Examples | None = None, share: Share | None = None) -> Quality:
        """Of the network with its acting weights, on `examples`, by default the dev set. share:
        what this process computes, by default its own.
        """
        chosen = self.dev_frames if examples is None else examples
        with self.hooks.acting(training=False):
            return evaluate(self.network, chosen, share=share or processes.share())

    def run(self) -> Quality:
        """Trains to the last epoch, from the checkpoint if there is one. Returns the final dev
        quality.

        Raises UserError if the loss becomes infinite or not a number, or as `check_epochs`.
        """
        if self.run_dir.checkpoint.exists():
            self._resume()
        check_epochs(self.epoch)
        while self.epoch < self.options.epochs:
            self._one_epoch()
        return self.quality()

    def _one_epoch(self) -> None:
        self.epoch += 1
        start = time.monotonic()
        loss, accuracy = self._pass()
        if self.epoch == self.options.epochs:
            self.hooks.finish()
        quality = self.quality()
        if self.hooks.begins_anew():
            self.schedule.forget(self.step)
        if self.hooks.may_halve():
            self.schedule.end_of_epoch(quality.cross_entropy, self.step)
        row = {
            "epoch": self.epoch,
            "train_ce": loss,
            "train_accuracy": accuracy,
            "dev_ce": quality.cross_entropy,
            "dev_accuracy": quality.accuracy,
            "learning_rate": self.schedule.rate(self.step),
            **self.hooks.end_of_epoch(quality),
            "seconds": round(time.monotonic() - start, 2),
        }
        self.metrics.append(row)
        self._write_metrics()
        self._save()
        log.info(self._summary(row))

    def _pass(self) -> tuple[float, float]:
        torch.manual_seed(self.seed * 100003 + self.epoch)
        order = torch.Generator().manual_seed(self.seed * 100003 + self.epoch)
        examples = self.train_frames
        totals = torch.zeros(4, device=examples.device)  # loss, frames, correct labels, labels
        size = examples.batch_size(self.options)
        batches = examples.batches(size, order, processes.share())
        self.network.train()
        if processes.is_first():
            label = f"epoch {self.epoch}/{self.options.epochs}"
            batches = track(batches, self.steps_per_epoch, label, lambda: self._status(totals))
        with processes.rows_of_batch(min(size, len(examples)) if examples.single_rows else None):
            for batch in batches:
                totals.add_(self._update(*batch).totals())
        processes.all_summed(totals)
        mean = float(totals[0] / totals[1].clamp_min(1))  # 0 without any label
        if not math.isfinite(mean):
            raise UserError(
                f"the loss of epoch {self.epoch} is not a number; "
                f"lower train.learning_rate (now {self.options.learning_rate})."
            )
        return mean, float(totals[2] / totals[3])

    def _status(self, totals: torch.Tensor) -> str:
        parts = [f"loss {float(totals[0] / totals[1].clamp_min(1)):.3f}"]
        if self.metrics:
            parts.append(f"dev accuracy {100 * self.metrics[-1]['dev_accuracy']:.1f} %")
            parts += [f"nodes {self.metrics[-1]['nodes']}"] if "nodes" in self.metrics[-1] else []
        return ", ".join(parts)

    def _update(self, *batch: torch.Tensor) -> Outcome:
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.rate(self.step)
        with self.hooks.acting(training=True), self.precision.update():
            with self.precision.forward():
                outcome = self.train_frames.outcome(self.network, *batch)
            penalty = self.hooks.penalty()
            self.optimiser.zero_grad()
            part_of_objective(outcome, penalty).backward()
        processes.sum_gradients(self.network.parameters())
        self.hooks.after_backward()
        if self.options.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.options.clip)
        self.optimiser.step()
        self.step += 1
        self.hooks.after_step()
        self.network.constrain(self.step)
        return outcome

    def _save(self) -> None:
        processes.check_equal(self.network.state_dict(), f"after epoch {self.epoch}")
        if not processes.is_first():
            return
        content = {
            "processes": processes.share().count,
            "epoch": self.epoch,
            "step": self.step,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "hooks": self.hooks.state_dict(),
            "metrics": self.metrics,
            "wall_seconds": self.wall_seconds,
        }
        with atomic(self.run_dir.checkpoint, "wb") as file:
            torch.save(content, file)

    def _resume(self) -> None:
        content = load_tensors(self.run_dir.checkpoint)
        try:
            self._restore(content)
        except torch.OutOfMemoryError:
            raise
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
            raise unfitting(self.run_dir.checkpoint, error) from error
        self._write_metrics()
        log.info("resumed after epoch %d of %d", self.epoch, self.options.epochs)
        if (before := content.get("processes", 1)) != (now := processes.share().count):
            text = "processes were %d and are %d: from here on, figures are the same up to rounding only"
            log.warning(text, before, now)

    def _restore(self, content: dict[str, Any]) -> None:
        hooks = state_on(self.train_frames.device, content["hooks"])
        self.hooks.reshape(hooks)
        self.network.load_state_dict(content["network"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.schedule.load_state_dict(content["schedule"])
        self.hooks.load_state_dict(hooks)
        self.epoch, self.step, self.metrics = content["epoch"], content["step"], content["metrics"]
        self.sitting_step = self.step
        epochs = sum(row["seconds"] for row in self.metrics)
        self.earlier_seconds = content.get("wall_seconds", epochs)  # not in old checkpoints

    def _write_metrics(self) -> None:
        if not processes.is_first():
            return
        with atomic(self.run_dir.metrics) as file:
            file.writelines(json.dumps(row) + "\n" for row in self.metrics)
        if self.events:
            write_events(self.run_dir.events, self.metrics)

    def _summary(self, row: dict[str, Any]) -> str:
        loss = self.dev_frames.loss_name
        parts = [
            f"epoch {self.epoch:2d}/{self.options.epochs}",
            f"train {loss} {row['train_ce']:.3f}",
            f"dev {loss} {row['dev_ce']:.3f}",
            f"dev {self.dev_frames.share_name} {100 * row['dev_accuracy']:.1f} %",
            *([f"nodes {row['nodes']}", row["phase"]] if "nodes" in row else []),
            f"{row['seconds']:.0f} s",
        ]
        return "  ".join(parts)
