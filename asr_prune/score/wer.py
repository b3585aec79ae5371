"""The word error rate of a set: what was counted, how, and with which interval."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from asr_prune.errors import UserError
from asr_prune.score.align import Counts, Pair, align, count, count_characters
from asr_prune.score.bootstrap import interval
from asr_prune.score.options import ScoreOptions
from asr_prune.score.text import classes, merge, normalise

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Utterance:
    """One utterance's alignment at which `wer` is counted; words stand as they were said, equivalents with op C."""

    name: str
    speaker: str
    pairs: list[Pair]

    @property
    def counts(self) -> Counts:
        return count(self.pairs)

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
    """characters: counted as `counts` is, for `cer`. Rates are in per cent; `low` and `high` bound 95 % of the
    resampled `wer`, or are None (one speaker, no draws).
    """

    counts: Counts
    counts_raw: Counts
    characters: Counts
    low: float | None
    high: float | None
    utterances: list[Utterance]
    missing: list[str]
    unknown: list[str]
    options: ScoreOptions

    @property
    def wer(self) -> float:
        """With equivalents merged: the headline."""
        return self.counts.wer

    @property
    def wer_raw(self) -> float:
        """Without merging."""
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
    def speakers(self) -> dict[str, Counts]:
        """Counts of each speaker, sorted by name."""
        return by_speaker(self.utterances)


def kaldi_line(counts: Counts) -> str:
    """As Kaldi's compute-wer prints it: `%WER 12.16 [ 94 / 773, 10 ins, 20 del, 64 sub ]`."""
    kinds = f"{counts.insertions} ins, {counts.deletions} del, {counts.substitutions} sub"
    return f"%WER {counts.wer:.2f} [ {counts.errors} / {counts.words}, {kinds} ]"


def by_speaker(utterances: Sequence[Utterance]) -> dict[str, Counts]:
    """The summed counts of each speaker, sorted by name."""
    sums: dict[str, Counts] = {}
    for utterance in utterances:
        sums[utterance.speaker] = sums.get(utterance.speaker, Counts()) + utterance.counts
    return dict(sorted(sums.items()))


def _as_said(pairs: Sequence[Pair], ref: Sequence[str], hyp: Sequence[str]) -> list[Pair]:
    """`pairs` of merged words with the unmerged words put back in."""
    refs, hyps = iter(ref), iter(hyp)
    return [
        Pair(pair.op, None if pair.ref is None else next(refs), None if pair.hyp is None else next(hyps))
        for pair in pairs
    ]


def _check(refs: Mapping[str, Sequence[str]], words: int, utt2spk: Mapping[str, str]) -> None:
    if not refs:
        raise UserError("there is nothing to score: the set has no reference utterances; check its `text` file.")
    if words == 0:
        raise UserError(
            f"there is nothing to score: the {len(refs)} references hold no words (after normalisation);"
            " check the set's `text` file and `score.normalise`."
        )
    lost = [name for name in refs if name not in utt2spk]
    if lost:
        raise UserError(
            f"utterance {lost[0]} ({len(lost)} in all) has no speaker, and the interval is by speaker;"
            " add it to the set's utt2spk."
        )


def score(
    hyps: Mapping[str, Sequence[str]],
    refs: Mapping[str, Sequence[str]],
    utt2spk: Mapping[str, str],
    options: ScoreOptions,
) -> Score:
    """Counts `hyps` against `refs` (utterance -> words).

    Done as Kaldi's `compute-wer --mode=all`: an utterance without a hypothesis counts as deleted (`missing`, logged);
    hypotheses without a reference (`unknown`, logged) are left out. Raises UserError where there is no word to score or
    an utterance has no speaker.
    """
    names = sorted(refs)
    said = [normalise(refs[name], options.normalise) for name in names]
    _check(refs, sum(map(len, said)), utt2spk)
    heard = [normalise(hyps.get(name, ()), options.normalise) for name in names]
    same = classes(options)
    merged = [[merge(words, same) for words in side] for side in (said, heard)]
    pairs = [_as_said(*triple) for triple in zip(align(*merged), said, heard, strict=True)]
    utterances = [Utterance(name, utt2spk[name], columns) for name, columns in zip(names, pairs, strict=True)]
    speakers = by_speaker(utterances).values()
    bounds = interval(
        np.array([counts.errors for counts in speakers]),
        np.array([counts.words for counts in speakers]),
        options.bootstrap,
        options.seed,
    )
    made = Score(
        counts=sum(speakers, Counts()),
        counts_raw=sum(map(count, align(said, heard)), Counts()),
        characters=count_characters(*merged),
        low=bounds[0] if bounds else None,
        high=bounds[1] if bounds else None,
        utterances=utterances,
        missing=[name for name in names if name not in hyps],
        unknown=sorted(set(hyps) - set(refs)),
        options=options,
    )
    _say(made)
    return made


def _say(made: Score) -> None:
    if made.missing:
        log.warning(
            "%d of %d utterances have no hypothesis and count as deleted, %s first",
            len(made.missing),
            len(made.utterances),
            made.missing[0],
        )
    if made.unknown:
        log.warning("%d hypotheses have no reference and are left out, %s first", len(made.unknown), made.unknown[0])
