"""Nested widths: every prefix of an ordered run's nodes as a network, without training."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml

from asr_prune.acoustic.checkpoint import Model, load_model
from asr_prune.acoustic.evaluate import evaluate
from asr_prune.acoustic.network import size_of
from asr_prune.acoustic.segments import frame_set
from asr_prune.acoustic.targets import frame_targets, token_targets
from asr_prune.acoustic.utterances import UtteranceSet
from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.lattice_set import lattice_set
from asr_prune.decode.network_scores import NetworkScores, decode_device, greedy_set, placed_model, with_token_priors
from asr_prune.decode.options import Point, grid
from asr_prune.decode.pace import audio_of
from asr_prune.decode.words_files import Words
from asr_prune.errors import UserError
from asr_prune.files import atomic, digest
from asr_prune.hmm.network_features import Feats
from asr_prune.integrity import checked, record
from asr_prune.layout import SCORED_SETS
from asr_prune.options import renamed_keys
from asr_prune.pruning.nodes import first
from asr_prune.pruning.registry import find_options
from asr_prune.pruning.removal import shrink, zero_nodes
from asr_prune.report.cells import decimals
from asr_prune.run_dir import RunDir
from asr_prune.score.options import ScoreOptions
from asr_prune.score.tune import tune
from asr_prune.score.wer import score

log = logging.getLogger(__name__)

SHARES = tuple(round(0.1 * tenth, 1) for tenth in range(1, 11))


@dataclass(frozen=True)
class Judge:
    """How each width is decoded and scored."""

    decoding: Decoding
    score: ScoreOptions
    nj: int


def measure_widths(run: RunDir, judge: Judge) -> list[dict[str, Any]]:
    """Cuts the network of a run with ordered nodes, as it was before its own cut, to the first 10
    %, 20 % ... 100 % of each layer's nodes; measures each; writes widths.json and prints a table.

    A row has: width (share of each layer), nodes_per_layer and nodes (without those that do
    nothing), params, dev_ce (nats per frame), wer_dev, wer_test, wer_test_low, wer_test_high,
    lm_weight and penalty (chosen on dev). Raises UserError if the run's nodes are not ordered, or
    the device of `decode.device` is not there.
    """
    vectors, device = ordered_vectors(run), judge.decoding.options.device
    decode_device(device)  # refused before the features are read
    feats = {part: judge.decoding.load(part) for part in SCORED_SETS}
    rows = [_row(judge, placed_model(cut_to(run, share, vectors), device), share, feats) for share in SHARES]
    with atomic(run.widths) as file:
        json.dump(rows, file, indent=1)
    record("widths", {run.widths: digest(run.widths)})
    print("\n".join(format_widths(rows)))
    return rows


def ordered_vectors(run: RunDir) -> str:
    """The penalised vectors of a run whose first nodes matter most. Raises UserError if its nodes
    are not ordered.
    """
    settings = yaml.safe_load(checked(run.recipe).read_text(encoding="utf-8"))["prune"]
    cls = find_options(settings["method"])
    if not cls(**renamed_keys(cls, settings)[0]).ordered:
        raise UserError(
            f"{run.path} was not pruned by an ordered penalty, so its first nodes are not its most important ones; "
            "give a run of method guided with a guide that grows with the index, such as guided-keep0.25."
        )
    return str(settings["vectors"])


def cut_to(run: RunDir, share: float, vectors: str) -> Model:
    """The network before its cut, reduced to the first `share` of each layer's nodes, at least one."""
    dense = load_model(run.before_cut)
    layers = dense.network.node_layers()
    sizes = [layer.size for layer in layers]
    zero_nodes(layers, first(sizes, [max(1, round(share * size)) for size in sizes]), vectors == "incoming")
    small, kept = shrink(dense.network)
    return replace(dense, network=small, kept=kept)


def _row(judge: Judge, model: Model, share: float, feats: Mapping[str, Feats]) -> dict[str, Any]:
    size = size_of(model.network)
    row: dict[str, Any] = {
        "width": share,
        "nodes_per_layer": size.nodes,
        "nodes": sum(size.nodes),
        "params": size.params,
    }
    row |= {"dev_ce": dev_cross_entropy(judge.decoding, model, feats["dev"])} | _word_errors(judge, model, feats)
    log.info("  width %.1f: %d nodes, test WER %s", share, row["nodes"], decimals(row["wer_test"], 2))
    return row


def dev_cross_entropy(decoding: Decoding, model: Model, dev: Feats) -> float:
    """Of a network on the labels of dev, nats per frame."""
    ctc = bool(model.tokens)
    targets = token_targets(decoding.lang, [decoding.set("dev")]) if ctc else frame_targets(decoding.hmm)
    kind = UtteranceSet if ctc else frame_set(model.network.reach)
    network = model.network
    examples = kind.from_utterances(dev, targets[0], model.context, network.shift.device, network.stride)
    return evaluate(network, examples).cross_entropy


def _word_errors(judge: Judge, model: Model, feats: Mapping[str, Feats]) -> dict[str, Any]:
    """WER of dev at its best LM weight and penalty, and of test at the same, with the interval of
    test.
    """
    sets = {part: DataDir.read(judge.decoding.set(part)) for part in SCORED_SETS}
    dev = _decoded(judge, model, feats["dev"], grid(judge.decoding.options))
    point = tune(dev, sets["dev"].text, judge.score)
    words = {"dev": dev[point], "test": _decoded(judge, model, feats["test"], [point])[point]}
    scored = [part for part in SCORED_SETS if not sets[part].silent]
    scores = {part: score(words[part], sets[part].text, sets[part].utt2spk, judge.score) for part in scored}
    test = scores.get("test")
    return {
        "wer_dev": scores["dev"].wer,
        "wer_test": test and test.wer,
        "wer_test_low": test and test.low,
        "wer_test_high": test and test.high,
        "lm_weight": point[0],
        "penalty": point[1],
    }


def _decoded(judge: Judge, model: Model, feats: Feats, points: Sequence[Point]) -> Words:
    decoding = judge.decoding
    if decoding.graph is None:
        return dict.fromkeys(points, greedy_set(model, feats))
    scores = NetworkScores(with_token_priors(decoding, model), feats)
    audio = audio_of(feats, decoding.features.frame_shift, model.network.stride)
    return lattice_set(decoding.graph, scores, decoding.options, points, judge.nj, audio=audio).words


def format_widths(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines for the terminal."""
    lines = ["width   nodes  per layer                 params  dev CE  WER dev  WER test  [95 % interval]"]
    for row in rows:
        layers = "/".join(map(str, row["nodes_per_layer"]))
        low, high, test = row["wer_test_low"], row["wer_test_high"], decimals(row["wer_test"], 2)
        span = f"[{low:.2f}, {high:.2f}]" if low is not None else ""
        figures = f"{row['params']:9d}  {row['dev_ce']:6.3f}  {row['wer_dev']:7.2f}  {test:>8}  {span}"
        lines.append(f"{row['width']:5.1f}  {row['nodes']:6d}  {layers:22s} {figures}".rstrip())
    return lines
