"""The words of a set under two networks; where both score it alike, it is searched once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr_prune.acoustic.checkpoint import Model
from asr_prune.decode.decode_set import warn_unfinished
from asr_prune.decode.decoder import BestPath, Decoder
from asr_prune.decode.greedy import greedy_words
from asr_prune.decode.network_scores import NetworkScores
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.pace import SetSearch, audio_of, each_paced
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


def words_of_two(
    one: Model,
    other: Model,
    feats: Feats,
    graph: Path | None,
    nj: int,
    label: str,
    unlike: bool = False,
) -> dict[str, WordPair]:
    """WordPair of every utterance under two networks, at a usual LM weight and a narrow beam.

    graph: its folder; without one networks trained with CTC are decoded greedily; label: for the
    progress; unlike: leave out utterances that are alike. Raises UserError as `decode_set`.
    """
    scores = _scores_of_two(one, other, feats, unlike)
    if graph is None:
        greedy = ((utt, [greedy_words(each, one.tokens) for each in pair.matrices]) for utt, pair in scores)
        return {utt: WordPair(words[0], words[-1], len(words) == 1) for utt, words in greedy}
    work = _Both(Decoder(graph, NARROW), 1 / comparison_weight(bool(one.tokens)))
    shift = NetworkFeatures.from_plain(one.features).frame_shift
    audio = audio_of(feats, shift, one.network.stride)
    search = SetSearch(label, NARROW, settings=None)
    paths = dict(each_paced(work, scores, nj, search, audio))
    unfinished = [utt for utt, found in paths.items() if not all(path.reached_final for path in found)]
    warn_unfinished(unfinished, setting="")
    return {utt: WordPair(found[0].words, found[-1].words, len(found) == 1) for utt, found in paths.items()}


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

    def __call__(self, utt: str, scores: _Scores) -> list[BestPath]:
        for matrix in scores.matrices:
            self.decoder.check(utt, matrix)
        return [self.decoder.best(matrix, self.scale) for matrix in scores.matrices]
