"""A set decoded portion by portion under a network, into the files of its folder."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby
from pathlib import Path

from asr_prune.acoustic.checkpoint import Model
from asr_prune.decode.ahead import ahead
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.lattice_set import Decoded, found_each, searched_each
from asr_prune.decode.network_scores import NetworkScores
from asr_prune.decode.options import DecodeOptions, Point
from asr_prune.decode.pace import audio_of
from asr_prune.decode.portion_files import portions
from asr_prune.decode.portion_tasks import do_portions
from asr_prune.decode.portions import PortionStore
from asr_prune.decode.unfinished import warn_unfinished
from asr_prune.errors import UserError
from asr_prune.features.stored import Stored
from asr_prune.files import atomic
from asr_prune.hmm.gmm import Floats
from asr_prune.lang.symbols import read_symbols
from asr_prune.run_dir import lattices_file, words_file
from asr_prune.spread.executor import elsewhere

log = logging.getLogger(__name__)

#: utterances for each process of the search whose scores wait for it
_AHEAD = 16


@dataclass(frozen=True)
class PortionedSet:
    """A set to decode with a graph folder.

    points: where words are taken, unless lattices are kept; frame_shift: of `feats`, in seconds;
    folder: for the portions that are done.
    """

    graph: Path
    model: Model
    feats: Stored
    options: DecodeOptions
    points: Sequence[Point]
    frame_shift: float
    folder: Path

    def store(self) -> PortionStore:
        """Its portions. Raises UserError if there is no utterance."""
        if not self.feats:
            raise UserError("there is no utterance to decode; check the features of this set.")
        names = portions(self.feats.frames, self.frame_shift)
        return PortionStore(self.folder, names, self.options.lattice)

    def decode(self, nj: int) -> PortionStore:
        """Decodes the portions that are missing, with `nj` processes, if the command has not chosen
        other machines. Returns all.

        Raises UserError as `lattice_set`.
        """
        store = self.store()
        if missing := store.missing():
            self._decode(store, missing, nj)
        return store

    def _decode(self, store: PortionStore, missing: Sequence[int], nj: int) -> None:
        rest = self.feats.only(chain.from_iterable(store.names[number] for number in missing))
        if kept := len(self.feats) - len(rest):
            log.info("  %d of %d utterances are decoded already; going on", kept, len(self.feats))
        if workers := elsewhere():
            do_portions(_Portion(self, store), store, missing, "decoding", workers)
            return
        of = {utt: number for number in missing for utt in store.names[number]}
        scores = {i: NetworkScores(self.model, self.feats.only(store.names[i])) for i in missing}
        audio = audio_of(rest, self.frame_shift, self.model.network.stride)
        decoder, keep = Decoder(self.graph, self.options), self.options.lattice
        pairs: Iterable[tuple[str, Floats]] = chain.from_iterable(scores.values())
        if self.options.device != "cpu":
            pairs = ahead(pairs, _AHEAD * nj)
        results = found_each(decoder, pairs, self.points, nj, keep, audio)
        with closing(results):
            for number, part in groupby(results, lambda result: of[result[0]]):
                store.write(number, part, scores[number])

    def join(self, store: PortionStore, out: Path) -> Decoded:
        """Writes the words or lattices of all portions to the folder `out`. Returns the figures."""
        decoded = Decoded({})
        words = {i: word for word, i in read_symbols(self.graph / "words.txt").items()}
        with ExitStack() as stack:
            files = [stack.enter_context(atomic(words_file(out, *point))) for point in self.points]
            for number in range(len(store.names)):
                for utt, found in store.read(number):
                    decoded.count(utt, found)
                    for file, ids in zip(files, found.words, strict=True):
                        file.write(f"{utt} {' '.join(words[i] for i in ids)}\n")
        if self.options.lattice:
            store.copy_lattices(lattices_file(out))
        warn_unfinished(decoded.partial)
        return decoded


@dataclass(frozen=True)
class _Portion:
    """Decodes a portion of `store` in this process."""

    of: PortionedSet
    store: PortionStore

    @cached_property
    def decoder(self) -> Decoder:
        return Decoder(self.of.graph, self.of.options)

    def __call__(self, number: int) -> None:
        scores = NetworkScores(self.of.model, self.of.feats.only(self.store.names[number]))
        found = searched_each(self.decoder, scores, self.of.points, self.of.options.lattice)
        self.store.write(number, found, scores)
