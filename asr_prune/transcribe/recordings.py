"""Audio files cut into pieces, with the features of each piece."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from asr_prune.corpus.audio import channel_blocks, cut
from asr_prune.corpus.channels import Channel
from asr_prune.corpus.resample import resampled
from asr_prune.errors import UserError
from asr_prune.features.compute import Compute, make_compute
from asr_prune.features.options import FeatureOptions
from asr_prune.transcribe.pauses import Excerpt, without_pauses
from asr_prune.transcribe.speech import is_steady
from asr_prune.transcribe.stretches import Stretch, stretches

log = logging.getLogger(__name__)


@dataclass
class Recording:
    """An audio file, cut into pieces.

    path: as given; channel: counted from 1, 1 for a mix; seconds: length; starts: of each piece by
    name, seconds; contexts: seconds in front of it that are heard with it, 0 where it does not
    overlap with the piece before it; feats: raw features by name, float32 [frames, dim], of each
    piece of at least a window that may have speech, with its context.
    """

    path: str
    channel: int
    seconds: float = 0.0
    starts: dict[str, float] = field(default_factory=dict)
    contexts: dict[str, float] = field(default_factory=dict)
    feats: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def borders(self) -> list[float | None]:
        """Seconds at which each piece begins if it overlaps with the one before it, else None."""
        return [start if self.contexts[name] else None for name, start in self.starts.items()]

    def speaker(self, whose: str) -> str:
        """The speaker if each `file`, the files of a `folder`, or `all` files have one speaker."""
        return speaker_of(self.path, whose)


def speaker_of(path: str, whose: str) -> str:
    """As `Recording.speaker`, of a file."""
    return {"file": path, "folder": str(Path(path).parent), "all": "all files"}[whose]


class AudioReader:
    """Reads audio files and computes features.

    options: of the features; channel: as `channel_blocks`; longest: maximum length of a piece
    without its context, seconds; all_sound: compute features of pieces without speech and of long
    pauses, too.
    """

    def __init__(self, options: FeatureOptions, channel: Channel, longest: float, all_sound: bool = False) -> None:
        self.options, self.channel, self.longest = options, channel, longest
        self.all_sound = all_sound
        self.compute: Compute = make_compute(options)

    def __call__(self, path: str) -> Recording:
        """Reads one file, with at most about two minutes of its audio in memory at a time.

        Raises UserError (AudioProblem) if it cannot be read, has several channels and none is
        chosen, or is shorter than one window of the features.
        """
        stream = channel_blocks(path, self.channel)
        rate, first = next(stream)
        recording = Recording(path, self.channel if isinstance(self.channel, int) else 1)
        blocks = chain([first], (block for _, block in stream))
        for stretch in stretches(self._pieces(recording, blocks, rate), rate, self.longest):
            self._add(recording, stretch, rate)
        if rate != self.options.rate:
            log.info("%s: converted from %d to %d Hz", path, rate, self.options.rate)
        return recording

    def _pieces(self, recording: Recording, blocks: Iterable[np.ndarray], rate: int) -> Iterator[Excerpt]:
        pieces = self._measured(recording, cut(blocks, rate, self.longest), rate)
        return pieces if self.all_sound else without_pauses(pieces, rate)

    def _measured(self, recording: Recording, pieces: Iterable[Excerpt], rate: int) -> Iterator[Excerpt]:
        for begin, samples in pieces:
            recording.seconds = begin / rate + len(samples) / rate
            yield begin, samples

    def _add(self, recording: Recording, stretch: Stretch, rate: int) -> None:
        target, path, start = self.options.rate, recording.path, stretch.begin / rate
        audio = stretch.heard if rate == target else resampled(stretch.heard, rate, target)
        feats = self.compute(audio)
        if not len(feats) and len(stretch.heard) == round(recording.seconds * rate):
            window = self.options.frame_length_ms
            size = f"{len(audio)} samples are less than one window of {window:g} ms"
            raise UserError(f"{path}: {size}.")
        name = f"{path} from {start:.2f} s" if start else path
        recording.starts[name], recording.contexts[name] = start, stretch.before / rate
        first = stretch.before * target // rate
        own = audio[first : first + -(-len(stretch.own) * target // rate)]
        if len(feats) and (self.all_sound or not is_steady(own, target)):
            recording.feats[name] = feats
