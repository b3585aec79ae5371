"""Stages 6 and 7: graph, decode."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from asr_prune.decode.options import DecodeOptions
from asr_prune.files import atomic, atomic_dir
from asr_prune.recipe.load import Run
from asr_prune.stages.ctc import greedy, greedy_part, prior_inputs, token_graph, with_priors
from asr_prune.stages.feats import Feats, NetworkFeatures
from asr_prune.stages.taking import need_hmm
from asr_prune.workflow.context import Context, Missing, Work
from asr_prune.workflow.ledger import plain

if TYPE_CHECKING:
    from asr_prune.acoustic.checkpoint import Model
    from asr_prune.decode.lattice_set import Decoded, Point

log = logging.getLogger(__name__)

JUDGED = ("dev", "test")
GRAPH = ("HCLG.fst", "words.txt", "pdfs.txt", "disambig_tid.int", "size.json")
GRAPH_CODE = ("graph", "kaldi_graph", "stochastic", "arrays", "binary")
#: options that lattices depend on, beside the graph, and those that they do not
SEARCH = ("beam", "lattice_beam", "acoustic_scale", "ctc_prior_scale", "lattice")
GRID = ("lm_weights", "penalties")
ARCHIVE = "lat.1.gz"
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
    """HCLG of the pass called `name`: Kaldi's, where the recipe names one and the pass is the last."""
    hmm, out, options = context.align / name, graph_folder(context, name), context.recipe.decode
    need_hmm(context, hmm)
    source = options.graph if out == context.graph else None

    def do(_: bool) -> None:
        from asr_prune.decode.graph import make_graph
        from asr_prune.decode.kaldi_graph import take_graph

        size = take_graph(source, hmm, out) if source else make_graph(context.lang, hmm, out, options)
        log.info("  HCLG: %s", size)

    inputs = {hmm / "final.mdl": "align", hmm / "tree": "align"}
    if not source:
        inputs |= {context.lang / name: "lang" for name in ("L_disambig.fst", "G.fst", "phones.txt", "words.txt")}
    also = [path for path in taken_files(source) if path.is_file()] if source else []
    part = {"scales": [options.transition_scale, options.self_loop_scale], "source": source}
    says, outputs = f"taking {source}" if source else "making HCLG", [out / name for name in GRAPH]
    code, piece = [f"decode/{name}.py" for name in GRAPH_CODE], "" if out == context.graph else name
    context.once(Work("graph", says, part, inputs, code, do, outputs, also, piece))


def taken_files(source: Path) -> list[Path]:
    """What is read of a graph directory of Kaldi."""
    return [source / name for name in ("HCLG.fst", "words.txt", "num_pdfs", "disambig_tid.int")]


def words_of(model: Model, feats: Feats, graph: Path) -> Words:
    """Words of every utterance under one network, at a usual LM weight and a narrow beam; for comparing networks.

    graph: its folder; without one a network trained with CTC is decoded greedily.
    """
    from asr_prune.decode.decode_set import decode_set

    if model.tokens and not (graph / "HCLG.fst").is_file():
        return greedy(model, feats)

    loglikes, narrow = Forward(model, feats), DecodeOptions(beam=11.0, max_active=1500)
    hyps = decode_set(graph, loglikes, narrow, 2 if model.tokens else 12, total=len(feats))
    return {utt: hyp.words for utt, hyp in hyps.items()}


def decode(context: Context) -> None:
    """Stage 7: dev and test to lattices, and from these words at every LM weight and word penalty.

    Where the lattices are kept, their making and their weighing are done separately, so that another grid of weights
    needs no search.
    """
    for run in context.loaded.runs():
        _decode_run(context, run)
        if context.recipe.decode.lattice:
            _sweep_run(context, run)


def _decode_run(context: Context, run: Run) -> None:
    options, folder = context.recipe.decode, context.run_folder(run)

    def do(_: bool) -> None:
        from asr_prune.acoustic.checkpoint import load_model

        model = with_priors(context, load_model(folder / "shrunk/network.pt"))
        decode_one = greedy_part if options.search == "greedy" else decode_part
        for part in JUDGED:
            decode_one(context, model, part, folder / f"decode_{part}")

    inputs = {folder / "shrunk/network.pt": "shrink"} | graph_inputs(context)
    inputs |= NetworkFeatures.of(context).inputs(context, JUDGED) | prior_inputs(context)
    outputs = [folder / f"decode_{part}" / "info.json" for part in JUDGED]
    outputs += archives(folder) if options.lattice else words_files(folder, options)
    part = {key: plain(options)[key] for key in (*SEARCH, *(() if options.lattice else GRID))}
    code = ["decode", "acoustic/priors.py", "acoustic/network.py", "features/load.py", "lang/tokens.py"]
    context.once(Work("decode", "decoding", part, inputs, code, do, outputs), run)


