"""An update does not read from the device: on a GPU it would wait for all that is queued.

Run on the CPU under a mode that sees what would wait on a GPU: scalars, and results whose size
depends on values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.teacher import Kept, Networks, Taught, Want, kept_rows
from asr_prune.acoustic.train import Trainer
from asr_prune.acoustic.unlabelled import NO_LABEL
from asr_prune.pruning.nodes import strongest
from asr_prune.pruning.proximal import ProximalPenalty
from asr_prune.pruning.pruner import Pruner
from asr_prune.pruning.registry import method_names

from .conftest import PDFS

aten = torch.ops.aten
WAITING = {
    aten._local_scalar_dense,
    aten.nonzero,
    aten.masked_select,
    aten.equal,
    aten._unique2,
    aten.repeat_interleave,
}
INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}
#: a sparsify phase in which lambda is not corrected at every update
LONG = {"warm_up": 0.1, "fine_tune": 0.1}
CASES: list[dict[str, Any]] = [
    {"method": "none"},
    {"method": "dense_small", "keep": 0.5},
    {"method": "svd"},
    {"method": "random", "keep": 0.5},
    {"method": "l1", "keep": 0.5},
    {"method": "l2", "keep": 0.5},
    {"method": "group_lasso", "keep": 0.5, **LONG},
    {"method": "group_lasso", "keep": 0.5, "vectors": "both", "rank": "taylor", "weights": "fisher", **LONG},
    {"method": "group_lasso", "keep": 0.5, "solver": "subgradient"},
    {"method": "group_lasso", "strength": 0.02, "live_shrink": False, "patience": 8},
    {"method": "guided", "keep": 0.5, **LONG},
    {"method": "guided", "keep": 0.5, "norm": "l1", **LONG},
    {"method": "guided", "keep": 0.5, "norm": "l2"},
    {"method": "gradual", "keep": 0.5},
    {"method": "gradual", "keep": 0.5, "score": "fisher", "live_shrink": False},
    {"method": "gradual", "granularity": "weight", "sparsity": 0.8},
    {"method": "magnitude", "keep": 0.5},
    {"method": "magnitude", "keep": 0.5, "score": "taylor"},
    {"method": "magnitude", "granularity": "weight", "sparsity": 0.8},
    {"method": "map", "sparsity": 0.8},
    {"method": "map", "granularity": "node", "keep": 0.5},
    {"method": "dsd", "sparsity": 0.5},
    {"method": "complexity", "keep": 0.5},
]


class Reads(TorchDispatchMode):
    """Counts what would make the host wait for a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        packet, named = func.overloadpacket, kwargs or {}
        known = named.get("output_size") is not None
        self.count += (packet in WAITING and not known) or (packet in INDEXING and any(map(is_mask, args[1])))
        return func(*args, **named)


def is_mask(index: object) -> bool:
    return isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8)


