"""The error listing: every error in its sentence, and the most frequent confusions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from asr_prune.score.align import CORRECT, Pair
from asr_prune.score.wer import Score, Utterance

Confusions = list[tuple[str, str, int]]
_GAP = "*"
#: heading, op and layout of a pair (reference, hypothesis) for each kind of error
_KINDS = (
    ("SUBSTITUTIONS: count ref -> hyp", "S", "{0} -> {1}"),
    ("DELETIONS: count ref", "D", "{0}"),
    ("INSERTIONS: count hyp", "I", "{1}"),
)


def confusions(utterances: Sequence[Utterance]) -> Confusions:
    """(reference word, hypothesis word, count) of all substitutions, most frequent first."""
    return [(ref, hyp, count) for (ref, hyp), count in _ranked(utterances, "S")]


def _ranked(utterances: Sequence[Utterance], op: str) -> list[tuple[tuple[str, str], int]]:
    pairs = (pair for utterance in utterances for pair in utterance.pairs if pair.op == op)
    counts = Counter((pair.ref or _GAP, pair.hyp or _GAP) for pair in pairs)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def marked(pairs: Sequence[Pair]) -> str:
    """The sentence with its errors as (ref->hyp), adjacent ones joined; * marks an empty side."""
    parts = []
    for wrong, group in groupby(pairs, lambda pair: pair.op not in CORRECT):
        columns = list(group)
        ref = " ".join(pair.ref for pair in columns if pair.ref) or _GAP
        hyp = " ".join(pair.hyp for pair in columns if pair.hyp) or _GAP
        parts.append(f"({ref}->{hyp})" if wrong else ref)
    return " ".join(parts)


def _word_lines(utterances: Sequence[Utterance]) -> list[str]:
    """`word correct errors in_ref in_hyp` for every word, those with the most errors first."""
    tally: dict[str, Counter[str]] = {}
    for pair in (pair for utterance in utterances for pair in utterance.pairs):
        for word, side in ((pair.ref, "ref"), (pair.hyp, "hyp")):
            if word is not None:
                correct = pair.op in CORRECT
                counts = {"wrong": int(not correct), "right": int(correct and side == "ref")}
                tally.setdefault(word, Counter()).update({side: 1, **counts})
    ranked = sorted(tally.items(), key=lambda item: (-item[1]["wrong"], item[0]))
    return [f"{word}   {n['right']} {n['wrong']} {n['ref']} {n['hyp']}" for word, n in ranked]


def error_listing(score: Score) -> str:
    """Sentences with errors, then substitutions, deletions, insertions and counts per word.

    The layout of icefall's errs files.
    """
    wrong = [f"{u.name}:\t{marked(u.pairs)}" for u in score.utterances if u.counts.errors]
    lines = [score.kaldi_line, "", "PER-UTTERANCE DETAILS: corr or (ref->hyp)", *wrong]
    for title, op, layout in _KINDS:
        ranked = _ranked(score.utterances, op)
        lines += ["", title, *(f"{count}   {layout.format(*pair)}" for pair, count in ranked)]
    lines += ["", "PER-WORD STATS: word  corr tot_errs count_in_ref count_in_hyp"]
    return "\n".join([*lines, *_word_lines(score.utterances)]) + "\n"
