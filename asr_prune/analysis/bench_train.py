"""How fast networks train here: frames per second, share of the device's peak, share of the loader,
against a plain PyTorch loop of the same network.
"""

from __future__ import annotations

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.examples import Batch
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.network import Network, size_of
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.precision import Precision
from asr_prune.acoustic.train import Trainer
from asr_prune.errors import UserError
from asr_prune.pruning.pruner import Pruner
from asr_prune.pruning.registry import find_method, find_options
from asr_prune.run_dir import RunDir

_COLUMNS, _CONTEXT = 40, (5, 5)
#: rows of the square matrices whose product is the peak
_PEAK_ROWS = {"cuda": 8192, "cpu": 1024}
#: batches of a pass over the frames; batches made ready, which are the fewest timed at once
_PASS, _READY = 32, 8
#: seconds that are timed at once
_SPAN = 0.2


@dataclass(frozen=True)
class Bench:
    """What is measured: a feed-forward network of `layers` x `nodes` and `outputs`, on random
    frames of 40 columns spliced to 440.

    batches: frames of a mini-batch; method: compared with l2; updates: timed at once, None: 8, or
    as many more as take 0.2 s, for the comparison as many more as make the method do everything
    equally often in each round; rounds: of which medians are taken.
    """

    device: torch.device
    layers: int
    nodes: int
    outputs: int
    batches: Sequence[int]
    precisions: Sequence[Literal["float32", "tf32", "bf16"]]
    method: str = "group_lasso"
    updates: int | None = None
    rounds: int = 5


def bench_device(requested: str) -> torch.device:
    """The device of `--device`; auto is CUDA if available. Raises UserError if it is not there."""
    available = torch.cuda.is_available()
    if requested == "cuda" and not available:
        raise UserError("torch sees no CUDA device here; give --device cpu.")
    return torch.device("cuda" if available and requested != "cpu" else "cpu")


def bench_train(bench: Bench) -> Iterator[str]:
    """Lines to print, as they are measured. Writes nothing that stays.

    Raises UserError if the method is not there, or takes no `keep`.
    """
    rng = np.random.default_rng(0)
    frames = _frames(rng, _PASS * max(bench.batches), bench)
    network = _network(frames, bench)
    size, first = size_of(network), network.affine[0].weight.numel()
    work = 6 * size.macs - 2 * first  # no gradient of the input
    shape = f"{bench.layers} x {bench.nodes}, {frames.inputs} inputs, {bench.outputs} outputs"
    yield f"{_named(bench.device)}, torch {torch.__version__}: {shape}, {work / 1e6:.1f} MFLOP a frame"
    yield "precision    batch   frames/s  of peak  plain loop  ratio  loader  " + f"{bench.method} / l2"
    for precision in bench.precisions:
        peak = _peak(bench.device, precision)
        for batch in bench.batches:
            yield _row(bench, frames, precision, batch, work, peak)
        yield f"{precision:9s}  peak: {peak / 1e12:.2f} TFLOP/s, measured on {_PEAK_ROWS[bench.device.type]} squared"


def _row(bench: Bench, frames: FrameSet, precision: Any, batch: int, work: float, peak: float) -> str:
    options = TrainOptions(epochs=100_000, batch=batch, precision=precision, tensorboard=False)
    with tempfile.TemporaryDirectory() as folder:
        trainers = {
            name: _trainer(bench, frames, options, prune, Path(folder) / name)
            for name, prune in (("none", {}), ("l2", {"keep": 0.25}), (bench.method, {"keep": 0.25}))
        }
        loader = _endless(frames, batch)  # one for all rounds: to begin a pass has a cost of its own
        ready = list(islice(loader, bench.updates or _READY))
        updates = bench.updates or _enough(trainers["none"], ready, bench.device)
        prepared, longer = (
            [ready[i % len(ready)] for i in range(count)]
            for count in (updates, _compared(trainers[bench.method], updates))
        )
        subjects: dict[str, Callable[[], object]] = {
            "loaded": lambda: _train(trainers["none"], islice(loader, updates)),
            "plain": _plain(bench, frames, options, prepared),
        }
        subjects["none"] = _on(trainers["none"], prepared)
        subjects |= {name: _on(trainers[name], longer) for name in ("l2", bench.method)}
        seconds = _paired(subjects, bench)
    frames_at_once = updates * batch
    rate = {name: frames_at_once / statistics.median(seconds[name]) for name in ("loaded", "plain")}
    share, ratio = work * rate["loaded"] / peak, rate["loaded"] / rate["plain"]
    waits = max(0.0, _ratio(seconds, "loaded", "none") - 1)
    return (
        f"{precision:9s}  {batch:7d}  {rate['loaded']:9,.0f}  {100 * share:5.1f} %  {rate['plain']:10,.0f}  "
        f"{ratio:5.2f}  {100 * waits / (1 + waits):4.1f} %  {_ratio(seconds, bench.method, 'l2'):.3f}"
    )


