"""Every error in its sentence, and which words are taken for which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from asr_prune.score.align import Pair
from asr_prune.score.wer import Score, Utterance

Confusions = list[tuple[str, str, int]]
GAP = "*"


def confusions(utterances: Sequence[Utterance]) -> Confusions:
    """(word said, word heard, times) of all substitutions, the most frequent first, then by the alphabet."""
    return [(ref, hyp, times) for (ref, hyp), times in _ranked(utterances, "S")]


def _ranked(utterances: Sequence[Utterance], op: str) -> list[tuple[tuple[str, str], int]]:
    found = Counter((p.ref or GAP, p.hyp or GAP) for u in utterances for p in u.pairs if p.op == op)
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def marked(pairs: Sequence[Pair]) -> str:
    """The sentence with its errors as (said->heard), neighbouring ones as one; * stands for nothing."""
    parts = []
    for wrong, group in groupby(pairs, lambda pair: pair.op != "C"):
        columns = list(group)
        ref, hyp = ([word for word in side if word] for side in zip(*((p.ref, p.hyp) for p in columns), strict=True))
        said, heard = " ".join(ref) or GAP, " ".join(hyp) or GAP
        parts.append(f"({said}->{heard})" if wrong else said)
    return " ".join(parts)


def _words(utterances: Sequence[Utterance]) -> list[str]:
    """`word correct errors said heard` of every word, those with the most errors first."""
    tally: dict[str, Counter[str]] = {}
    for pair in (pair for utterance in utterances for pair in utterance.pairs):
        for word, side in ((pair.ref, "said"), (pair.hyp, "heard")):
            if word is not None:
                wrong = {"wrong": int(pair.op != "C"), "right": int(pair.op == "C" and side == "said")}
                tally.setdefault(word, Counter()).update({side: 1, **wrong})
    ranked = sorted(tally.items(), key=lambda item: (-item[1]["wrong"], item[0]))
    return [f"{word}   {n['right']} {n['wrong']} {n['said']} {n['heard']}" for word, n in ranked]


def error_listing(made: Score) -> str:
    """Sentences, substitutions, deletions, insertions and words of a score, laid out as icefall's errs files are.

    Sentences without an error are left out.
    """
    wrong = [f"{u.name}:\t{marked(u.pairs)}" for u in made.utterances if u.counts.errors]
    kinds = [("SUBSTITUTIONS: count ref -> hyp", "S"), ("DELETIONS: count ref", "D"), ("INSERTIONS: count hyp", "I")]
    lines = [made.kaldi_line, "", "PER-UTTERANCE DETAILS: corr or (ref->hyp)", *wrong]
    for title, op in kinds:
        shown = {"S": "{0} -> {1}", "D": "{0}", "I": "{1}"}[op]
        lines += ["", title, *(f"{n}   {shown.format(*pair)}" for pair, n in _ranked(made.utterances, op))]
    lines += ["", "PER-WORD STATS: word  corr tot_errs count_in_ref count_in_hyp", *_words(made.utterances)]
    return "\n".join(lines) + "\n"
