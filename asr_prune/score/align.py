"""Minimum-edit-distance alignment of reference and hypothesis words or characters, by jiwer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import jiwer

#: the ops of a `Pair` that are no errors
CORRECT = "CO"
_OPS = {"equal": "C", "substitute": "S", "insert": "I", "delete": "D"}


@dataclass(frozen=True)
class ErrorCounts:
    """Words (or characters) of the reference, and the errors of each kind."""

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
        """Error rate in %. Raises ZeroDivisionError if the reference has no words."""
        return 100.0 * self.errors / self.words

    def __add__(self, other: ErrorCounts) -> ErrorCounts:
        return ErrorCounts(
            self.words + other.words,
            self.substitutions + other.substitutions,
            self.insertions + other.insertions,
            self.deletions + other.deletions,
        )

    def as_errors(self) -> dict[str, int]:
        """The errors by kind under the names of results.json."""
        return {"sub": self.substitutions, "ins": self.insertions, "del": self.deletions}


@dataclass(frozen=True)
class Pair:
    """One column of an alignment.

    op: C(orrect), S(ubstituted), I(nserted, ref is None), D(eleted, hyp is None) or O(ptional and
    left out, hyp is None), which counts as correct.
    """

    op: str
    ref: str | None
    hyp: str | None


def _pairs(
    chunks: Sequence[jiwer.AlignmentChunk],
    ref: Sequence[str],
    hyp: Sequence[str],
) -> list[Pair]:
    return [
        Pair(_OPS[chunk.type], ref_word, hyp_word)
        for chunk in chunks
        for ref_word, hyp_word in zip_longest(
            ref[chunk.ref_start_idx : chunk.ref_end_idx],
            hyp[chunk.hyp_start_idx : chunk.hyp_end_idx],
        )
    ]


def _joined(sentences: Sequence[Sequence[str]]) -> list[str]:
    return [" ".join(words) for words in sentences]


def _process(refs: Sequence[Sequence[str]], hyps: Sequence[Sequence[str]]) -> jiwer.WordOutput:
    split = jiwer.ReduceToListOfListOfWords()  # at the spaces of _joined; changes nothing else
    return jiwer.process_words(_joined(refs), _joined(hyps), split, split)


def align_words(refs: Sequence[Sequence[str]], hyps: Sequence[Sequence[str]]) -> list[list[Pair]]:
    """One alignment per sentence, with minimum edit distance.

    Every error costs 1, as in Kaldi's compute-wer. sclite charges 4 for a substitution and 3 for an
    insertion or deletion, and programs break ties differently. The split into kinds may therefore
    differ between programs, and against sclite the total too.
    """
    if not refs:
        return []
    alignments = _process(refs, hyps).alignments
    return [_pairs(*triple) for triple in zip(alignments, refs, hyps, strict=True)]


def count_errors(pairs: Sequence[Pair]) -> ErrorCounts:
    """The errors of one alignment by kind."""
    ops = [pair.op for pair in pairs]
    inserted = ops.count("I")
    return ErrorCounts(len(ops) - inserted, ops.count("S"), inserted, ops.count("D"))


def count_characters(refs: Sequence[Sequence[str]], hyps: Sequence[Sequence[str]]) -> ErrorCounts:
    """The fewest character errors over all sentences; the space between words is a character.

    As jiwer's `cer`.
    """
    if not refs:
        return ErrorCounts()
    split = jiwer.ReduceToListOfListOfChars()
    output = jiwer.process_characters(_joined(refs), _joined(hyps), split, split)
    characters = output.hits + output.substitutions + output.deletions
    return ErrorCounts(characters, output.substitutions, output.insertions, output.deletions)


def distance(refs: Sequence[Sequence[str]], hyps: Sequence[Sequence[str]]) -> int:
    """The fewest word errors, summed over the sentences; faster than aligning."""
    if not refs:
        return 0
    output = _process(refs, hyps)
    return output.substitutions + output.insertions + output.deletions