def _enough(trainer: Trainer, ready: Sequence[Batch], device: torch.device) -> int:
    """Updates that take about `_SPAN`, at least as many as batches are ready."""
    _train(trainer, ready)  # the first are slower
    each = _timed(_on(trainer, ready), device) / len(ready)
    return max(len(ready), math.ceil(_SPAN / each))


def _compared(trainer: Trainer, least: int) -> int:
    """At least so many updates, a multiple of the periods in which the method acts: with group
    lasso lambda is corrected each 24th, which medians over fewer would leave out.
    """
    assert isinstance(trainer.hooks, Pruner)
    method = trainer.hooks.method
    owners, names = (method.penalty, method.options), ("every", "steer_every")
    periods = [getattr(own, name) for own in owners for name in names if hasattr(own, name)]
    period = math.lcm(*periods)
    return -(-least // period) * period


def _ratio(seconds: dict[str, list[float]], one: str, other: str) -> float:
    """The median of paired ratios, since both meet the same disturbances."""
    return statistics.median(a / b for a, b in zip(seconds[one], seconds[other], strict=True))


def _paired(subjects: dict[str, Callable[[], object]], bench: Bench) -> dict[str, list[float]]:
    """Seconds of each round, the subjects in turn; the first round is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(bench.rounds + 1):
        for name, act in subjects.items():
            seconds[name].append(_timed(act, bench.device))
    return {name: taken[1:] for name, taken in seconds.items()}


def _timed(act: Callable[[], object], device: torch.device) -> float:
    _settle(device)
    started = time.perf_counter()
    act()
    _settle(device)
    return time.perf_counter() - started


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _frames(rng: np.random.Generator, count: int, bench: Bench) -> FrameSet:
    features = {"u": rng.standard_normal((count, _COLUMNS)).astype(np.float32)}
    labels = {"u": rng.integers(0, bench.outputs, count).astype(np.int32)}
    return FrameSet.from_utterances(features, labels, _CONTEXT, bench.device)


def _network(frames: FrameSet, bench: Bench) -> Network:
    torch.manual_seed(0)
    shape = NetworkOptions(hidden=(bench.nodes,) * bench.layers)
    return make(shape, frames.inputs, bench.outputs).to(bench.device)


def _trainer(bench: Bench, frames: FrameSet, options: TrainOptions, prune: dict[str, Any], folder: Path) -> Trainer:
    """In the sparsify phase from its first update on, which it does not leave; no node goes."""
    name = folder.name
    network = _network(frames, bench)
    try:
        asked = find_options(name)(method=name, **prune, warm_up=0.0, fine_tune=0.0, live_shrink=False)
    except (ValueError, TypeError) as error:
        raise UserError(f"--method {name} cannot be compared: {error}.") from None
    pruner = Pruner(find_method(name)(asked, network.node_layers()))
    return Trainer(network.train(), options, frames, frames, pruner, 1, RunDir(folder))


def _endless(frames: FrameSet, batch: int) -> Iterator[Batch]:
    """Shuffled batches, one pass after the other."""
    order = torch.Generator().manual_seed(0)
    while True:
        yield from frames.batches(batch, order)


def _train(trainer: Trainer, batches: Iterable[Batch]) -> None:
    for tensors in batches:
        trainer._update(*tensors)


def _on(trainer: Trainer, prepared: Sequence[Batch]) -> Callable[[], None]:
    return lambda: _train(trainer, prepared)


def _plain(bench: Bench, frames: FrameSet, options: TrainOptions, prepared: Sequence[Batch]) -> Callable[[], None]:
    """What one would write by hand: linear layers, dropout, fused AdamW."""
    widths = [frames.inputs, *[bench.nodes] * bench.layers]
    hidden = (x for a, b in pairwise(widths) for x in (nn.Linear(a, b), nn.ReLU(), nn.Dropout(0.2)))
    network = nn.Sequential(*hidden, nn.Linear(widths[-1], bench.outputs)).to(bench.device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, fused=True)
    precision = Precision(options, bench.device)

    def step(inputs: Tensor, labels: Tensor) -> None:
        with precision.update():
            with precision.forward():
                loss = nn.functional.cross_entropy(network(inputs).float(), labels)
            optimiser.zero_grad()
            loss.backward()
        optimiser.step()

    def loop() -> None:
        for inputs, labels in prepared:
            step(inputs, labels)

    return loop


def _peak(device: torch.device, precision: Any) -> float:
    """FLOP/s of a large product of square matrices in the precision, the best of five."""
    rows = _PEAK_ROWS[device.type]
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    one, other = (torch.randn(rows, rows, device=device).to(dtype) for _ in range(2))
    with Precision(TrainOptions(precision=precision), device).update():
        seconds = min(_timed(lambda: one @ other, device) for _ in range(5))
    return 2 * rows**3 / seconds


def _named(device: torch.device) -> str:
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"CPU, {torch.get_num_threads()} thread{'s' if torch.get_num_threads() > 1 else ''}"
