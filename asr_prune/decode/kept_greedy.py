"""A set decoded greedily under a network trained with CTC."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr_prune.acoustic.checkpoint import Model
from asr_prune.decode.greedy import greedy_words
from asr_prune.decode.kept import Coder, KeptSearch
from asr_prune.decode.network_scores import NetworkScores
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.pace import SetSearch
from asr_prune.features.stored import Stored
from asr_prune.hmm.gmm import Floats


@dataclass(frozen=True)
class GreedyWords:
    """The words of an utterance; seconds: in the network, of all utterances since the last."""

    words: list[str]
    seconds: float


@dataclass(frozen=True)
class _Posteriors:
    """Log posteriors of tokens, float32 [frames, tokens], and how long the network took."""

    matrix: Floats
    seconds: float

    def __len__(self) -> int:
        return len(self.matrix)


_WORDS = Coder[GreedyWords](lambda found: [found.words, found.seconds], lambda content: GreedyWords(*content))


def kept_greedy_words(model: Model, feats: Stored, shift: float, folder: Path) -> dict[str, GreedyWords]:
    """The words of every utterance. shift: of frames, seconds; folder: for what is found, with
    which an interrupted decoding of the same goes on.
    """
    kept = KeptSearch.of(folder, _WORDS, feats, shift, model.network.stride)
    search = SetSearch("decoding greedily", DecodeOptions(), settings=None)

    def scores(names: Sequence[str]) -> Iterator[tuple[str, _Posteriors]]:
        network, before = NetworkScores(model, feats.only(names)), 0.0
        for utt, matrix in network:
            yield utt, _Posteriors(matrix, network.seconds - before)
            before = network.seconds

    return dict(kept.each(_Greedily(model.tokens), scores, 1, search))


@dataclass(frozen=True)
class _Greedily:
    tokens: Sequence[str]

    def __call__(self, utt: str, posteriors: _Posteriors) -> GreedyWords:
        return GreedyWords(greedy_words(posteriors.matrix, self.tokens), posteriors.seconds)
