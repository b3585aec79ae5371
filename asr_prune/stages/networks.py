"""Stages 4 and 5: train, shrink. And verify, which shrink calls."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from asr_prune.errors import UserError
from asr_prune.files import atomic, atomic_dir
from asr_prune.hmm.network_features import Feats, NetworkFeatures
from asr_prune.recipe.load import Run
from asr_prune.stages.ctc import label_inputs, need_utterances, token_labels
from asr_prune.stages.feats import network_features, network_inputs
from asr_prune.stages.taking import can_decode
from asr_prune.workflow.context import Context, Work
from asr_prune.workflow.ledger import plain

if TYPE_CHECKING:
    from asr_prune.acoustic.checkpoint import Model

log = logging.getLogger(__name__)

#: what training runs
CODE = (
    *("acoustic", "pruning", "hmm/frontend.py", "hmm/labels.py", "hmm/kaldi_format.py"),
    *(f"features/{name}.py" for name in ("load", "stored", "archive", "cmvn", "deltas")),
)


def train(context: Context) -> None:
    """Stage 4: one network per run of the recipe."""
    runs = context.loaded.runs()
    for i, run in enumerate(runs, 1):
        _train_one(context, run, f"training, run {i} of {len(runs)}")


def _train_one(context: Context, run: Run, says: str) -> None:
    from asr_prune.pruning.method import find_method

    folder = context.run_folder(run)
    need_utterances(context, run)
    source = network_features(context)

    def do(may_continue: bool) -> None:
        from asr_prune.pruning.training import train_run

        if not may_continue:
            shutil.rmtree(folder / "model", ignore_errors=True)
        write_recipe(context, run)
        known, classes = labels_of(context, ("train", "dev"))
        train_set, dev_set = (source.stored(context.data / part, context.align) for part in ("train", "dev"))
        options = run.network, run.train, run.prune
        figures = train_run(folder, (train_set, known), (dev_set, known), classes, options, run.seed, source.plain())
        with atomic(folder / "train.json") as file:
            json.dump(figures, file, indent=1)
        (folder / "model/checkpoint.pt").unlink(missing_ok=True)

    also = find_method(run.prune.method).reads(run.prune, context.exp / "runs")
    part = {"run": run, "features": source.plain()}
    inputs = network_inputs(source, context, ("train", "dev"))
    inputs |= label_files(context, ("train", "dev"))
    if run.train.init:
        from asr_prune.acoustic.initial import weights_file

        inputs[weights_file(Path(run.train.init))] = "train"
    files = ("train.json", "nodes.json", "norms.npz", "metrics.jsonl", "trail.jsonl")
    names = ("model/network.pt", "model/before_cut.pt", *files)
    code = [*CODE, *(["lang/tokens.py"] if context.ctc else [])]
    context.once(Work("train", says, part, inputs, code, do, [folder / name for name in names], also), run)


def labels_of(context: Context, parts: tuple[str, ...]) -> tuple[Feats, int | list[str]]:
    """What networks learn, by utterance: pdf-ids of frames and the number of pdfs, or for CTC tokens and what each
    spells.
    """
    if context.ctc:
        return token_labels(context, parts)
    from asr_prune.hmm.labels import StoredLabels

    pdfs = json.loads((context.labels / "summary.json").read_text())["pdfs"]
    return StoredLabels(context.labels / "pdf.ark"), pdfs


def label_files(context: Context, parts: tuple[str, ...]) -> dict[Path, str]:
    """Files that `labels_of` reads, with the stage that makes them."""
    if context.ctc:
        return label_inputs(context, parts)
    return {context.labels / name: "align" for name in ("pdf.ark", "summary.json")}


def write_recipe(context: Context, run: Run) -> None:
    """Writes what the run was asked, everything decided."""
    content = plain(run) | {"command": context.command(), "recipe": context.loaded.name}
    with atomic(context.run_folder(run) / "recipe.yaml") as file:
        yaml.safe_dump(content, file, sort_keys=False)


def shrink(context: Context) -> None:
    """Stage 5: the physically smaller network of each run, verified against the masked one."""
    from asr_prune.stages.decoding import graph, graph_inputs

    if decodable := can_decode(context):
        graph(context)
    else:
        log.info("the labels came without an HMM to decode with: networks are compared by logits, not by words")
    for run in context.loaded.runs():
        folder = context.run_folder(run)

        def do(_: bool, folder: Path = folder) -> None:
            shrink_run(folder)
            if not verify(folder):
                raise UserError(f"{folder}: the shrunk network is not the masked one; see {folder}/verify.json.")

        inputs = {folder / "model/network.pt": "train"}
        inputs |= network_inputs(network_features(context), context, ("dev", "test"))
        inputs |= graph_inputs(context) if decodable else {}
        outputs = [folder / name for name in ("shrunk/network.pt", "shrunk/size.json", "verify.json")]
        context.once(Work("shrink", "removing nodes", None, inputs, ["pruning", "acoustic"], do, outputs), run)


def shrink_run(folder: Path) -> None:
    """Writes shrunk/network.pt, which computes what model/network.pt computes, and shrunk/size.json."""
    from asr_prune.acoustic.checkpoint import load_model, save_model
    from asr_prune.acoustic.network import size_of
    from asr_prune.pruning.removal import shrink as shrink_network

    dense = load_model(folder / "model/network.pt")
    network, kept = shrink_network(dense.network)
    with atomic_dir(folder / "shrunk") as partial:
        save_model(partial / "network.pt", replace(dense, network=network, kept=kept))
        size = asdict(size_of(network))
        (partial / "size.json").write_text(json.dumps(size, indent=1))
    told = "/".join(map(str, size["nodes"]))
    of = size_of(dense.network)
    log.info("  %s of %d nodes, %d of %d parameters", told, sum(of.nodes), size["params"], of.params)


def verify(folder: Path) -> bool:
    """Masked against shrunk network of a run: logits on random inputs and all test frames, words on the test set; and
    what the cut itself changed. Prints it, writes verify.json, returns whether the two are the same network.

    Without words, and null for them, where the labels came without an HMM.
    """
    from asr_prune.acoustic.checkpoint import load_model
    from asr_prune.pruning.verify import compare

    data, exp = Path("data") / folder.parent.parent.name, folder.parent.parent
    masked, small = load_model(folder / "model/network.pt"), load_model(folder / "shrunk/network.pt")
    source = NetworkFeatures.from_plain(small.features)
    feats = {part: source.stored(data / part, exp / "align") for part in ("dev", "test")}
    agreements = compare(masked, small, feats["test"])
    for agreement in agreements:
        log.info("  %s", agreement)
    decodable = bool(small.tokens) or (exp / "align" / source.hmm / "final.mdl").is_file()
    graph = exp / ("token_graph" if small.tokens else "graph")
    differ = _words_that_differ(masked, small, feats["test"], graph) if decodable else None
    cut = _what_the_cut_changed(folder, feats["dev"], graph) if decodable else None
    holds = not differ and all(agreement.holds for agreement in agreements)
    with atomic(folder / "verify.json") as file:
        rows = [asdict(agreement) | {"holds": agreement.holds} for agreement in agreements]
        json.dump({"holds": holds, "logits": rows, "utterances_that_differ": differ, "cut": cut}, file, indent=1)
    return holds


def _words_that_differ(masked: Model, small: Model, test: Feats, graph: Path) -> list[str]:
    from asr_prune.stages.decoding import words_of

    one, other = (words_of(model, test, graph) for model in (masked, small))
    differ = sorted(name for name in one if one[name] != other[name])
    log.info("  words on the test set: %d of %d utterances differ", len(differ), len(one))
    return differ


def _what_the_cut_changed(folder: Path, dev: Feats, graph: Path) -> dict[str, object]:
    from asr_prune.acoustic.checkpoint import load_model
    from asr_prune.score.align import distance
    from asr_prune.stages.decoding import words_of

    figures = json.loads((folder / "train.json").read_text())
    before = words_of(load_model(folder / "model/before_cut.pt"), dev, graph)
    after = words_of(load_model(folder / "shrunk/network.pt"), dev, graph)
    names = sorted(before)
    changed = distance([before[name] for name in names], [after[name] for name in names])
    told = {"words_dev": sum(map(len, before.values())), "words_changed_dev": changed}
    ces = [figures[f"dev_ce_{when}"] for when in ("before_cut", "after_cut", "final")]
    log.info("  the cut: dev cross-entropy %.4f before, %.4f after, %.4f at the end of the run", *ces)
    log.info(
        "  from before the cut to the shrunk network: %(words_changed_dev)d of %(words_dev)d dev words differ", told
    )
    return told | {"norm_mass_removed": figures["norm_mass_removed"], "converged": figures["converged"]}
