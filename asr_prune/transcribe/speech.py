"""Whether there is speech in a piece of audio: by its loudness over time, and by the network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from asr_prune.decode.recognisers import Hypothesis, Recogniser
from asr_prune.hmm.gmm import Floats, Ints

_WINDOW = 0.1  # seconds
_BANDS = (100, 700, 2000, np.inf)  # hertz; below, hum and rumble
_ROUNDING = 1 / 12  # power of the rounding to int16, below which nothing is heard
_QUIET = 10  # per cent of the windows at least that are without speech
_LOUD = 3  # windows that are loud at least: two by a click, four by the shortest word
_RANGE = 8.0  # decibels
_JUDGED = 1.0  # seconds; shorter audio may be a word without a pause
#: seconds in which the network must hear speech: a phone has three states of 10 ms
SHORTEST_SPEECH = 0.1


def is_steady(samples: np.ndarray, rate: int) -> bool:
    """Whether audio is silence or a steady noise, whatever its level.

    samples: float32 in the range of int16. Speech has pauses: in at least one of three bands of
    frequencies, its loud windows of 0.1 s exceed its quiet ones by far more than 8 dB (by 13 dB in
    the demo's noisiest utterance, 27 dB or more in AN4). Those of digital zeros, an offset, hum and
    stationary noise do not. Audio of less than a second is steady only if all of it is below the
    rounding of 16-bit samples.
    """
    levels = _levels(samples, rate)
    ranges = np.sort(levels, axis=0)[-_LOUD:][0] - np.percentile(levels, _QUIET, axis=0)
    if len(samples) < _JUDGED * rate:
        return bool((levels < 10 * np.log10(2 * _ROUNDING)).all())
    return bool((ranges < _RANGE).all())


def _levels(samples: np.ndarray, rate: int) -> np.ndarray:
    """Decibels of each window, half of which is of the next, in each band: [windows, bands]."""
    size = int(_WINDOW * rate)
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[:: size // 2]
    taper = np.hanning(size)
    centred = (windows - windows.mean(axis=1, keepdims=True)) * taper
    powers = np.abs(np.fft.rfft(centred, axis=1)) ** 2 * (2 / size / (taper**2).sum())
    edges = np.searchsorted(np.fft.rfftfreq(size, 1 / rate), _BANDS)
    sums = np.pad(powers.cumsum(axis=1), ((0, 0), (1, 0)))
    floor = _ROUNDING * np.maximum(np.diff(edges), 1) / powers.shape[1]
    return 10 * np.log10(sums[:, edges[1:]] - sums[:, edges[:-1]] + floor)


@dataclass(frozen=True)
class SpeechOnly:
    """A recogniser that searches no words where the network hears silence.

    recognise: the recogniser; priors: log priors that `loglikes` are without, float32 [pdfs];
    silence: the pdfs of the silence phones; frames: of speech that words need. A frame is silence
    if these pdfs together have half of its posterior or more.
    """

    recognise: Recogniser
    priors: Floats
    silence: Ints
    frames: float

    def __call__(self, utt: str, loglikes: Floats) -> Hypothesis:
        """As the recogniser, or no words at all."""
        if self._speech(loglikes) < self.frames:
            return Hypothesis([], [], [], len(loglikes), True, 0.0)
        return self.recognise(utt, loglikes)

    def _speech(self, loglikes: Floats) -> int:
        """Frames of speech; those that are not numbers count, for the search to refuse them."""
        logs = loglikes + self.priors
        odds = np.exp(logs - logs.max(axis=1, keepdims=True))
        return int(np.count_nonzero(~(odds[:, self.silence].sum(axis=1) >= odds.sum(axis=1) / 2)))
