"""Audio as samples: reading, measuring, and cutting long recordings at pauses."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np
import soundfile

from asr_prune.corpus.audio_file import (
    AudioProblem,
    declared_samples,
    open_audio,
    refuse_damage,
    refuse_no_sound,
    sample_blocks,
)
from asr_prune.corpus.channels import Channel, one_channel, refuse_channel
from asr_prune.corpus.resample import resampled
from asr_prune.corpus.segments import TO_THE_END, Segment

#: float samples in [-1, 1) times this are in the range of int16, which Kaldi's features expect
INT16_SCALE = 32768.0
_CUT_WINDOW = 0.3  # seconds around a cut whose energy is compared: less than a pause in speech
_CUT_STEP = 0.01  # seconds between places where a cut may be
_LAST_PIECE = 1.0  # seconds of the last piece at least


def read_audio(
    path: Path | str,
    rate: int | None = None,
    part: Segment | None = None,
    resample: bool = False,
    longest: float = math.inf,
    channel: Channel = None,
) -> tuple[np.ndarray, int]:
    """Reads one channel of a file, or of the segment `part` of it, and no samples beyond.

    rate: hertz that the file must have; None: any. resample: convert another rate to `rate`.
    longest: seconds at most. channel: that of `part` comes first. Returns samples, float32
    [samples] in the range of int16 (-32768 to 32767), and their rate in hertz. Raises AudioProblem
    (a UserError) if the file is missing, unreadable, empty, without the channel, of another rate,
    longer than `longest`, or has fewer samples than its header declares, or if `part` is not within
    it.
    """
    path, channel = Path(path), (part and part.channel) or channel
    with open_audio(path) as file:
        refuse_channel(path, file.channels, channel)
        file_rate, declared, count = file.samplerate, declared_samples(path, file), None
        _refuse_long(path, _seconds(declared / file_rate, part), longest)
        if part is not None:
            refuse_damage(path, declared, file.frames)
            declared = count = _seek(file, path, part, declared)
        blocks = [one_channel(block, channel) for block in sample_blocks(file, count)]
    samples = np.concatenate([np.zeros(0, np.float32), *blocks])
    refuse_damage(path, declared, len(samples))
    refuse_no_sound(path, samples)
    samples = samples * np.float32(INT16_SCALE)
    if rate is None or file_rate == rate:
        return samples, file_rate
    if not resample:
        remedy = "set corpus.resample: true, or another corpus.rate"
        raise AudioProblem(path, "wrong-rate", f"{file_rate} Hz, not {rate}", remedy)
    return resampled(samples, file_rate, rate), rate


def _seconds(whole: float, part: Segment | None) -> float:
    return whole if part is None or part.end == TO_THE_END else part.end - part.start


def _refuse_long(path: Path, seconds: float, longest: float) -> None:
    if seconds > longest:
        remedy = "divide it by a segments file, or raise corpus.longest"
        detail = f"{seconds:.1f} s in one utterance, more than {longest:g}"
        raise AudioProblem(path, "too-long", detail, remedy)


def _seek(file: soundfile.SoundFile, path: Path, part: Segment, samples: int) -> int:
    """Goes to the start of a segment of a file of `samples`; the number that it should have."""
    seconds = samples / file.samplerate
    try:
        start, end = (round(time * file.samplerate) for time in part.span(seconds))
    except ValueError as error:
        detail = f"segment from {part.start:g} to {part.end:g} s of {seconds:.2f} s"
        raise AudioProblem(path, str(error), detail, "correct the segments file") from None
    if file.seekable():
        file.seek(start)
    else:  # GSM 6.10 and G.721
        deque(sample_blocks(file, start), maxlen=0)
    return end - start


def channel_blocks(path: Path | str, channel: Channel = None) -> Iterator[tuple[int, np.ndarray]]:
    """Reads one channel of a file of any length, about a minute at a time.

    Yields (rate in hertz, samples float32 [samples] in the range of int16). Raises AudioProblem as
    `read_audio`; that a file is cut short shows at its end.
    """
    path, count = Path(path), 0
    with open_audio(path) as file:
        refuse_channel(path, file.channels, channel)
        declared = declared_samples(path, file)
        for block in sample_blocks(file):
            refuse_no_sound(path, block)
            count += len(block)
            yield file.samplerate, one_channel(block, channel) * np.float32(INT16_SCALE)
    refuse_damage(path, declared, count)


def measure_audio(path: Path | str, decode: bool = True, channels: Collection[Channel] = (None,)) -> tuple[int, int]:
    """Rate in hertz and number of samples of a file, with at most a minute of it in memory.

    decode: read every sample, which finds damage that headers hide. channels: that will be read.
    Raises AudioProblem as `read_audio`.
    """
    path = Path(path)
    with open_audio(path) as file:
        for channel in channels:
            refuse_channel(path, file.channels, channel)
        rate, declared = file.samplerate, declared_samples(path, file)
        count = min(declared, int(file.frames))
        if decode:
            count = 0
            for block in sample_blocks(file):
                refuse_no_sound(path, block)
                count += len(block)
    refuse_damage(path, declared, count)
    return rate, count


def cut(blocks: Iterable[np.ndarray], rate: int, longest: float) -> Iterator[tuple[int, np.ndarray]]:
    """Cuts a recording into pieces of at most `longest` seconds, 3 or more, at its quietest places.

    blocks: the samples, float32 [samples], one block after the other; how they are divided changes
    nothing. Yields (index of its first sample, samples) of each piece; together they are the
    recording. Each piece but the last is longer than half of `longest`, and ends where the energy
    of 0.3 seconds around the cut is least within the allowed range, at the first such place. Speech
    without a pause may be cut within a word.
    """
    limit, reserve, begin = int(longest * rate), int(_LAST_PIECE * rate), 0
    rest = np.zeros(0, np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) > limit + reserve:
            at = quietest(rest, rate, limit // 2, limit)
            yield begin, rest[:at]
            begin, rest = begin + at, rest[at:]
    if len(rest) > limit:
        at = quietest(rest, rate, limit // 2, len(rest) - reserve)
        yield begin, rest[:at]
        begin, rest = begin + at, rest[at:]
    if len(rest):
        yield begin, rest


def quietest(samples: np.ndarray, rate: int, first: int, last: int) -> int:
    """The first sample from `first` to `last` around which 0.3 seconds have the least energy.

    Samples beyond the edges count as zeros.
    """
    step, around = int(_CUT_STEP * rate), round(_CUT_WINDOW / _CUT_STEP / 2)
    places = np.arange(first, last + 1, step)
    steps = np.arange(-around, len(places) - 1 + around)[:, None] * step + first + np.arange(step)
    inside = (steps >= 0) & (steps < len(samples))
    squares = samples[steps.clip(0, len(samples) - 1)].astype(np.float64) ** 2
    energies = np.where(inside, squares, 0.0).sum(axis=1)
    return int(places[np.argmin(np.convolve(energies, np.ones(2 * around), "valid"))])