def reads_of(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often the host waits in each update of the whole run; lists and numpy arrays count, too."""
    mode, counts = Reads(), []
    for name in ("tolist", "numpy", "cpu"):
        whole = getattr(torch.Tensor, name)

        def counted(self: torch.Tensor, *args: Any, whole: Any = whole, **kwargs: Any) -> Any:
            mode.count += 1
            return whole(self, *args, **kwargs)

        monkeypatch.setattr(torch.Tensor, name, counted)
    for epoch in range(trainer.options.epochs):
        order = torch.Generator().manual_seed(epoch)
        for batch in trainer.train_frames.batches(trainer.train_frames.batch_size(trainer.options), order):
            mode.count = 0
            with mode:
                trainer._update(*batch)
            counts.append(mode.count)
    return counts


def test_every_method_has_a_case() -> None:
    assert {case["method"] for case in CASES} == set(method_names())


def deciding(pruner: Pruner) -> set[int]:
    """The updates at which a method may decide something on the host, counted from 1."""
    options, phases = pruner.method.options, pruner.phases
    steps = range(1, phases.steps + 1)
    every = [getattr(options, name) for name in ("every", "steer_every") if getattr(options, name, None)]
    penalty = pruner.method.penalty
    every += [getattr(penalty, name) for name in ("every", "steer_every") if hasattr(penalty, name)]
    since = phases.sparsify_from
    found = {s for s in steps if s % pruner.record_every == 0}
    found |= {s for s in steps for n in every if s % n == 0 or (s - since) % n in (0, 1 % n)}
    schedule = pruner.method.schedule
    edges = [since, phases.cut_at, getattr(schedule, "switch_at", 0), *getattr(schedule, "ends", [])]
    edges += [schedule.own.cut_at] if hasattr(schedule, "own") else []
    return found | {edge + more for edge in edges for more in (0, 1)}


@pytest.mark.parametrize("prune", CASES, ids=str)
def test_an_update_reads_only_where_the_method_decides(
    make_trainer: Callable[..., Trainer], prune: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asr_prune.pruning.batches._small", lambda _: True)  # as on a GPU
    size = {"epochs": 3, "batch": 10} if "warm_up" in prune else {"epochs": 5}
    trainer = make_trainer(prune, {**size, "tensorboard": False})
    pruner = trainer.hooks
    assert isinstance(pruner, Pruner)
    allowed = deciding(pruner)
    counts = reads_of(trainer, monkeypatch)
    assert len(counts) == trainer.steps
    found = {step: count for step, count in enumerate(counts, 1) if count and step not in allowed}
    assert not found
    assert len(allowed) < 0.8 * trainer.steps


@pytest.mark.parametrize("method", ["group_lasso", "guided"])
def test_a_proximal_step_reads_once_where_no_node_goes(
    make_trainer: Callable[..., Trainer], method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer({"method": method, "keep": 0.5, **LONG}, {"epochs": 3, "batch": 10, "tensorboard": False})
    pruner, widths = trainer.hooks, [trainer.network.widths]
    assert isinstance(pruner, Pruner)
    after_step = pruner.after_step

    def noted() -> None:
        after_step()
        widths.append(trainer.network.widths)

    monkeypatch.setattr(pruner, "after_step", noted)
    counts = dict(enumerate(reads_of(trainer, monkeypatch), 1))
    penalty = pruner.method.penalty
    assert isinstance(penalty, ProximalPenalty)
    others = {step for step in counts if step % pruner.record_every == 0 or penalty.corrects(step)}
    stays = {step for step in counts if widths[step] == widths[step - 1]} - others
    steps = range(pruner.phases.sparsify_from + penalty.every + 1, pruner.phases.cut_at)
    found = [counts[step] for step in steps if step % penalty.every == 0 and step in stays]
    assert len(found) > 1
    assert set(found) == {1}


def test_the_strongest_nodes_are_chosen_without_a_read() -> None:
    scores, mode = [torch.rand(6), torch.rand(9), torch.rand(1)], Reads()
    with mode:
        strongest(scores, 8, [2, 3, 4])
    assert mode.count == 0


@pytest.mark.parametrize("kind", ["residual", "tdnn"])
def test_other_networks_read_no_more(
    make_trainer: Callable[..., Trainer], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer({"method": "l2", "keep": 0.5}, {"epochs": 4, "tensorboard": False}, type=kind)
    assert isinstance(trainer.hooks, Pruner)
    allowed = deciding(trainer.hooks)
    counts = reads_of(trainer, monkeypatch)
    assert not {step: count for step, count in enumerate(counts, 1) if count and step not in allowed}
    assert len(allowed) < 0.8 * len(counts)


@pytest.mark.parametrize("kept", [False, True])
def test_a_teacher_and_frames_without_labels_add_no_read(
    make_trainer: Callable[..., Trainer], kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer({"method": "l2", "keep": 0.5}, {"epochs": 4, "tensorboard": False})
    frames = trainer.train_frames
    assert isinstance(frames, FrameSet)
    other = FeedForward(frames.inputs, (4,), PDFS).eval()
    frames.teacher = Networks([(other, Want(frames.context))], 0.5, 1.0)
    if kept:
        with torch.no_grad():
            posteriors = frames.teacher.posteriors(Taught([frames.splice(torch.arange(len(frames)))]))
        frames.side, frames.teacher = kept_rows(posteriors, 3), Kept(3, PDFS, 0.5, 1.0)
    frames.labels[::3], frames.may_lack_labels = NO_LABEL, True
    assert isinstance(trainer.hooks, Pruner)
    allowed = deciding(trainer.hooks)
    counts = reads_of(trainer, monkeypatch)
    assert not {step: count for step, count in enumerate(counts, 1) if count and step not in allowed}
    assert len(allowed) < 0.8 * len(counts)


@pytest.mark.parametrize("prune", CASES, ids=str)
@pytest.mark.parametrize("kind", ["feed_forward", "tdnnf"])
def test_every_method_trains_in_bf16(make_trainer: Callable[..., Trainer], prune: dict[str, Any], kind: str) -> None:
    options = {"epochs": 1, "tensorboard": False}
    plain = make_trainer(prune, options, "plain", type=kind).run()
    trainer = make_trainer(prune, {**options, "precision": "bf16"}, "low", type=kind)
    assert abs(trainer.run().cross_entropy - plain.cross_entropy) < 0.05
    assert {value.dtype for value in trainer.network.parameters()} == {torch.float32}
