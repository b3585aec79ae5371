"""Stages 6 and 7: graph, decode."""

from __future__ import annotations

import json
import logging
import time
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asr_prune.decode.options import DecodeOptions
from asr_prune.files import atomic_dir
from asr_prune.stages.context import Context, Missing, Work
from asr_prune.stages.ctc import greedy, greedy_part, token_graph
from asr_prune.stages.feats import NetworkFeatures
from asr_prune.stages.taking import need_hmm

if TYPE_CHECKING:
    from asr_prune.acoustic.checkpoint import Model
    from asr_prune.decode.decode_set import Decoded, Point

log = logging.getLogger(__name__)

JUDGED = ("dev", "test")
GRAPH = ("HCLG.fst", "words.txt", "pdfs.txt", "disambig_tid.int", "size.json")
Words = dict[str, list[str]]


def graph(context: Context) -> None:
    """Stage 6: HCLG, or for CTC the graph of tokens."""
    if context.ctc:
        return token_graph(context)
    make_pass_graph(context, context.labels.name)


def graph_inputs(context: Context) -> dict[Path, str]:
    """What decoding reads of the graph, with the stage that makes it; nothing where it is greedy."""
    return {} if context.recipe.decode.search == "greedy" else {context.graph / "HCLG.fst": "graph"}


def graph_folder(context: Context, name: str) -> Path:
    """Where the decoding graph of a pass lies."""
    return context.graph if name == context.labels.name else context.exp / "graphs" / name


def make_pass_graph(context: Context, name: str) -> None:
    """HCLG of the pass called `name`."""
    hmm, out, options = context.align / name, graph_folder(context, name), context.recipe.decode
    need_hmm(context, hmm)

    def do(_: bool) -> None:
        from asr_prune.decode.graph import make_graph

        size = make_graph(context.lang, hmm, out, options)
        log.info("  HCLG: %d states, %d arcs, %d pdfs", size.states, size.arcs, size.pdfs)

    inputs = {context.lang / name: "lang" for name in ("L_disambig.fst", "G.fst", "phones.txt", "words.txt")}
    inputs |= {hmm / "final.mdl": "align", hmm / "tree": "align"}
    part = {"scales": [options.transition_scale, options.self_loop_scale]}
    piece = "" if out == context.graph else name
    outputs = [out / name for name in GRAPH]
    context.once(Work("graph", "making HCLG", part, inputs, ["decode/graph.py"], do, outputs, piece=piece))


def words_of(model: Model, feats: dict[str, np.ndarray], graph: Path) -> Words:
    """Words of every utterance under one network, at a usual LM weight and a narrow beam; for comparing networks.

    graph: its folder; without one a network trained with CTC is decoded greedily.
    """
    from asr_prune.acoustic.priors import log_likelihoods
    from asr_prune.decode.decode_set import decode_set

    if model.tokens and not (graph / "HCLG.fst").is_file():
        return greedy(model, feats)

    loglikes = dict(log_likelihoods(model.network, model.priors, feats, model.context))
    point = (2 if model.tokens else 12, 0.0)
    return decode_set(graph, loglikes, DecodeOptions(beam=11.0, max_active=1500), [point]).words(point)


def decode(context: Context) -> None:
    """Stage 7: dev and test at every LM weight and word penalty."""
    options = context.recipe.decode
    for run in context.loaded.runs():
        folder = context.run_folder(run)

        def do(_: bool, folder: Path = folder) -> None:
            from asr_prune.acoustic.checkpoint import load_model

            model = load_model(folder / "shrunk/network.pt")
            decode_one = greedy_part if options.search == "greedy" else decode_part
            for part in JUDGED:
                decode_one(context, model, part, folder / f"decode_{part}")

        inputs = {folder / "shrunk/network.pt": "shrink"} | graph_inputs(context)
        inputs |= NetworkFeatures.of(context).inputs(context, JUDGED)
        outputs = [path for part in JUDGED for path in decoded_files(folder / f"decode_{part}", options)]
        code = ["decode", "acoustic/priors.py", "acoustic/network.py", "features/load.py", "lang/tokens.py"]
        context.once(Work("decode", "decoding", options, inputs, code, do, outputs), run)


def decoded_files(folder: Path, options: DecodeOptions) -> list[Path]:
    """What `write_words` writes: one file of words for each LM weight and penalty, and info.json."""
    return [
        *(_words_file(folder, point) for point in product(options.lm_weights, options.penalties)),
        folder / "info.json",
    ]


def _words_file(folder: Path, point: Point) -> Path:
    weight, penalty = point
    return folder / f"penalty_{penalty:g}" / f"{weight}.txt"


def decode_part(context: Context, model: Model, part: str, out: Path) -> None:
    """Decodes one set and writes `out`: penalty_<p>/<weight>.txt as Kaldi's scoring has them, and info.json."""
    from asr_prune.acoustic.priors import log_likelihoods
    from asr_prune.decode.decode_set import decode_set, grid

    source = NetworkFeatures.of(context)
    feats = source.load(context.data / part, context.align)
    start = time.perf_counter()
    loglikes = dict(log_likelihoods(model.network, model.priors, feats, model.context))
    forward = time.perf_counter() - start
    options = context.recipe.decode
    shift = source.frame_shift * model.network.stride
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
            file = _words_file(partial, (weight, penalty))
            file.parent.mkdir(exist_ok=True)
            words = decoded.words((weight, penalty))
            file.write_text("".join(f"{utt} {' '.join(words[utt])}\n" for utt in sorted(words)), encoding="utf-8")
        (partial / "info.json").write_text(json.dumps(info, indent=1))


def read_words(folder: Path, options: DecodeOptions) -> dict[Point, Words]:
    """What `write_words` wrote, by LM weight and penalty. Raises UserError where a file is missing."""
    found = {}
    for point in product(options.lm_weights, options.penalties):
        path = _words_file(folder, point)
        if not path.is_file():
            raise Missing(path, "decode")
        lines = path.read_text(encoding="utf-8").splitlines()
        found[point] = {line.split()[0]: line.split()[1:] for line in lines}
    return found
