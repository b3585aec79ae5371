"""How fast this machine is at what takes the time, each measured in about a second, on noise."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.corpus.audio import read_audio
from asr_prune.errors import UserError
from asr_prune.features.compute import make_compute
from asr_prune.features.options import FeatureOptions
from asr_prune.hmm.fmllr import Fmllr
from asr_prune.hmm.gmm import Gmms, Scorer
from asr_prune.hmm.gmm_stats import accumulate
from asr_prune.hmm.mllt import scatter
from asr_prune.lang.native import silenced
from asr_prune.process import torch_threads
from asr_prune.run_dir import RunDir

#: seconds that a measurement goes on for, when it has been done once
PATIENCE = 0.6
#: keys of `train:` that hardly change how long an update or an evaluation takes
_UNTIMED = (
    *("learning_rate", "momentum", "weight_decay", "pct_start", "halve_below", "init", "leave_out", "tensorboard"),
    *("teacher", "teacher_weight", "temperature", "teacher_top"),
)


def seconds_each(work: Callable[[], object], elsewhere: bool = False) -> float:
    """Seconds that one call takes, the fastest of those that there is patience for: as if nothing
    else ran, so that the seconds of the processor count where they are fewer than those of the
    clock. elsewhere: whether a GPU does the work, so that those of the clock count.
    """
    work()
    best, end = float("inf"), time.perf_counter() + PATIENCE
    while time.perf_counter() < end or best == float("inf"):
        start = time.perf_counter(), time.process_time()
        work()
        took = time.perf_counter() - start[0], time.process_time() - start[1]
        best = min(best, took[0] if elsewhere else min(took))
    return best


def features_speed(options: FeatureOptions) -> float:
    """Seconds that a second of audio takes to become features."""

    compute, seconds = make_compute(options), 5
    noise = np.random.default_rng(0).normal(0, 1000, seconds * options.rate).astype(np.float32)
    return seconds_each(lambda: compute(noise)) / seconds


def reading_speed(places: Sequence[str]) -> float:
    """Seconds that a second of audio takes to be read from these files; 0 where none can be."""
    start, read = time.process_time(), 0.0
    for place in places:
        try:
            samples, rate = read_audio(place, channel="mix")
        except UserError:
            continue
        read += len(samples) / rate
    return (time.process_time() - start) / read if read else 0.0


@dataclass(frozen=True)
class GmmSpeed:
    """Seconds a frame: score: of all pdfs; search: of the best path; statistics: of the Gaussians'
    sums; speaker: of the sums of a speaker's transform; diagonal: of those of a diagonalising one.
    """

    score: float
    search: float
    statistics: float
    speaker: float
    diagonal: float


def gmm_speed(pdfs: int, gaussians: int, dim: int) -> GmmSpeed:
    """Of a pass with as many pdfs and Gaussians on features of `dim` values."""

    frames, dice, gaussians = 2048, np.random.default_rng(0), max(gaussians, pdfs)
    sizes = np.full(pdfs, gaussians // pdfs)
    sizes[: gaussians - sizes.sum()] += 1
    shape = int(sizes.sum()), dim
    parts = np.repeat(1 / sizes, sizes), dice.normal(size=shape), dice.uniform(0.5, 2, shape)
    gmms = Gmms(np.concatenate([[0], np.cumsum(sizes)]), *(part.astype(np.float32) for part in parts))
    feats = dice.normal(size=(frames, dim)).astype(np.float32)
    aligned = np.repeat(dice.integers(0, pdfs, frames // 8), 8).astype(np.int32)
    scorer = Scorer(gmms)
    more, owners = np.tile(feats, (8, 1)), np.tile(aligned, 8)  # what costs by the Gaussian should weigh little
    return GmmSpeed(
        seconds_each(lambda: scorer(feats)) / frames,
        search_speed(pdfs),
        seconds_each(lambda: accumulate(gmms, more, owners)) / len(more),
        seconds_each(lambda: Fmllr(gmms).add("all", feats, aligned)) / frames,
        seconds_each(lambda: scatter(gmms, more, owners)) / len(more),
    )


def search_speed(pdfs: int) -> float:
    """Seconds a frame of the search for the best path through a chain of states, each 8 frames
    long, under scores as far apart as speech makes them.
    """
    import kaldi_hmm_gmm as khg

    from asr_prune.lang.fst import Draft

    states, stay = 50, 8
    draft = Draft(states=states + 1)
    for state in range(states):
        draft.arc(state, state, 2 * state + 1, 0, 0.1)
        draft.arc(state, state + 1, 2 * state + 2, 0, 0.2)
    graph, dice = draft.fst([states]), np.random.default_rng(0)
    scores = dice.normal(-5, 1, (states * stay, max(pdfs, states))).astype(np.float32)
    scores[np.arange(len(scores)), np.arange(len(scores)) // stay] += 3
    columns = np.arange(2 * scores.shape[1]) // 2

    def search() -> None:
        own = khg.DecodableCtc(scores[:, columns])
        with silenced():
            khg.align_utterance_wrapper(khg.AlignConfig(10.0, 40.0), "noise", 0.1, graph.copy(), own, 0, 0, 0, 0.0, 0)

    return seconds_each(search) / len(scores)


@dataclass(frozen=True)
class NetworkSpeed:
    """Seconds a frame in training and in evaluation; params: of the network."""

    train: float
    forward: float
    params: int


def timed_as(network: NetworkOptions, how: TrainOptions) -> tuple[NetworkOptions, TrainOptions]:
    """What is measured for a network and its training: the same for all that differ in what hardly
    changes its speed.
    """
    usual = {name: getattr(TrainOptions, name) for name in _UNTIMED}
    dropout = NetworkOptions.dropout if network.dropout else 0.0
    return replace(network, dropout=dropout), replace(how, **usual, epochs=1, memory_gb=0.0)


def network_speed(
    network: NetworkOptions, how: TrainOptions, dim: int, outputs: int, frames: int, ctc: bool
) -> NetworkSpeed:
    """Of the training of the recipe's own network in one process, of several with its share of the
    cores, on a GPU if torch sees one, without what its pruning method adds; dim: values of an
    unspliced frame; frames: of a usual utterance.
    """
    import torch

    from asr_prune.acoustic.evaluate import evaluate
    from asr_prune.acoustic.hooks import Hooks
    from asr_prune.acoustic.network import size_of
    from asr_prune.acoustic.train import Trainer, pick_device
    from asr_prune.pruning.networks import build
    from asr_prune.pruning.teaching import own_lesson
    from asr_prune.pruning.training import labelled_examples

    count = how.utterances if ctc or network.model else -(-4 * how.batch // frames)
    device = pick_device(how.device)
    lesson = own_lesson(network, device) if network.model else None
    noise = _noise(count, frames, dim, outputs, ctc)
    noise = (noise[0], dict.fromkeys(noise[0], np.zeros(0, np.int32))) if network.model else noise
    made = labelled_examples(noise, network, how, ctc, device, 0, None, lesson)
    net = build(network, made, outputs, 0)
    with TemporaryDirectory() as folder:
        trainer = Trainer(net, how, made, made, Hooks(), 0, RunDir(Path(folder)))
        batches = list(made.batches(made.batch_size(how), torch.Generator().manual_seed(0)))
        trainer.steps = 10**9
        whole = ctc or bool(network.model)  # utterances; segments have frames around them, which are not seen
        seen = sum(len(batch[0 if whole else 1]) for batch in batches)
        net.train()
        with torch_threads(how.threads or max(1, torch.get_num_threads() // how.processes)):
            each = _seconds_on(device, lambda: [trainer._update(*batch) for batch in batches])
        with torch_threads(how.threads):
            forward = _seconds_on(device, lambda: evaluate(net, made)) / (count * frames)
    return NetworkSpeed(each / seen, forward, size_of(net).params)


def _seconds_on(device: Any, work: Callable[[], object]) -> float:
    """As `seconds_each`; on a GPU until it has done what is queued."""
    import torch

    if device.type != "cuda":
        return seconds_each(work)

    def whole() -> None:
        work()
        torch.cuda.synchronize(device)

    return seconds_each(whole, True)


def _noise(
    count: int, frames: int, dim: int, outputs: int, ctc: bool
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    dice, names = np.random.default_rng(0), [f"u{i}" for i in range(count)]
    feats = {name: dice.normal(size=(frames, dim)).astype(np.float32) for name in names}
    size = max(1, frames // 12) if ctc else frames
    return feats, {name: dice.integers(1 if ctc else 0, outputs, size).astype(np.int32) for name in names}
