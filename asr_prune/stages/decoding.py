"""Stages 6 to 9: graph, decode, score, report. And the ladder of GMM passes."""

from __future__ import annotations

import json
import logging
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from asr_prune.acoustic.checkpoint import Model, load_model
from asr_prune.acoustic.network import size_of
from asr_prune.acoustic.priors import log_likelihoods
from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.decode_set import Decoded, Point, decode_set, grid
from asr_prune.decode.options import DecodeOptions
from asr_prune.files import atomic, atomic_dir
from asr_prune.recipe import Run
from asr_prune.score.tune import choose, grid_errors, tune
from asr_prune.score.wer import Score
from asr_prune.score.wer import score as score_words
from asr_prune.score.write import write_score
from asr_prune.stages.context import Context, Work
from asr_prune.stages.data import feature_folder, feature_inputs, label_folder

log = logging.getLogger(__name__)

JUDGED = ("dev", "test")
Words = dict[str, list[str]]


def graph(context: Context) -> None:
    """Stage 6: HCLG."""
    from asr_prune.decode.graph import make_graph

    hmm, options = label_folder(context), context.recipe.decode

    def do(_: bool) -> None:
        size = make_graph(context.lang, hmm, context.graph, options)
        log.info("  HCLG: %d states, %d arcs, %d pdfs", size.states, size.arcs, size.pdfs)

    inputs = {context.lang / name: "lang" for name in ("L_disambig.fst", "G.fst", "phones.txt", "words.txt")}
    inputs |= {hmm / "final.mdl": "align", hmm / "tree": "align"}
    part = {"scales": [options.transition_scale, options.self_loop_scale]}
    outputs = [context.graph / name for name in ("HCLG.fst", "words.txt", "pdfs.txt", "size.json")]
    context.once(Work("graph", "making HCLG", part, inputs, ["decode/graph.py"], do, outputs))


def words_of(model: Model, feats: dict[str, np.ndarray], graph: Path) -> Words:
    """Words of every utterance under one network, at a usual LM weight and a narrow beam; for comparing networks."""
    loglikes = dict(log_likelihoods(model.network, model.priors, feats, model.context))
    point = (12, 0.0)
    return decode_set(graph, loglikes, DecodeOptions(beam=11.0, max_active=1500), [point]).words(point)


def decode(context: Context) -> None:
    """Stage 7: dev and test at every LM weight and word penalty."""
    for run in context.loaded.runs():
        folder = context.run_folder(run)

        def do(_: bool, folder: Path = folder) -> None:
            model = load_model(folder / "shrunk/network.pt")
            for part in JUDGED:
                decode_part(context, model, part, folder / f"decode_{part}")

        inputs = {folder / "shrunk/network.pt": "shrink", context.graph / "HCLG.fst": "graph"}
        inputs |= feature_inputs(context, JUDGED, "network")
        outputs = [folder / f"decode_{part}" / "info.json" for part in JUDGED]
        code = ["decode", "acoustic/priors.py", "acoustic/network.py", "features/load.py"]
        part = context.recipe.decode
        context.once(Work("decode", "decoding", part, inputs, code, do, outputs), run)


def decode_part(context: Context, model: Model, part: str, out: Path) -> None:
    """Decodes one set and writes `out`: penalty_<p>/<weight>.txt as Kaldi's scoring has them, and info.json."""
    from asr_prune.stages.networks import network_features

    feats = network_features(context.data / part, context)
    start = time.perf_counter()
    loglikes = dict(log_likelihoods(model.network, model.priors, feats, model.context))
    forward = time.perf_counter() - start
    options = context.recipe.decode
    shift = context.recipe.features.network.frame_shift_ms / 1000
    decoded = decode_set(context.graph, loglikes, options, grid(options), context.nj)
    log.info("  %s: %s", part, decoded.summary(shift))
    hours = decoded.frames * shift / 3600
    info = {
        "frames": decoded.frames,
        "rtf_decode": decoded.rtf(shift),
        "am_forward_seconds_per_hour": forward / hours,
        "utterances": len(loglikes),
        "no_final_state": decoded.partial,
    }
    write_words(out, decoded, info)


def write_words(out: Path, decoded: Decoded, info: dict[str, Any]) -> None:
    """Writes `out` whole or not at all."""
    with atomic_dir(out) as partial:
        for weight, penalty in decoded.hyps:
            file = partial / f"penalty_{penalty:g}" / f"{weight}.txt"
            file.parent.mkdir(exist_ok=True)
            words = decoded.words((weight, penalty))
            file.write_text("".join(f"{utt} {' '.join(words[utt])}\n" for utt in sorted(words)), encoding="utf-8")
        (partial / "info.json").write_text(json.dumps(info, indent=1))


def read_words(folder: Path, options: DecodeOptions) -> dict[Point, Words]:
    """What `write_words` wrote, by LM weight and penalty."""
    found = {}
    for weight, penalty in grid(options):
        lines = (folder / f"penalty_{penalty:g}" / f"{weight}.txt").read_text(encoding="utf-8").splitlines()
        found[weight, penalty] = {line.split()[0]: line.split()[1:] for line in lines}
    return found


