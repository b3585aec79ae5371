"""Copies of a test set with noise that is made from the training set: many talking at once."""

from __future__ import annotations

import io
import logging
import zlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import soundfile

from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.channels import Channel
from asr_prune.corpus.datadir import DataDir, c_order
from asr_prune.corpus.options import CorpusOptions
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.progress import track

log = logging.getLogger(__name__)

_PEAK = 32767.0


class Babble:
    """Noise of several utterances of a data directory that sound at once.

    talkers: their number; seed: with the name of an utterance it decides which they are. Utterances
    that cannot be read are left out.
    """

    def __init__(self, data: DataDir, talkers: int, seed: int, rate: int, resample: bool, channel: Channel) -> None:
        self.data, self.talkers, self.seed, self.rate = data, talkers, seed, rate
        self.resample, self.channel = resample, channel
        self.read = lru_cache(maxsize=512)(self._read)

    @cached_property
    def names(self) -> list[str]:
        return sorted(self.data.wavs, key=c_order)

    def _read(self, name: str) -> np.ndarray:
        """float32 [samples]; none if the audio cannot be read."""
        place, part = self.data.wavs[name], self.data.segments.get(name)
        try:
            return read_audio(place, self.rate, part, self.resample, channel=self.channel)[0]
        except UserError:
            return np.zeros(0, np.float32)

    def noise(self, name: str, length: int) -> np.ndarray:
        """Noise for the utterance `name`: float64 [length], all talkers of equal power.

        Each talker starts at a random place and begins again at the end. Raises UserError if no
        utterance can be read.
        """
        rng = np.random.default_rng([self.seed, zlib.crc32(name.encode())])
        total, left = np.zeros(length), self.talkers
        for place in rng.permutation(len(self.names)):
            voice = self.read(self.names[place])
            power = float(np.mean(np.square(voice, dtype=np.float64))) if len(voice) else 0.0
            if power > 0:
                total += np.resize(np.roll(voice, -int(rng.integers(len(voice)))), length) / np.sqrt(power)
                left -= 1
            if left == 0:
                break
        if not total.any():
            raise UserError(f"{self.data.path} has no audio to make noise of; restore it, or set noise.snr=.")
        return total


def mixed(speech: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """`speech` with `noise`, float [samples] both, at a signal-to-noise ratio of `snr` dB.

    The powers are means over the whole utterance, as in Kaldi's wav-reverberate. float64 [samples],
    in the range of int16: what would be louder is attenuated as a whole.
    """
    power, noise_power = (float(np.mean(np.square(each, dtype=np.float64))) for each in (speech, noise))
    gain = np.sqrt(power / noise_power / 10 ** (snr / 10)) if noise_power else 0.0
    both = speech + gain * noise
    peak = float(np.abs(both).max(initial=0.0))
    return both * (_PEAK / peak) if peak > _PEAK else both


def make_noisy_sets(
    test: Path,
    train: Path,
    outs: Mapping[float, Path],
    corpus: CorpusOptions,
    talkers: int,
    seed: int,
) -> list[Path]:
    """Writes copies of the data directory `test` with noise from `train`, and their audio.

    outs: folder of each copy, by its signal-to-noise ratio in dB; an utterance has the same noise in
    all. Audio of `test` that cannot be used is left out, counted and logged. Returns the audio
    files. Raises UserError as `Babble.noise`, or if no utterance is left.
    """
    data = DataDir.read(test)
    babble = Babble(DataDir.read(train), talkers, seed, corpus.rate, corpus.resample, corpus.channel)
    names, written = sorted(data.wavs, key=c_order), list[Path]()
    places: dict[float, dict[str, str]] = {snr: {} for snr in outs}
    for number, name in enumerate(track(names, len(names), "noise")):
        try:
            place, part, convert = data.wavs[name], data.segments.get(name), corpus.resample
            speech = read_audio(place, corpus.rate, part, convert, corpus.longest, corpus.channel)[0]
        except UserError as error:
            log.warning("  %s skipped: %s", name, error)
            continue
        noise = babble.noise(name, len(speech))
        for snr, out in outs.items():
            path = out / f"audio/{number:06d}.wav"
            _write_wav(path, mixed(speech, noise, snr), corpus.rate)
            places[snr][name] = str(path)
            written.append(path)
    for snr, out in outs.items():
        _write_set(data, out, places[snr])
        log.info("  %s: %d of %d utterances with noise at %g dB", out, len(places[snr]), len(names), snr)
    return written


def _write_set(data: DataDir, out: Path, places: Mapping[str, str]) -> None:
    if not places:
        raise UserError(f"{data.path} has no audio that can be used; correct its wav.scp, or set noise.snr=.")
    replace(data.subset(places, out), wavs=dict(places), segments={}).write()


def _write_wav(path: Path, samples: np.ndarray, rate: int) -> None:
    soundfile.write(wav := io.BytesIO(), np.rint(samples).astype(np.int16), rate, format="WAV", subtype="PCM_16")
    with atomic(path, "wb") as file:
        file.write(wav.getvalue())