def _sweep_run(context: Context, run: Run) -> None:
    options, folder = context.recipe.decode, context.run_folder(run)

    def do(_: bool) -> None:
        from asr_prune.decode.lattice_set import grid, sweep_archive

        for part in JUDGED:
            out = folder / f"decode_{part}"
            write_words(out, sweep_archive(out / ARCHIVE, context.graph, grid(options), context.nj))

    inputs = dict.fromkeys(archives(folder), "decode") | {context.graph / "words.txt": "graph"}
    part = {key: plain(options)[key] for key in GRID}
    outputs = words_files(folder, options)
    context.once(Work("decode", "weighing lattices", part, inputs, ["decode"], do, outputs, piece="words"), run)


def archives(folder: Path) -> list[Path]:
    """The lattices of a run."""
    return [folder / f"decode_{part}" / ARCHIVE for part in JUDGED]


def words_files(folder: Path, options: DecodeOptions) -> list[Path]:
    """Of a run, a file of words for each set, LM weight and penalty, named as in Kaldi's scoring."""
    points = product(options.lm_weights, options.penalties)
    return [_words_file(folder / f"decode_{part}", point) for point in points for part in JUDGED]


def _words_file(folder: Path, point: Point) -> Path:
    weight, penalty = point
    return folder / f"penalty_{penalty:g}" / f"{weight}.txt"


def decode_part(context: Context, model: Model, part: str, out: Path) -> None:
    """Decodes one set and writes `out`: info.json, and lat.1.gz or the words at each point."""
    from asr_prune.decode.lattice_set import grid, lattice_set

    options, source = context.recipe.decode, NetworkFeatures.of(context)
    network, shift = (
        Forward(model, source.stored(context.data / part, context.align)),
        source.frame_shift * model.network.stride,
    )
    with atomic_dir(out) as partial:
        keep = partial / ARCHIVE if options.lattice else None
        points = [] if options.lattice else grid(options)
        decoded = lattice_set(context.graph, network, options, points, context.nj, keep)
        write_words(partial, decoded.words)
        (partial / "info.json").write_text(json.dumps(decode_info(decoded, network.seconds, shift), indent=1))
    log.info("  %s: %s", part, decoded.summary(shift))


class Forward:
    """Utterances and their log-likelihoods under a network, batch by batch; seconds: in the network, by `clock`,
    without the reading of features.
    """

    def __init__(self, model: Model, feats: Feats, clock: Callable[[], float] = time.perf_counter) -> None:
        self.model, self.feats, self.clock, self.seconds = model, feats, clock, 0.0

    def __iter__(self) -> Iterator[tuple[str, np.ndarray]]:
        from asr_prune.acoustic.priors import log_likelihoods, utterance_batches
        from asr_prune.features.stored import frames_of

        model = self.model
        for names in utterance_batches(frames_of(self.feats)):
            held, start = {name: self.feats[name] for name in names}, self.clock()
            for found in log_likelihoods(model.network, model.priors, held, model.context):
                self.seconds += self.clock() - start
                yield found
                start = self.clock()


def decode_info(decoded: Decoded, forward: float, shift: float) -> dict[str, Any]:
    """What info.json holds; forward: seconds of the network; shift: of a frame that is decoded, in seconds."""
    return {
        "frames": decoded.frames,
        "rtf_decode": decoded.rtf(shift),
        "am_forward_seconds_per_hour": forward / (decoded.frames * shift / 3600),
        "sweep_seconds": decoded.sweep_seconds,
        "log_likelihood_per_frame": decoded.score / decoded.frames,
        "utterances": decoded.utterances,
        "no_final_state": decoded.partial,
        "no_path": decoded.failed,
    }


def write_words(out: Path, found: dict[Point, Words]) -> None:
    """One file of `utterance word word ...` lines for each point."""
    for point, words in found.items():
        with atomic(_words_file(out, point)) as file:
            file.writelines(f"{utt} {' '.join(words[utt])}\n" for utt in sorted(words))


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
