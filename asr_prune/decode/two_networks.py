"""The words of a set under two networks; where both score it alike, it is searched once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr_prune.acoustic.checkpoint import Model
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.greedy import greedy_words
from asr_prune.decode.kept import Coder, KeptSearch
from asr_prune.decode.network_scores import NetworkScores
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.pace import SetSearch
from asr_prune.decode.unfinished import warn_unfinished
from asr_prune.hmm.gmm import Floats
from asr_prune.hmm.network_features import Feats, NetworkFeatures

#: the search by which networks are compared
NARROW = DecodeOptions(beam=11.0, max_active=1500)


@dataclass(frozen=True)
class WordPair:
    """The words of an utterance under two networks.

    alike: whether both gave the same log-likelihoods, bit by bit, and so the same words.
    """

    one: list[str]
    other: list[str]
    alike: bool


@dataclass(frozen=True)
class _Scores:
    """Log-likelihoods of an utterance, float32 [frames, classes]: of both networks, or those that
    both gave.
    """

    matrices: list[Floats]

    def __len__(self) -> int:
        return len(self.matrices[0])


@dataclass(frozen=True)
class _Found:
    """words: under both networks, or those that both gave; finished: whether a final state was
    reached.
    """

    words: list[list[str]]
    finished: bool


_FOUND = Coder[_Found](lambda found: [found.words, found.finished], lambda content: _Found(*content))


def words_of_two(
    one: Model,
    other: Model,
    feats: Feats,
    graph: Path | None,
    nj: int,
    label: str,
    folder: Path,
    unlike: bool = False,
) -> dict[str, WordPair]:
    """WordPair of every utterance under two networks, at a usual LM weight and a narrow beam.

    graph: its folder; without one networks trained with CTC are decoded greedily; label: for the
    progress; folder: for what is found, with which an interrupted comparison of the same goes on;
    unlike: leave out utterances that are alike. Raises UserError for empty or invalid
    log-likelihoods, with the utterance.
    """
    work = _Both(Decoder(graph, NARROW), 1 / comparison_weight(bool(one.tokens))) if graph else _Greedy(one.tokens)
    shift = NetworkFeatures.from_plain(one.features).frame_shift
    kept = KeptSearch.of(folder, _FOUND, feats, shift, one.network.stride)
    found = kept.each(
        work,
        lambda names: _scores_of_two(one, other, {name: feats[name] for name in names}, unlike),
        nj if graph else 1,
        SetSearch(label, NARROW, settings=None),
    )
    words = dict(found)
    warn_unfinished([utt for utt, own in words.items() if not own.finished], setting="")
    return {utt: WordPair(own.words[0], own.words[-1], len(own.words) == 1) for utt, own in words.items()}


def comparison_weight(ctc: bool) -> int:
    """The LM weight at which networks are compared."""
    return 2 if ctc else 12


def _scores_of_two(one: Model, other: Model, feats: Feats, unlike: bool) -> Iterator[tuple[str, _Scores]]:
    both = zip(NetworkScores(one, feats), NetworkScores(other, feats), strict=True)
    for (utt, first), (_, second) in both:
        alike = np.array_equal(first, second)
        if not (alike and unlike):
            yield utt, _Scores([first] if alike else [first, second])


@dataclass(frozen=True)
class _Both:
    """scale: acoustic scale."""

    decoder: Decoder
    scale: float

    def __call__(self, utt: str, scores: _Scores) -> _Found:
        for matrix in scores.matrices:
            self.decoder.check(utt, matrix)
        paths = [self.decoder.best(matrix, self.scale) for matrix in scores.matrices]
        return _Found([path.words for path in paths], all(path.reached_final for path in paths))


@dataclass(frozen=True)
class _Greedy:
    """tokens: text of each."""

    tokens: Sequence[str]

    def __call__(self, utt: str, scores: _Scores) -> _Found:
        return _Found([greedy_words(matrix, self.tokens) for matrix in scores.matrices], True)
