"""Phones and words of an alignment with their frames.

Kaldi: SplitToPhones in hmm-utils.cc, lattice-align-words-lexicon.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import kaldi_hmm_gmm as khg
import kaldifst

from asr_prune.lang.fst import Fst
from asr_prune.lang.native import silenced

#: first frame, and one past the last
Span = tuple[int, int]


def phone_spans(transitions: khg.TransitionModel, ids: Sequence[int]) -> list[tuple[int, Span]]:
    """The phones of an alignment with their frames.

    ids: transition-id of each frame, with self-loops after the transition that leaves their state
    (Kaldi's reorder option).
    """
    ends, leaving = [0], False
    for frame, number in enumerate(ids):
        if not transitions.is_self_loop(number):
            leaving = bool(transitions.is_final(number))
        followed = frame + 1 < len(ids) and transitions.is_self_loop(ids[frame + 1])
        if leaving and not followed:
            ends.append(frame + 1)
    phone_of = transitions.transition_id_to_phone
    return [(phone_of(ids[begin]), (begin, end)) for begin, end in pairwise(ends)]


def word_spans(
    lexicon: Fst,
    words: Sequence[int],
    phones: Sequence[tuple[int, Span]],
    silence: int,
) -> list[Span]:
    """The frames of each of `words` (ids), which `phones` spell.

    lexicon: L.fst sorted by input label, with each word on its first phone. A word does not include
    the optional silence (phone `silence`) after it. Returns [] if the lexicon does not spell these
    words with these phones.
    """
    with silenced():
        acceptor = kaldifst.make_linear_acceptor([phone for phone, _ in phones])
        spelled = kaldifst.compose(acceptor, lexicon)
        kaldifst.arcsort(spelled, "olabel")
        target = kaldifst.make_linear_acceptor(list(words))
        path = kaldifst.shortest_path(kaldifst.compose(spelled, target))
    begins = _begins(path)
    return [_span(phones[begin:end], silence) for begin, end in pairwise([*begins, len(phones)])]


def _begins(path: Fst) -> list[int]:
    """Index of the first phone of each word of a linear FST."""
    begins, phone, state = list[int](), 0, path.start
    while state >= 0 and path.num_arcs(state):
        (arc,) = kaldifst.ArcIterator(path, state)
        if arc.olabel:
            begins.append(phone)
        phone += arc.ilabel > 0
        state = arc.nextstate
    return begins


def _span(phones: Sequence[tuple[int, Span]], silence: int) -> Span:
    """From the first to the last phone of a word, without the silence after it."""
    spoken = phones[:-1] if len(phones) > 1 and phones[-1][0] == silence else phones
    return spoken[0][1][0], spoken[-1][1][1]
