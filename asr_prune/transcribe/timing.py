"""The words that the stage decode found in a set, with their times, and what was said there, for NIST's tools."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.recognisers import GreedyRecogniser, KnownWords, Recogniser
from asr_prune.score.ctm import TimedWord, write_ctm
from asr_prune.score.options import ScoreOptions
from asr_prune.score.stm import StmSegment, write_stm
from asr_prune.score.text import merge, normalise, representatives
from asr_prune.stages.decoding import read_words
from asr_prune.transcribe.recogniser import RunRecogniser, chosen_point
from asr_prune.transcribe.transcript import Word, words_of
from asr_prune.workflow.context import Context

log = logging.getLogger(__name__)

CHANNEL = "1"


def write_times(context: Context, folder: Path, part: str, confidence: bool) -> None:
    """Writes score_<part>.hyp.ctm and score_<part>.ref.stm in a run's folder: the words as the stage score counts them,
    at the LM weight and penalty that dev chose; confidence: also how sure each is.

    Utterances that are segments have the times of their recordings. Words that do not fit their audio have no times and
    are left out, counted and told. Raises UserError as `RunRecogniser` and `chosen_point`.
    """
    recogniser = RunRecogniser(context, folder)
    feats = recogniser.source.load(context.data / part, context.align)
    heard = dict(recogniser.hear(_listener(recogniser, part, confidence), [feats]))
    data, options = DataDir.read(context.data / part), context.recipe.score
    made = {utt: words_of(own, _start(data, utt), recogniser.shift) for utt, own in heard.items()}
    timed = [word for utt, words in made.items() for word in _timed(words, _recording(data, utt), options)]
    said = [_stretch(data, utt, own.frames * recogniser.shift, options) for utt, own in heard.items()]
    stem = folder / f"score_{part}"
    write_ctm(stem.with_suffix(".hyp.ctm"), timed)
    write_stm(stem.with_suffix(".ref.stm"), said)
    if lost := sum(word.start is None for words in made.values() for word in words):
        log.warning("%d words do not fit their audio, have no times and are left out", lost)
    log.info("%s.hyp.ctm: %d words; %s.ref.stm: %d utterances", stem, len(timed), stem, len(said))


def _listener(recogniser: RunRecogniser, part: str, confidence: bool) -> Recogniser:
    context, folder = recogniser.context, recogniser.folder
    if context.recipe.decode.search == "greedy":
        return GreedyRecogniser(recogniser.model.tokens, True, confidence)
    weight, penalty = chosen_point(folder)
    chosen = replace(context.recipe.decode, lm_weights=(int(weight),), penalties=(penalty,))
    (words,) = read_words(folder / f"decode_{part}", chosen).values()
    decoder = recogniser.decoder() if confidence else None
    return KnownWords(words, recogniser.timer(weight), (weight, penalty), decoder)


def _recording(data: DataDir, utt: str) -> str:
    return data.segments[utt].recording if utt in data.segments else utt


def _start(data: DataDir, utt: str) -> float:
    return data.segments[utt].start if utt in data.segments else 0.0


def _timed(words: list[Word], recording: str, options: ScoreOptions) -> Iterator[TimedWord]:
    """Normalised, equivalents merged; words that a word is split into share its time."""
    same = representatives(options)
    for word in words:
        parts = merge(normalise([word.text], options.normalise), same)
        if word.start is None or word.end is None or not parts:
            continue
        each = (word.end - word.start) / len(parts)
        for i, part in enumerate(parts):
            yield TimedWord(recording, CHANNEL, word.start + i * each, each, part, word.confidence)


def _stretch(data: DataDir, utt: str, seconds: float, options: ScoreOptions) -> StmSegment:
    words = merge(normalise(data.text[utt], options.normalise), representatives(options))
    start = _start(data, utt)
    return StmSegment(_recording(data, utt), CHANNEL, data.utt2spk[utt], start, start + seconds, words)
