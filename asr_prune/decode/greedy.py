"""Greedy CTC decoding: the most likely token of each frame, without lexicon or language model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asr_prune.acoustic.utterances import collapsed
from asr_prune.lang.tokens import spelled


def greedy_words(posteriors: np.ndarray, symbols: Sequence[str]) -> list[str]:
    """The words of an utterance.

    posteriors: of tokens, or their logs, [frames, tokens]; symbols: text of each token.
    """
    return spelled(symbols[i] for i in collapsed(posteriors.argmax(-1)))
