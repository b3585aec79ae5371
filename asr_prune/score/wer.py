"""The word error rate of a set, with its error counts and interval."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asr_prune.errors import UserError
from asr_prune.score.align import (
    ErrorCounts,
    Pair,
    align_words,
    count_characters,
    count_errors,
)
from asr_prune.score.bootstrap import interval
from asr_prune.score.options import ScoreOptions
from asr_prune.score.text import merge, normalise, representatives

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Utterance:
    """One utterance's alignment, on which `wer` is counted.

    Words stand unmerged; equivalent words have op C.
    """

    name: str
    speaker: str
    pairs: list[Pair]

    @property
    def counts(self) -> ErrorCounts:
        return count_errors(self.pairs)

    @property
    def ops(self) -> str:
        """The ops of the columns, one letter each."""
        return "".join(pair.op for pair in self.pairs)

    @property
    def ref(self) -> list[str]:
        return [pair.ref for pair in self.pairs if pair.ref is not None]

    @property
    def hyp(self) -> list[str]:
        return [pair.hyp for pair in self.pairs if pair.hyp is not None]


@dataclass(frozen=True)
class Score:
    """The errors of a set; rates in %.

    counts: with equivalents merged; counts_raw: without; characters: as `counts`, for `cer`;
    low, high: 95 % bootstrap interval of `wer`, None for one speaker or no samples; missing:
    utterances without a hypothesis; unknown: hypotheses without a reference.
    """

    counts: ErrorCounts
    counts_raw: ErrorCounts
    characters: ErrorCounts
    low: float | None
    high: float | None
    utterances: list[Utterance]
    missing: list[str]
    unknown: list[str]
    options: ScoreOptions

    @property
    def wer(self) -> float:
        """Word error rate, equivalents merged."""
        return self.counts.wer

    @property
    def wer_raw(self) -> float:
        """Word error rate without merging equivalents."""
        return self.counts_raw.wer

    @property
    def cer(self) -> float:
        """Character error rate, equivalents merged, spaces between words counted."""
        return self.characters.wer

    @property
    def words(self) -> int:
        return self.counts.words

    @property
    def wrong_utterances(self) -> int:
        return sum(utterance.counts.errors > 0 for utterance in self.utterances)

    @property
    def kaldi_line(self) -> str:
        return kaldi_line(self.counts)

    @property
    def kaldi_line_raw(self) -> str:
        return kaldi_line(self.counts_raw)

    @property
    def speakers(self) -> dict[str, ErrorCounts]:
        """ErrorCounts of each speaker, sorted by name."""
        return by_speaker(self.utterances)


def kaldi_line(counts: ErrorCounts) -> str:
    """The line of Kaldi's compute-wer: `%WER 12.16 [ 94 / 773, 10 ins, 20 del, 64 sub ]`."""
    kinds = f"{counts.insertions} ins, {counts.deletions} del, {counts.substitutions} sub"
    return f"%WER {counts.wer:.2f} [ {counts.errors} / {counts.words}, {kinds} ]"


def by_speaker(utterances: Sequence[Utterance]) -> dict[str, ErrorCounts]:
    """The summed counts of each speaker, sorted by name."""
    sums: dict[str, ErrorCounts] = {}
    for utterance in utterances:
        sums[utterance.speaker] = sums.get(utterance.speaker, ErrorCounts()) + utterance.counts
    return dict(sorted(sums.items()))


def _unmerged(pairs: Sequence[Pair], ref: Sequence[str], hyp: Sequence[str]) -> list[Pair]:
    """`pairs` of merged words with the unmerged words put back."""
    refs, hyps = iter(ref), iter(hyp)
    return [
        Pair(
            pair.op,
            None if pair.ref is None else next(refs),
            None if pair.hyp is None else next(hyps),
        )
        for pair in pairs
    ]


def _check(refs: Mapping[str, Sequence[str]], words: int, utt2spk: Mapping[str, str]) -> None:
    if not refs:
        raise UserError("there is nothing to score: no references; check the set's `text` file.")
    if words == 0:
        raise UserError(
            f"there is nothing to score: the {len(refs)} references have no words (after"
            " normalisation); check the set's `text` file and `score.normalise`."
        )
    unassigned = [name for name in refs if name not in utt2spk]
    if unassigned:
        raise UserError(
            f"utterance {unassigned[0]} ({len(unassigned)} in all) has no speaker, which the"
            " interval needs; add it to the set's utt2spk."
        )


def score(
    hyps: Mapping[str, Sequence[str]],
    refs: Mapping[str, Sequence[str]],
    utt2spk: Mapping[str, str],
    options: ScoreOptions,
) -> Score:
    """Counts the errors of `hyps` against `refs` (utterance -> words).

    As Kaldi's `compute-wer --mode=all`: an utterance without a hypothesis counts as deleted
    (`missing`); hypotheses without a reference are left out (`unknown`). Both are logged. Raises
    UserError if there is no word to score or an utterance has no speaker.
    """
    names = sorted(refs)
    ref_words = [normalise(refs[name], options.normalise) for name in names]
    _check(refs, sum(map(len, ref_words)), utt2spk)
    hyp_words = [normalise(hyps.get(name, ()), options.normalise) for name in names]
    same = representatives(options)
    merged = [[merge(words, same) for words in side] for side in (ref_words, hyp_words)]
    triples = zip(align_words(*merged), ref_words, hyp_words, strict=True)
    pairs = [_unmerged(*triple) for triple in triples]
    utterances = [Utterance(n, utt2spk[n], each) for n, each in zip(names, pairs, strict=True)]
    low, high = _bounds(utterances, options)
    missing, unknown = [name for name in names if name not in hyps], sorted(set(hyps) - set(refs))
    _warn(missing, unknown, len(names))
    return Score(
        counts=sum((utterance.counts for utterance in utterances), ErrorCounts()),
        counts_raw=sum(map(count_errors, align_words(ref_words, hyp_words)), ErrorCounts()),
        characters=count_characters(*merged),
        low=low,
        high=high,
        utterances=utterances,
        missing=missing,
        unknown=unknown,
        options=options,
    )


def _bounds(
    utterances: Sequence[Utterance],
    options: ScoreOptions,
) -> tuple[float, float] | tuple[None, None]:
    speakers = by_speaker(utterances).values()
    errors = np.array([counts.errors for counts in speakers])
    words = np.array([counts.words for counts in speakers])
    return interval(errors, words, options.bootstrap, options.seed) or (None, None)


def _warn(missing: list[str], unknown: list[str], total: int) -> None:
    if missing:
        text = "%d of %d utterances have no hypothesis and count as deleted, e.g. %s"
        log.warning(text, len(missing), total, missing[0])
    if unknown:
        text = "%d hypotheses have no reference and are left out, e.g. %s"
        log.warning(text, len(unknown), unknown[0])
