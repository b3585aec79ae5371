"""The decoded words of a set with their times, and the references, for NIST's tools."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.recognisers import GreedyRecogniser, KnownWords, Recogniser
from asr_prune.decode.words_files import read_words
from asr_prune.score.alternatives import written
from asr_prune.score.ctm import TimedWord, write_ctm
from asr_prune.score.options import ScoreOptions
from asr_prune.score.stm import StmSegment, write_stm
from asr_prune.score.text import merge, merge_markup, normalise, reference, representatives
from asr_prune.transcribe.recogniser import RunRecogniser, chosen_point
from asr_prune.transcribe.transcript import Word, timed_words

log = logging.getLogger(__name__)


def write_times(recogniser: RunRecogniser, part: str, options: ScoreOptions, confidence: bool) -> None:
    """Writes score_<part>.hyp.ctm and score_<part>.ref.stm in a run's folder: the words as the
    score stage counts them, at the LM weight and penalty chosen on dev; confidence: with the
    confidence of each word.

    Segments have the times of their recordings. Words that do not fit their audio have no times;
    they are left out, counted and reported. Raises UserError as `RunRecogniser` and `chosen_point`.
    """
    decoding, shift = recogniser.decoding, recogniser.shift
    feats = recogniser.source.load(decoding.set(part), decoding.align)
    hypotheses = dict(recogniser.recognise(_recogniser(recogniser, part, confidence), [feats]))
    data = DataDir.read(decoding.set(part))
    words = {utt: timed_words(hypothesis, _start(data, utt), shift) for utt, hypothesis in hypotheses.items()}
    timed = [word for utt, own in words.items() for word in _timed(own, data, utt, options)]
    stretches = [_stretch(data, utt, hyp.frames * shift, options) for utt, hyp in hypotheses.items()]
    stem = recogniser.run.score(part)
    ctm, stm = stem.with_suffix(".hyp.ctm"), stem.with_suffix(".ref.stm")
    write_ctm(ctm, timed)
    write_stm(stm, stretches)
    if lost := sum(word.start is None for own in words.values() for word in own):
        log.warning("%d words do not fit their audio, have no times and are left out", lost)
    log.info("%s: %d words; %s: %d utterances", ctm, len(timed), stm, len(stretches))


def _recogniser(recogniser: RunRecogniser, part: str, confidence: bool) -> Recogniser:
    run, options = recogniser.run, recogniser.decoding.options
    if options.search == "greedy":
        return GreedyRecogniser(recogniser.model.tokens, True, confidence)
    weight, penalty = chosen_point(run)
    chosen = replace(options, lm_weights=(int(weight),), penalties=(penalty,))
    (words,) = read_words(run.decoded(part), chosen).values()
    decoder = recogniser.decoder() if confidence else None
    return KnownWords(words, recogniser.timer(weight), (weight, penalty), decoder)


def _recording(data: DataDir, utt: str) -> str:
    return data.segments[utt].recording if utt in data.segments else utt


def _channel(data: DataDir, utt: str) -> str:
    """Of the segment; that of the audio as a whole is always 1."""
    return str((data.segments[utt].channel if utt in data.segments else None) or 1)


def _start(data: DataDir, utt: str) -> float:
    return data.segments[utt].start if utt in data.segments else 0.0


def _timed(words: list[Word], data: DataDir, utt: str, options: ScoreOptions) -> Iterator[TimedWord]:
    """Normalised, equivalents merged; words that a word is split into share its time."""
    same, place = representatives(options), (_recording(data, utt), _channel(data, utt))
    for word in words:
        parts = merge(normalise([word.text], options.normalise), same)
        if word.start is None or word.end is None or not parts:
            continue
        each = (word.end - word.start) / len(parts)
        for i, part in enumerate(parts):
            yield TimedWord(*place, word.start + i * each, each, part, word.confidence)


def _stretch(data: DataDir, utt: str, seconds: float, options: ScoreOptions) -> StmSegment:
    words = merge_markup(written(reference(utt, data.text[utt], options)), representatives(options))
    start = _start(data, utt)
    place = _recording(data, utt), _channel(data, utt)
    return StmSegment(*place, data.utt2spk[utt], start, start + seconds, words)
