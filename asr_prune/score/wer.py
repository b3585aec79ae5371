"""The word error rate of a set, with its error counts and interval."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asr_prune.errors import UserError
from asr_prune.score.align import ErrorCounts, Pair, count_errors
from asr_prune.score.align_references import align_references
from asr_prune.score.alternatives import is_plain, written
from asr_prune.score.bootstrap import interval
from asr_prune.score.options import ScoreOptions
from asr_prune.score.text import normalise, reference, representatives

log = logging.getLogger(__name__)

#: share of deleted words from which on nothing was recognised
_SILENT = 0.95


@dataclass(frozen=True)
class Utterance:
    """One utterance's alignment, on which `wer` is counted.

    Words stand unmerged; equivalent words have op C. markup: the words of the reference as sclite
    reads it, if it has alternatives or optional words; else empty.
    """

    name: str
    speaker: str
    pairs: list[Pair]
    markup: tuple[str, ...] = ()

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
    def reference(self) -> list[str]:
        """The words of the reference, with its markup if it has some."""
        return list(self.markup) or self.ref

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
    (`missing`); hypotheses without a reference are left out (`unknown`). Both are logged. Of a
    reference with sclite's markup the alternatives are taken that fit the hypothesis best, as
    `choose` says. Raises UserError if there is no word to score, an utterance has no speaker, or
    markup is not closed.
    """
    names = sorted(refs)
    parts = [reference(name, refs[name], options) for name in names]
    hyp_words = [normalise(hyps.get(name, ()), options.normalise) for name in names]
    pairs, characters = align_references(parts, hyp_words, representatives(options))
    _check(refs, sum(count_errors(each).words for each in pairs), utt2spk)
    markup: list[tuple[str, ...]] = [() if is_plain(each) else tuple(written(each)) for each in parts]
    rows = zip(names, pairs, markup, strict=True)
    utterances = [Utterance(name, utt2spk[name], each, words) for name, each, words in rows]
    low, high = _bounds(utterances, options)
    missing, unknown = [name for name in names if name not in hyps], sorted(set(hyps) - set(refs))
    _log(
        missing,
        unknown,
        [name for name, each in zip(names, markup, strict=True) if each],
        len(names),
    )
    counts = sum((utterance.counts for utterance in utterances), ErrorCounts())
    if sentence := silence_warning(counts.deletions, counts.words):
        log.warning("%s", sentence)
    return Score(
        counts=counts,
        counts_raw=sum(map(count_errors, align_references(parts, hyp_words, {})[0]), ErrorCounts()),
        characters=characters,
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


def silence_warning(deleted: int, words: int) -> str:
    """A sentence if (nearly) all words of the references are deleted, which is a fault; else ""."""
    if not words or deleted < _SILENT * words:
        return ""
    return (
        f"{deleted} of {words} words are deleted: check that network, labels and graph belong together, and try "
        "smaller decode.lm_weights (ctc: decode.ctc_lm_weights), smaller decode.penalties and a wider decode.beam"
    )


def _log(missing: list[str], unknown: list[str], marked: list[str], total: int) -> None:
    if marked:
        text = "%d of %d references have alternatives or optional words, e.g. %s (score.markup: sclite)"
        log.info(text, len(marked), total, marked[0])
    if missing:
        text = "%d of %d utterances have no hypothesis and count as deleted, e.g. %s"
        log.warning(text, len(missing), total, missing[0])
    if unknown:
        text = "%d hypotheses have no reference and are left out, e.g. %s"
        log.warning(text, len(unknown), unknown[0])
