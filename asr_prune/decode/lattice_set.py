"""A set decoded to lattices once, and its words at each LM weight and word insertion penalty."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.determinise import determinise_lattice
from asr_prune.decode.kept import Coder, KeptSearch
from asr_prune.decode.lattice import Lattice
from asr_prune.decode.lattice_archive import writing_lattices
from asr_prune.decode.options import DecodeOptions, Point, grid
from asr_prune.decode.pace import UNKNOWN, Audio, SetSearch, each_paced
from asr_prune.decode.unfinished import warn_unfinished
from asr_prune.decode.words_files import Words
from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Floats


@dataclass(frozen=True)
class Searched:
    """What the search finds in one utterance.

    words: ids, for each point; score: log-likelihood of the best path, scaled as in the search,
    -infinity without a path; seconds: CPU time of search and sweep; lattice: None unless kept.
    """

    frames: int
    words: list[list[int]]
    score: float
    reached_final: bool
    seconds: tuple[float, float]
    lattice: Lattice | None = None

    @property
    def failed(self) -> bool:
        """Whether there is no path."""
        return self.score == float("-inf")


@dataclass
class Decoded:
    """The words of a set and figures of its decoding.

    words: by point, then utterance; search_seconds, sweep_seconds: CPU time of making lattices and
    of rescoring them; score: log-likelihood of all best paths, scaled as in the search; partial:
    utterances that reached no final state; failed: those of them without any path.
    """

    words: Words
    utterances: int = 0
    frames: int = 0
    search_seconds: float = 0.0
    sweep_seconds: float = 0.0
    score: float = 0.0
    partial: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def rtf(self, frame_shift: float = 0.01) -> float:
        """Real-time factor of the search; frame_shift: seconds."""
        return self.search_seconds / max(self.frames * frame_shift, 1e-9)

    def summary(self, frame_shift: float = 0.01) -> str:
        """Real-time factor and mean log-likelihood per frame, as Kaldi's decoders log them."""
        done = f"{self.utterances - len(self.failed)} utterances done, {len(self.failed)} failed"
        mean = self.score / max(self.frames, 1)
        return (
            f"{done}, real-time factor {self.rtf(frame_shift):.5f},"
            f" log-likelihood per frame {mean:.3f} over {self.frames} frames"
        )

    def count(self, utt: str, found: Searched) -> None:
        """Adds the figures of an utterance."""
        self.utterances += 1
        self.frames += found.frames
        self.search_seconds += found.seconds[0]
        self.sweep_seconds += found.seconds[1]
        if found.failed:
            self.failed.append(utt)
        else:
            self.score += found.score
        if not found.reached_final:
            self.partial.append(utt)


def lattice_set(
    graph: Path,
    loglikes: Iterable[tuple[str, Floats]],
    options: DecodeOptions,
    points: Sequence[Point],
    nj: int = 1,
    keep: Path | None = None,
    audio: Audio = UNKNOWN,
) -> Decoded:
    """Decodes (utterance, log-likelihoods float32 [frames, pdfs]) with `nj` processes.

    points: where words are taken from the lattices; keep: file for the lattices, as Kaldi's
    lat.1.gz; audio: of audio, for the progress. `loglikes` is read as it is decoded. Warns of
    utterances that reach no final state. Raises UserError for empty or invalid log-likelihoods,
    with the utterance, and as `Decoder`.
    """
    decoder = Decoder(graph, options)
    decoded, ids = Decoded({point: {} for point in points}), decoder.words
    with writing_lattices(keep) if keep else nullcontext() as write:
        for utt, found in found_each(decoder, loglikes, points, nj, keep is not None, audio):
            decoded.count(utt, found)
            for point, words in zip(points, found.words, strict=True):
                decoded.words[point][utt] = [ids[i] for i in words]
            if write and found.lattice:
                write(utt, found.lattice)
    if not decoded.utterances:
        raise UserError("there is no utterance to decode; check the features of this set.")
    warn_unfinished(decoded.partial)
    return decoded


def kept_words(
    graph: Path,
    pairs: Callable[[Sequence[str]], Iterable[tuple[str, Floats]]],
    search: SetSearch,
    nj: int,
    kept: KeptSearch[Searched],
) -> Words:
    """The words at each point of `search.options`; an interrupted search of the same goes on.

    pairs: yields (utterance, log-likelihoods float32 [frames, pdfs]) of some utterances; kept: of
    `kept_searched`. Raises UserError as `lattice_set`.
    """
    decoder, points = Decoder(graph, search.options), grid(search.options)
    decoded = Decoded({point: {} for point in points})
    for utt, found in kept.each(_Work(decoder, points, keep=False), pairs, nj, search):
        decoded.count(utt, found)
        for point, words in zip(points, found.words, strict=True):
            decoded.words[point][utt] = [decoder.words[i] for i in words]
    warn_unfinished(decoded.partial)
    return decoded.words


def kept_searched(folder: Path, feats: Mapping[str, Floats], shift: float) -> KeptSearch[Searched]:
    """What is found in `feats`, kept in `folder`; shift: of frames, seconds."""
    coder = Coder[Searched](asdict, lambda content: Searched(**content))
    return KeptSearch.of(folder, coder, feats, shift)


def found_each(
    decoder: Decoder,
    loglikes: Iterable[tuple[str, Floats]],
    points: Sequence[Point],
    nj: int,
    keep: bool,
    audio: Audio,
) -> Generator[tuple[str, Searched]]:
    """Yields (utterance, what the search finds) in the order of `loglikes`, reporting the pace.

    keep: whether with lattices, where there is a path. Raises UserError as `lattice_set`.
    """
    work, search = _Work(decoder, points, keep), SetSearch("decoding", decoder.options)
    return each_paced(work, loglikes, nj, search, audio)


def searched_each(
    decoder: Decoder, loglikes: Iterable[tuple[str, Floats]], points: Sequence[Point], keep: bool
) -> Iterator[tuple[str, Searched]]:
    """As `found_each`, in this process, without a report."""
    work = _Work(decoder, points, keep)
    return ((utt, work(utt, own)) for utt, own in loglikes)


@dataclass(frozen=True)
class _Work:
    """keep: whether lattices are returned."""

    decoder: Decoder
    points: Sequence[Point]
    keep: bool

    def __call__(self, utt: str, loglikes: Floats) -> Searched:
        decoder = self.decoder
        decoder.check(utt, loglikes)
        start = time.process_time()
        lattice = decoder.lattice(loglikes)
        searched = time.process_time()
        searched_at = (1 / decoder.options.acoustic_scale, 0.0)
        (_, cost), *swept = lattice.sweep([searched_at, *self.points])
        seconds = searched - start, time.process_time() - searched
        words = [ids for ids, _ in swept]
        kept = Lattice(self._written(lattice)) if self.keep and cost < float("inf") else None
        return Searched(len(loglikes), words, -cost, lattice.reached_final, seconds, kept)

    def _written(self, lattice: Lattice) -> FstArrays:
        options = self.decoder.options
        if not options.determinize_lattice:
            return lattice.arrays
        return determinise_lattice(lattice.arrays, options.acoustic_scale, options.lattice_beam)
