"""Alignments as phones and as words with their frames (Kaldi: SplitToPhones, lattice-align-words-lexicon)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import kaldi_hmm_gmm as khg
import kaldifst

from asr_prune.lang.fst import Fst
from asr_prune.lang.native import silenced

Span = tuple[int, int]  # first frame, and the one behind the last


def phone_spans(transitions: khg.TransitionModel, ids: Sequence[int]) -> list[tuple[int, Span]]:
    """The phones of an alignment with their frames; ids: the transition-id of each frame, self-loops after the
    transition that leaves their state, as Kaldi reorders them.
    """
    ends, leaving = [0], False
    for frame, own in enumerate(ids):
        leaving = bool(transitions.is_final(own)) if not transitions.is_self_loop(own) else leaving
        followed = frame + 1 < len(ids) and transitions.is_self_loop(ids[frame + 1])
        if leaving and not followed:
            ends.append(frame + 1)
    return [(transitions.transition_id_to_phone(ids[begin]), (begin, end)) for begin, end in pairwise(ends)]


def word_spans(lexicon: Fst, words: Sequence[int], phones: Sequence[tuple[int, Span]], silence: int) -> list[Span]:
    """The frames of each word of `words` (ids) that `phones` spell; lexicon: L.fst sorted by input label, which has a
    word on its first phone. Optional silence, the phone `silence`, behind a word is not of it.

    Returns [] where the lexicon does not spell these words so.
    """
    with silenced():
        heard = kaldifst.compose(kaldifst.make_linear_acceptor([phone for phone, _ in phones]), lexicon)
        kaldifst.arcsort(heard, "olabel")
        path = kaldifst.shortest_path(kaldifst.compose(heard, kaldifst.make_linear_acceptor(list(words))))
    begins = _begins(path)
    return [_span(phones[begin:end], silence) for begin, end in pairwise([*begins, len(phones)])]


def _begins(path: Fst) -> list[int]:
    """The number of the phone with which each word of a linear FST begins."""
    begins, phone, state = list[int](), 0, path.start
    while state >= 0 and path.num_arcs(state):
        (arc,) = kaldifst.ArcIterator(path, state)
        if arc.olabel:
            begins.append(phone)
        phone += arc.ilabel > 0
        state = arc.nextstate
    return begins


def _span(phones: Sequence[tuple[int, Span]], silence: int) -> Span:
    """From the first phone of a word to its last, the pause behind it left out."""
    own = phones[:-1] if len(phones) > 1 and phones[-1][0] == silence else phones
    return own[0][1][0], own[-1][1][1]
