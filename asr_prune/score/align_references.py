"""Alignment of references, which may have alternatives and optional words, with hypotheses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asr_prune.score.align import ErrorCounts, Pair, align_words, count_characters
from asr_prune.score.alternatives import Reference
from asr_prune.score.choose import Chosen, choose
from asr_prune.score.text import merge


def align_references(
    parts: Sequence[Reference], hyps: Sequence[Sequence[str]], same: Mapping[str, str]
) -> tuple[list[list[Pair]], ErrorCounts]:
    """Alignments of references with hypotheses, and the character errors.

    Words are compared after `same` (`representatives`), and stand unmerged in the alignments. As
    `align_words` and `count_characters`, on the alternatives of `choose`.
    """
    chosen = [choose(*both, same) for both in zip(parts, hyps, strict=True)]
    merged = [merge(one.spoken, same) for one in chosen], [merge(words, same) for words in hyps]
    triples = zip(align_words(*merged), chosen, hyps, strict=True)
    return [_unmerged(*triple) for triple in triples], count_characters(*merged)


def _unmerged(pairs: Sequence[Pair], ref: Chosen, hyp: Sequence[str]) -> list[Pair]:
    """`pairs` of merged words with the unmerged words, and optional words left out, put back."""
    refs, hyps, done = iter(zip(*ref, strict=True)), iter(hyp), list[Pair]()
    for pair in pairs:
        word = None
        while pair.ref is not None and word is None:
            word = _next_spoken(next(refs), done)
        done.append(Pair(pair.op, word, None if pair.hyp is None else next(hyps)))
    for left in refs:
        _next_spoken(left, done)
    return done


def _next_spoken(ref: tuple[str, bool], done: list[Pair]) -> str | None:
    """The word, or None if it is optional and left out, which `done` then records."""
    word, left_out = ref
    if left_out:
        done.append(Pair("O", f"({word})", None))
    return None if left_out else word