def score(context: Context) -> None:
    """Stage 8: weight and penalty by dev, word errors on test, and the run's row of the report."""
    for run in context.loaded.runs():
        folder = context.run_folder(run)

        def do(_: bool, run: Run = run, folder: Path = folder) -> None:
            found = {part: read_words(folder / f"decode_{part}", context.recipe.decode) for part in JUDGED}
            row = result_row(context, run, score_grids(context, found, folder))
            with atomic(folder / "result.json") as file:
                json.dump(row, file, indent=1)
            low, high = row["wer_test_low"], row["wer_test_high"]
            span = f" [{low:.2f}, {high:.2f}]" if low is not None else ""
            log.info("  dev %.2f  test %.2f%s  at %d nodes", row["wer_dev"], row["wer_test"], span, row["nodes"])

        inputs = {folder / f"decode_{part}" / "info.json": "decode" for part in JUDGED}
        inputs |= {folder / "train.json": "train", folder / "shrunk/size.json": "shrink"}
        inputs |= {context.data / part / name: "corpus" for part in JUDGED for name in ("text", "utt2spk")}
        words = [path for part in JUDGED for path in sorted((folder / f"decode_{part}").rglob("*.txt"))]
        options = {"score": context.recipe.score, "decode": context.recipe.decode}
        outputs = [folder / name for name in ("score_dev.json", "score_test.json", "result.json")]
        work = Work("score", "scoring", options, inputs, ["score"], do, outputs, words)
        context.once(work, run)


def score_grids(context: Context, found: dict[str, dict[Point, Words]], folder: Path) -> dict[str, Any]:
    """Figures of the grids of dev and test, tuned on dev; writes score_<set>.json beside them."""
    options = context.recipe.score
    sets = {part: DataDir.read(context.data / part) for part in JUDGED}
    point = tune(found["dev"], sets["dev"].text, options)
    made: dict[str, Score] = {}
    for part in JUDGED:
        made[part] = score_words(found[part][point], sets[part].text, sets[part].utt2spk, options)
        details = {"lm_weight": point[0], "penalty": point[1]}
        write_score(folder / f"score_{part}.json", made[part], details)
    best = choose(grid_errors(found["test"], sets["test"].text, options))
    tuned = score_words(found["test"][best], sets["test"].text, sets["test"].utt2spk, options)
    log.info("  %s (test, LM weight %d and penalty %g from dev)", made["test"].kaldi_line, *point)
    return {
        "wer_dev": made["dev"].wer,
        "wer_test": made["test"].wer,
        "wer_test_low": made["test"].low,
        "wer_test_high": made["test"].high,
        "wer_raw_test": made["test"].wer_raw,
        "wer_test_tuned": tuned.wer,
        "wer_raw_test_tuned": tuned.wer_raw,
        "words_test": made["test"].words,
        "errors_test": made["test"].counts.as_errors(),
        "lm_weight": point[0],
        "penalty": point[1],
    }


def result_row(context: Context, run: Run, scores: dict[str, Any]) -> dict[str, Any]:
    """A row of results.json."""
    folder = context.run_folder(run)
    trained = json.loads((folder / "train.json").read_text())
    size = size_of(load_model(folder / "shrunk/network.pt").network)
    info = json.loads((folder / "decode_test/info.json").read_text())
    dense = trained.pop("nodes_per_layer_dense")
    return {
        "run": run.name,
        "recipe": context.loaded.name,
        "method": run.prune.method,
        "vectors": getattr(run.prune, "vectors", None),
        "strength": run.prune.strength,
        "keep_asked": run.prune.keep,
        "release": run.prune.release,
        "seed": run.seed,
        "hidden_layers": len(size.nodes),
        "nodes_per_layer": size.nodes,
        "nodes": sum(size.nodes),
        "nodes_dense": sum(dense),
        "params": size.params,
        "macs_per_frame": size.macs,
        "nonzero_weights": size.nonzero,
        **trained,
        **scores,
        "rtf_decode": info["rtf_decode"],
        "am_forward_seconds_per_hour": info["am_forward_seconds_per_hour"],
        "commit": commit(),
        "command": yaml.safe_load((folder / "recipe.yaml").read_text())["command"],
    }


def commit() -> str | None:
    """The checkout's commit, or None outside one."""
    done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def report(context: Context) -> None:
    """Stage 9: all runs of the recipe, also those of earlier commands."""
    from asr_prune.report.write import write_report

    print(write_report(context.exp, context.recipe.report), flush=True)
    log.info("report: %s", context.exp / "report/index.html")


def ladder(context: Context) -> None:
    """Decodes and scores the GMM-HMM itself and prints its row."""
    from asr_prune.decode.gmm import gmm_log_likelihoods
    from asr_prune.features.load import load

    options = context.recipe.decode
    found = {}
    for part in JUDGED:
        utt2spk = DataDir.read(context.data / part).utt2spk
        feats = load(feature_folder(context.data / part, "hmm"), context.recipe.features.hmm, utt2spk)
        decoded = decode_set(
            context.graph, gmm_log_likelihoods(label_folder(context), feats), options, grid(options), context.nj
        )
        found[part] = {point: decoded.words(point) for point in decoded.hyps}
    summary = json.loads((label_folder(context) / "summary.json").read_text())
    scores = score_grids(context, found, label_folder(context))
    row = {"pass": summary["name"], "pdfs": summary["pdfs"], "gaussians": summary["gaussians"], **scores}
    row["seconds"] = summary["seconds"]
    with atomic(context.align / "ladder.json") as file:
        json.dump([row], file, indent=1)
    print("pass    pdfs  gaussians  WER dev (seen)  WER test  WER test, tuned on test")
    figures = f"{row['wer_dev']:14.2f}  {row['wer_test']:8.2f}  {row['wer_test_tuned']:24.2f}"
    print(f"{row['pass']:6s}  {row['pdfs']:4d}  {row['gaussians']:9d}  {figures}")
