"""One pruning run: trains a network with a method and writes its files."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from asr_prune.acoustic.augment import Augment
from asr_prune.acoustic.checkpoint import Model, save_model
from asr_prune.acoustic.chunks import Chunks
from asr_prune.acoustic.distributed import processes
from asr_prune.acoustic.evaluate import Quality, evaluate
from asr_prune.acoustic.examples import Examples
from asr_prune.acoustic.in_memory import InMemory
from asr_prune.acoustic.initial import start_from
from asr_prune.acoustic.network import Network, size_of
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.placing import check_fits
from asr_prune.acoustic.segments import frame_set
from asr_prune.acoustic.teacher import Lesson
from asr_prune.acoustic.thin import multiply_maps
from asr_prune.acoustic.train import Trainer, pick_device
from asr_prune.acoustic.untranscribed import Untranscribed
from asr_prune.acoustic.utterances import UtteranceSet
from asr_prune.features.stored import frames_of
from asr_prune.files import atomic
from asr_prune.process import torch_threads
from asr_prune.pruning.cut import Cut
from asr_prune.pruning.ends import EndsPruner, make_pruner
from asr_prune.pruning.networks import budget_figures, build, trained_network
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.prices import measured_time, priced
from asr_prune.pruning.pruner import Pruner
from asr_prune.pruning.removal import shrink
from asr_prune.pruning.teaching import Known, Labelled, checked_lesson, drop_kept, taught_figures
from asr_prune.run_dir import RunDir


def train_run(
    run: RunDir,
    train: Labelled,
    dev: Labelled,
    classes: int | list[str],
    options: tuple[NetworkOptions, TrainOptions, PruneOptions],
    seed: int,
    features: dict[str, Any],
    teachers: Sequence[Known] = (),
    left_out: Sequence[str] = (),
) -> dict[str, Any]:
    """Trains and cuts one network with `train.threads`; returns all figures of the run.

    train, dev: (features, labels) by utterance, labels being a pdf-id for each frame, or tokens for
    CTC. classes: the number of pdfs, or for CTC the spelling of each token, the blank first;
    teachers: those of `train.teacher`; left_out: speakers that `train` lacks by `train.leave_out`.
    Writes model/network.pt (dense shape, removed nodes zero), model/before_cut.pt, nodes.json,
    norms.npz, trail.jsonl and metrics.jsonl, and what the method saves besides:
    model/<snapshot>.pt, weights.npz, its log. Resumes from model/checkpoint.pt. Of several
    processes, the first writes them, and the others return {}.
    """
    started, tokens = time.monotonic(), [] if isinstance(classes, int) else classes
    outputs = classes if isinstance(classes, int) else len(classes)
    network_options, train_options, _ = options
    context = (network_options.left_context, network_options.right_context)
    device = pick_device(train_options.device)
    with torch_threads(processes.threads_of_process(train_options.threads)):
        run.models.mkdir(parents=True, exist_ok=True)
        lesson = checked_lesson(teachers, train, classes, network_options, train_options, run, device)
        sets = both_sets(train, dev, network_options, train_options, bool(tokens), device, lesson)
        dense = build(network_options, sets[0], outputs, seed)
        nodes: list[list[int]] = [[] for _ in dense.widths]
        unkept = Model(dense, torch.zeros(outputs), context, nodes, features, tokens, list(left_out))
        prune_options = processes.after_first(lambda: priced(options[2], unkept, run.prices))
        network = trained_network(network_options, prune_options, dense, sets[0], seed, run.path.parent)
        if train_options.init:
            start_from(Path(train_options.init), network, context)
        written = run if processes.is_first() else None
        pruner = make_pruner(prune_options, network, written, train_options.epochs)
        trainer = Trainer(network, train_options, *sets, pruner, seed, run)
        quality = trainer.run()
        if not processes.is_first():
            return {}
        model = _finished(run, pruner, sets[0], unkept)
        figures = _figures(pruner, trainer, quality, dense) | _save_snapshots(run, pruner, model, sets[1])
        figures |= budget_figures(prune_options, dense, [len(kept) for kept in model.kept], network.ranks)
        figures |= measured_time(prune_options, model, dense)
        figures |= taught_figures(teachers, lesson, time.monotonic() - started, trainer.step - trainer.sitting_step)
        drop_kept(run)
        return figures | {"device": str(device)}


def _finished(run: RunDir, pruner: Pruner, train: Examples, unkept: Model) -> Model:
    """Writes the trained model and what the cut left; returns the model. unkept: all of it but the
    network, its priors and its nodes.
    """
    assert pruner.cut is not None
    kept = [mask.nonzero().flatten().tolist() for mask in pruner.cut.kept]
    model = replace(unkept, network=pruner.whole(), priors=train.log_priors(len(unkept.priors)), kept=kept)
    _save(run, pruner, model)
    return model


def _figures(pruner: Pruner, trainer: Trainer, quality: Quality, dense: Network) -> dict[str, Any]:
    """What train.json has of every run, but for the device."""
    cut = pruner.cut
    assert cut is not None
    size, seconds = size_of(dense), [row["seconds"] for row in trainer.metrics]
    return {
        "dev_ce_before_cut": cut.dev_ce_before,
        "dev_ce_after_cut": cut.dev_ce_after,
        "dev_ce_final": quality.cross_entropy,
        "frame_accuracy_dev": quality.accuracy,
        "norm_mass_removed": cut.norm_mass_removed,
        **(pruner.figures() if isinstance(pruner, EndsPruner) else {}),
        "converged": pruner.converged,
        "sparsify_from": pruner.phases.sparsify_from,
        "cut_at_update": cut.step,
        "updates": trainer.steps,
        "release": round(1 - cut.step / trainer.steps, 3),
        "nodes_per_layer_dense": dense.widths,
        "params_dense": size.params,
        "inputs_dense": size.inputs,
        "macs_dense": size.macs,
        "train_seconds": round(sum(seconds), 2),
        "train_seconds_per_epoch": round(sum(seconds) / len(seconds), 2),
        "train_wall_seconds": round(trainer.wall_seconds, 2),
        **pruner.method.figures(cut.kept),
    }


def both_sets(
    train: Labelled,
    dev: Labelled,
    options: NetworkOptions,
    how: TrainOptions,
    ctc: bool,
    device: torch.device,
    lesson: Lesson | None = None,
) -> tuple[Examples, Examples]:
    """The training and dev examples for a network of `options`, together within `how.memory_gb`:
    dev takes at most a quarter, training the rest, with what a teacher adds.
    """
    memory = how.memory
    judged = labelled_examples(dev, options, how, ctc, device, memory // 4, None, lesson if options.model else None)
    left = memory - judged.held_bytes if memory else 0
    return labelled_examples(train, options, how, ctc, device, left, Augment.from_options(how), lesson), judged


def labelled_examples(
    labelled: Labelled,
    options: NetworkOptions,
    how: TrainOptions,
    ctc: bool,
    device: torch.device,
    memory: int,
    augment: Augment | None = None,
    lesson: Lesson | None = None,
) -> Examples:
    """Examples by frames or segments, or for CTC by utterances (only these can be augmented),
    within `memory` bytes (0: no limit): all at once if they fit, else in chunks. Raises UserError
    if that is too much for the GPU.
    """
    context = options.left_context, options.right_context
    kind: type[InMemory] = UtteranceSet if ctc else frame_set(options.reach, how.segment)
    kind = Untranscribed if options.model else kind
    features, labels = labelled
    names = features.keys() & labels.keys()
    lengths = frames_of(features)
    frames = sum(lengths[name] for name in names)
    dim = (features[min(names)].shape[1] if names else 0) + (lesson.dim if lesson else 0)
    whole = kind.bytes_of(frames, dim)
    check_fits(min(whole, memory or whole), device)
    if memory and names and whole > memory:
        return Chunks(kind, features, labels, context, memory, device, options.stride, augment, lesson)
    return kind.from_utterances(features, labels, context, device, options.stride, augment, lesson)


def _save(run: RunDir, pruner: Pruner, model: Model) -> None:
    cut = pruner.cut
    assert cut is not None
    save_model(run.network, model)
    before = deepcopy(model.network)
    multiply_maps(before)
    before.load_state_dict(pruner.before_cut)
    everything = [list(range(width)) for width in before.widths]
    save_model(run.before_cut, replace(model, network=before, kept=everything))
    with atomic(run.norms, "wb") as file:
        arrays = {f"layer{i}": s.cpu().numpy() for i, s in enumerate(cut.scores, 1)}
        arrays |= {f"kept{i}": k.cpu().numpy() for i, k in enumerate(cut.kept, 1)}
        np.savez(file, **arrays)  # type: ignore[arg-type]
    if histograms := pruner.method.histograms():
        with atomic(run.weights, "wb") as file:
            np.savez(file, **{name: counts.cpu().numpy() for name, counts in histograms.items()})  # type: ignore[arg-type]
    table = nodes_table(cut)
    if isinstance(pruner, EndsPruner) and pruner.input_cut:
        table["inputs"] = nodes_table(pruner.input_cut)["layers"][0]
    with atomic(run.nodes) as file:
        json.dump(table, file, indent=1)


def _save_snapshots(
    run: RunDir, pruner: Pruner, model: Model, dev_frames: Examples
) -> dict[str, float | int | list[int]]:
    """Writes model/<name>.pt for each snapshot; returns their sizes and dev cross-entropies."""
    figures: dict[str, float | int | list[int]] = {}
    network = deepcopy(model.network)
    for name, weights in pruner.snapshots.items():
        network.load_state_dict(weights)
        small, kept = shrink(network)
        save_model(run.snapshot(name), replace(model, network=network, kept=kept))
        size = size_of(small)
        figures |= {
            f"{name}_dev_ce": evaluate(small, dev_frames).cross_entropy,
            f"{name}_nodes_per_layer": size.nodes,
        }
        figures |= {f"{name}_nodes": sum(size.nodes), f"{name}_params": size.params}
        figures |= {f"{name}_nonzero_weights": size.nonzero}
    return figures


def nodes_table(cut: Cut) -> dict[str, Any]:
    """The kept nodes of each layer, and why the others were removed; indices are those of the dense
    network.
    """
    layers = []
    for kept, alive, scores in zip(cut.kept, cut.alive, cut.scores, strict=True):
        zeroed, ranked = (~alive & ~kept), (alive & ~kept)
        layers.append(
            {
                "nodes": len(kept),
                "kept": kept.nonzero().flatten().tolist(),
                "removed_by_the_method": zeroed.nonzero().flatten().tolist(),
                "removed_by_the_cut": {str(j): round(float(scores[j]), 6) for j in ranked.nonzero().flatten().tolist()},
                "lowest_score_kept": round(float(scores[kept].min()), 6) if bool(kept.any()) else None,
            }
        )
    why = "removed_by_the_method: its vector was zero before the cut, or counts as zero by the requested "
    why += "tolerance or strength; removed_by_the_cut: ranked below the requested count, with its score"
    return {"cut_after_update": cut.step, "why": why, "layers": layers}
