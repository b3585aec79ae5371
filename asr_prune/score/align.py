"""Words, or characters, of two sentences paired at the least number of errors, by jiwer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import jiwer

OPS = {"equal": "C", "substitute": "S", "insert": "I", "delete": "D"}


@dataclass(frozen=True)
class Counts:
    """Words (or characters) of the reference and the three kinds of errors against them."""

    words: int = 0
    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0

    @property
    def errors(self) -> int:
        return self.substitutions + self.insertions + self.deletions

    @property
    def correct(self) -> int:
        return self.words - self.substitutions - self.deletions

    @property
    def wer(self) -> float:
        """Error rate in per cent. Raises ZeroDivisionError where there are no words."""
        return 100.0 * self.errors / self.words

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.words + other.words,
            self.substitutions + other.substitutions,
            self.insertions + other.insertions,
            self.deletions + other.deletions,
        )

    def as_errors(self) -> dict[str, int]:
        """The kinds of errors under the names that results.json uses."""
        return {"sub": self.substitutions, "ins": self.insertions, "del": self.deletions}


@dataclass(frozen=True)
class Pair:
    """One column of an alignment: op is C(orrect), S(ubstituted), I(nserted: no ref) or D(eleted: no hyp)."""

    op: str
    ref: str | None
    hyp: str | None


def _pairs(chunks: Sequence[jiwer.AlignmentChunk], ref: Sequence[str], hyp: Sequence[str]) -> list[Pair]:
    return [
        Pair(OPS[chunk.type], r, h)
        for chunk in chunks
        for r, h in zip_longest(
            ref[chunk.ref_start_idx : chunk.ref_end_idx], hyp[chunk.hyp_start_idx : chunk.hyp_end_idx]
        )
    ]


def _process(refs: Sequence[Sequence[str]], hyps: Sequence[Sequence[str]]) -> jiwer.WordOutput:
    words = jiwer.ReduceToListOfListOfWords()  # splits at the spaces put in here and does nothing else
    return jiwer.process_words([" ".join(ref) for ref in refs], [" ".join(hyp) for hyp in hyps], words, words)


def align(refs: Sequence[Sequence[str]], hyps: Sequence[Sequence[str]]) -> list[list[Pair]]:
    """One alignment per sentence, as many columns as pairs of words.

    Every error costs 1, as in Kaldi's compute-wer. sclite charges a substitution 4 and a gap 3, and where several
    alignments cost the same each program has its own favourite, so the split into kinds may differ between programs,
    and against sclite the total too.
    """
    if not refs:
        return []
    return [_pairs(*triple) for triple in zip(_process(refs, hyps).alignments, refs, hyps, strict=True)]


def count(pairs: Sequence[Pair]) -> Counts:
    """The errors of one alignment by kind."""
    ops = [pair.op for pair in pairs]
    return Counts(len(ops) - ops.count("I"), ops.count("S"), ops.count("I"), ops.count("D"))


def count_characters(refs: Sequence[Sequence[str]], hyps: Sequence[Sequence[str]]) -> Counts:
    """The least errors in the characters of all sentences, the one space between two words counted as a character; as
    jiwer's cer.
    """
    if not refs:
        return Counts()
    letters = jiwer.ReduceToListOfListOfChars()
    said, heard = ([" ".join(words) for words in side] for side in (refs, hyps))
    made = jiwer.process_characters(said, heard, letters, letters)
    of = made.hits + made.substitutions + made.deletions
    return Counts(of, made.substitutions, made.insertions, made.deletions)


def distance(refs: Sequence[Sequence[str]], hyps: Sequence[Sequence[str]]) -> int:
    """The least number of errors, summed over the sentences; faster than aligning."""
    if not refs:
        return 0
    made = _process(refs, hyps)
    return made.substitutions + made.insertions + made.deletions
