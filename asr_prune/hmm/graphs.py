"""Training graphs: all state sequences of a transcript (Kaldi: compile-train-graphs)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import kaldi_hmm_gmm as khg
import kaldifst

from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.fst import Fst, read_fst
from asr_prune.lang.lang import Lang
from asr_prune.progress import track
from asr_prune.scratch import scratch_file
from asr_prune.spread.pieces import result_of

_LABEL = "training graphs"


def graph_compiler(lang: Lang, model: HmmModel) -> khg.TrainingGraphCompiler:
    """Compiler of graphs from word ids, without transition probabilities."""
    scales = {"transition_scale": 0.0, "self_loop_scale": 0.0}
    options = khg.TrainingGraphCompilerOptions(**scales, reorder=True)
    lexicon = read_fst(lang.path / "L.fst", "lang", (lang.phones, lang.words))
    model_parts = model.transitions, model.tree
    return khg.TrainingGraphCompiler(*model_parts, lexicon, lang.disambig, options)


@dataclass(frozen=True)
class Compiling:
    """Compiles graphs of one model; a process loads the lexicon once."""

    lang: Lang
    model: HmmModel

    @cached_property
    def _compiler(self) -> khg.TrainingGraphCompiler:
        return graph_compiler(self.lang, self.model)

    def graphs(self, text: Mapping[str, list[str]], utts: Iterable[str]) -> dict[str, Fst]:
        """As `compile_graphs`."""
        words = ((utt, self.lang.word_ids(text[utt])) for utt in utts)
        return {utt: self._compiler.compile_graph_from_text(ids) for utt, ids in words if ids}


def compile_graphs(
    lang: Lang,
    model: HmmModel,
    text: Mapping[str, list[str]],
    utts: list[str],
) -> dict[str, Fst]:
    """A graph from transition-ids to words for each of `utts`, without transition probabilities.

    Utterances with an unknown word have no graph if the lexicon has no word for unknown words.
    """
    return Compiling(lang, model).graphs(text, track(utts, len(utts), _LABEL))


class StoredGraphs(Mapping[str, Fst]):
    """Graphs of the utterances of a set, in the files of workers.

    stretches: of the set, each with the file of its graphs. Utterances are best read in order.
    """

    def __init__(self, data: JoinedUtterances, stretches: list[tuple[range, Path]]) -> None:
        self.stretches = stretches
        ids = [(data.ids[own.start : own.stop], path) for own, path in stretches]
        self._files = {utt: path for utts, path in ids for utt in utts}
        self._last: tuple[Path | None, dict[str, Fst]] = None, {}

    def __getitem__(self, utterance: str) -> Fst:
        path = self._files[utterance]
        if path != self._last[0]:
            self._last = path, read_graphs(path)
        return self._last[1][utterance]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def training_graphs(
    lang: Lang, model: HmmModel, text: Mapping[str, list[str]], data: JoinedUtterances
) -> Mapping[str, Fst]:
    """`compile_graphs` of all utterances of `data`, by its workers if it has any."""
    if data.workers is None:
        return compile_graphs(lang, model, text, data.ids)
    stretches = data.stretches()
    ids = [data.ids[own.start : own.stop] for own in stretches]
    pieces = [{"text": {utt: text[utt] for utt in utts}} for utts in ids]
    given = {"compiling": Compiling(lang, model)}
    job, told = "asr_prune.hmm.graphs:compile_stretch", f"{_LABEL}, in parts"
    files = data.workers.files(job, pieces, given, {}, told)
    return StoredGraphs(data, list(zip(stretches, files, strict=True)))


def compile_stretch(compiling: Compiling, text: Mapping[str, list[str]]) -> bytes:
    """A piece: the graphs of a stretch of utterances as an archive of Kaldi."""
    with scratch_file() as path:
        writer = kaldifst.VectorFstWriter(f"ark:{path}")
        for utterance, graph in compiling.graphs(text, text).items():
            writer.write(utterance, graph)
        writer.close()
        return path.read_bytes()


def read_graphs(path: Path) -> dict[str, Fst]:
    """Those that `compile_stretch` has given."""
    graphs = {}
    with scratch_file() as copy:
        copy.write_bytes(result_of(path))
        reader = kaldifst.SequentialVectorFstReader(f"ark:{copy}")
        while not reader.done:
            graphs[reader.key] = reader.value.copy()
            reader.next()
    return graphs
