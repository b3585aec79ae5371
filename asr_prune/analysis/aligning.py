"""How long alignment takes with the lexicon and the transcripts that are there."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import kaldifst
import numpy as np

from asr_prune.analysis.speeds import seconds_each
from asr_prune.hmm.align import Search, best_path
from asr_prune.hmm.gmm import Floats, Ints
from asr_prune.hmm.graphs import graph_compiler
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.labels import write_labels
from asr_prune.hmm.mono import flat_start
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.fst import Fst
from asr_prune.lang.lang import Lang

#: transcripts that are aligned
_TRANSCRIPTS = 10
#: beams and scales of a pass
_SEARCH = Search(10.0, 40.0, 0.1, 1.0, 0.1)


@dataclass(frozen=True)
class AligningSpeed:
    """Seconds of processor time. load: of the lexicon; compile: of the graph of an utterance;
    search: of the best path, a frame; write: of labels, a frame.
    """

    load: float
    compile: float
    search: float
    write: float

    def besides(self, utterances: int, frames: int, processes: int = 1) -> float:
        """Seconds of a pass for its lexicon, graphs and labels; one process writes."""
        return self.load + self.compile * utterances / processes + self.write * frames


def aligning_speed(lang: Path, text: Mapping[str, Sequence[str]], frames: int) -> AligningSpeed | None:
    """Of monophones over some of the transcripts, under scores as far apart as speech makes them.

    lang: folder of L.fst; text: words by utterance; frames: of a usual utterance. None if the
    lexicon has none of the words.
    """
    start, noise = (
        time.process_time(),
        np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32),
    )
    tables = Lang.read(lang)
    model = flat_start(tables, JoinedUtterances(["noise"], noise, np.array([0, len(noise)])))
    compiler, load = graph_compiler(tables, model), time.process_time() - start
    chosen = list(text.values())[:: max(1, len(text) // _TRANSCRIPTS)][:_TRANSCRIPTS]
    words = [ids for ids in (tables.word_ids(list(own)) for own in chosen) if ids]
    graphs = [compiler.compile_graph_from_text(ids) for ids in words]
    pdfs = id_to_pdf(model.transitions)
    scored = [(graph, _scores(path, pdfs)) for graph in graphs if len(path := _path(graph, frames))]
    if not scored:
        return None
    count = sum(len(scores) for _, scores in scored)
    compiling = seconds_each(lambda: [compiler.compile_graph_from_text(ids) for ids in words])
    searching = seconds_each(lambda: [best_path(model, *own, _SEARCH, "") for own in scored])
    return AligningSpeed(load, compiling / len(words), searching / count, _writing(frames))


def _path(graph: Fst, frames: int) -> Ints:
    """The transition-ids of equally long states."""
    found, path = kaldifst.equal_align(graph, frames, 0, num_retries=10)
    return np.array(kaldifst.get_linear_symbol_sequence(path)[1] if found else [], np.int32)


def _scores(path: Ints, pdfs: Ints) -> Floats:
    """Scaled log-likelihoods of transition-ids, float32 [frames, ids], the highest on the path."""
    shape = len(path), int(pdfs.max()) + 1
    scores = np.random.default_rng(0).normal(-5, 1, shape).astype(np.float32)
    scores[np.arange(len(path)), pdfs[path]] += 3
    return scores[:, pdfs[1:]]


def _writing(frames: int) -> float:
    """Seconds that a frame's two labels take."""
    labels = np.ones(frames, np.int32)
    with TemporaryDirectory() as folder:
        rows = [(f"utt{i}", labels) for i in range(_TRANSCRIPTS)]
        stem = Path(folder) / "ali"
        return 2 * seconds_each(lambda: write_labels(stem, rows)) / (frames * len(rows))
