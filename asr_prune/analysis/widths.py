"""Nested widths: every prefix of a guided run's nodes as a network of its own, without training."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml

from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.stages.ctc import greedy, with_priors
from asr_prune.stages.decoding import JUDGED, Words, graph_inputs
from asr_prune.stages.feats import network_features, network_inputs
from asr_prune.stages.networks import label_files, labels_of
from asr_prune.workflow.context import Context

if TYPE_CHECKING:
    from asr_prune.acoustic.checkpoint import Model
    from asr_prune.decode.lattice_set import Point

log = logging.getLogger(__name__)

SHARES = tuple(round(0.1 * tenth, 1) for tenth in range(1, 11))
Utterances = dict[str, np.ndarray]


def widths(context: Context, folder: Path) -> list[dict[str, Any]]:
    """Cuts the network of a guided run, as it stood before its own cut, to the first 10 %, 20 % ... 100 % of each
    layer's nodes; measures each; writes widths.json in the run's folder and prints a table.

    A row has: width (share of each layer), nodes_per_layer and nodes (without those that do nothing), params, dev_ce
    (nats a frame), wer_dev, wer_test, wer_test_low, wer_test_high, lm_weight and penalty (chosen on dev).
    Raises UserError where the run is not a guided one.
    """
    source = network_features(context)
    context.need({folder / name: "train" for name in ("model/before_cut.pt", "recipe.yaml")})
    context.need(label_files(context, JUDGED) | graph_inputs(context))
    context.need(network_inputs(source, context, JUDGED))
    vectors = guided_vectors(folder)
    feats = {part: source.load(context.data / part, context.align) for part in JUDGED}
    rows = [_row(context, cut_to(folder, share, vectors), share, feats) for share in SHARES]
    with atomic(folder / "widths.json") as file:
        json.dump(rows, file, indent=1)
    print("\n".join(table(rows)))
    return rows


def guided_vectors(folder: Path) -> str:
    """The penalised vectors of a guided run. Raises UserError where the run is of another method."""
    prune = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8"))["prune"]
    if prune["method"] != "guided" or prune["guide"] == "random_step":
        raise UserError(
            f"{folder} is no run of method guided with a guide that grows with the index, so that its first nodes mean "
            "nothing; give a run such as guided-keep0.25."
        )
    return str(prune["vectors"])


def cut_to(folder: Path, share: float, vectors: str) -> Model:
    """The run's network before its cut, with the first `share` of each layer's nodes, at least one; made smaller."""
    from asr_prune.acoustic.checkpoint import load_model
    from asr_prune.pruning.prefix import first
    from asr_prune.pruning.removal import shrink, zero_nodes

    dense = load_model(folder / "model/before_cut.pt")
    layers = dense.network.node_layers()
    sizes = [layer.size for layer in layers]
    zero_nodes(layers, first(sizes, [max(1, round(share * size)) for size in sizes]), vectors == "incoming")
    small, kept = shrink(dense.network)
    return replace(dense, network=small, kept=kept)


def _row(context: Context, model: Model, share: float, feats: dict[str, Utterances]) -> dict[str, Any]:
    from asr_prune.acoustic.network import size_of

    size = size_of(model.network)
    row = {"width": share, "nodes_per_layer": size.nodes, "nodes": sum(size.nodes), "params": size.params}
    row |= {"dev_ce": dev_cross_entropy(context, model, feats["dev"])} | word_errors(context, model, feats)
    log.info("  width %.1f: %d nodes, test WER %.2f", share, row["nodes"], row["wer_test"])
    return row


def dev_cross_entropy(context: Context, model: Model, dev: Utterances) -> float:
    """Of a network on the labels of dev, nats a frame."""
    from asr_prune.acoustic.evaluate import evaluate
    from asr_prune.acoustic.frames import FrameSet
    from asr_prune.acoustic.utterances import UtteranceSet

    labels, stride = labels_of(context, ("dev",))[0], model.network.stride
    if model.tokens:
        return evaluate(
            model.network, UtteranceSet.from_utterances(dev, labels, model.context, stride=stride)
        ).cross_entropy
    return evaluate(model.network, FrameSet.from_utterances(dev, labels, model.context)).cross_entropy


def word_errors(context: Context, model: Model, feats: dict[str, Utterances]) -> dict[str, Any]:
    """WER of dev at its best LM weight and penalty, and of test there, with the test set's interval."""
    from asr_prune.decode.lattice_set import grid
    from asr_prune.score.tune import tune
    from asr_prune.score.wer import score

    options = context.recipe.score
    sets = {part: DataDir.read(context.data / part) for part in JUDGED}
    dev = _decoded(context, model, feats["dev"], grid(context.recipe.decode))
    point = tune(dev, sets["dev"].text, options)
    words = {"dev": dev[point], "test": _decoded(context, model, feats["test"], [point])[point]}
    found = {part: score(words[part], sets[part].text, sets[part].utt2spk, options) for part in JUDGED}
    return {
        "wer_dev": found["dev"].wer,
        "wer_test": found["test"].wer,
        "wer_test_low": found["test"].low,
        "wer_test_high": found["test"].high,
        "lm_weight": point[0],
        "penalty": point[1],
    }


def _decoded(context: Context, model: Model, feats: Utterances, points: Sequence[Point]) -> dict[Point, Words]:
    from asr_prune.acoustic.priors import log_likelihoods
    from asr_prune.decode.lattice_set import lattice_set

    if context.recipe.decode.search == "greedy":
        return dict.fromkeys(points, greedy(model, feats))
    priors = with_priors(context, model).priors
    loglikes = log_likelihoods(model.network, priors, feats, model.context)
    return lattice_set(context.graph, loglikes, context.recipe.decode, points, context.nj).words


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Lines for the terminal."""
    lines = ["width   nodes  per layer                 params  dev CE  WER dev  WER test  [95 % interval]"]
    for row in rows:
        layers = "/".join(map(str, row["nodes_per_layer"]))
        low, high = row["wer_test_low"], row["wer_test_high"]
        span = f"[{low:.2f}, {high:.2f}]" if low is not None else ""
        figures = f"{row['params']:9d}  {row['dev_ce']:6.3f}  {row['wer_dev']:7.2f}  {row['wer_test']:8.2f}  {span}"
        lines.append(f"{row['width']:5.1f}  {row['nodes']:6d}  {layers:22s} {figures}".rstrip())
    return lines
