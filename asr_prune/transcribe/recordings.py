"""Audio files cut into pieces, with the features of each piece."""

from __future__ import annotations

import logging
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
from asr_prune.transcribe.speech import is_steady

log = logging.getLogger(__name__)


@dataclass
class Recording:
    """An audio file, cut into pieces.

    path: as given; channel: counted from 1, 1 for a mix; seconds: length; starts: of each piece by
    name, seconds; feats: raw features by name, float32 [frames, dim], of each piece that may have
    speech.
    """

    path: str
    channel: int
    seconds: float = 0.0
    starts: dict[str, float] = field(default_factory=dict)
    feats: dict[str, np.ndarray] = field(default_factory=dict)

    def speaker(self, whose: str) -> str:
        """The speaker if each `file`, the files of a `folder`, or `all` files have one speaker."""
        folder = str(Path(self.path).parent)
        return {"file": self.path, "folder": folder, "all": "all files"}[whose]


class AudioReader:
    """Reads audio files and computes features.

    options: of the features; channel: as `channel_blocks`; longest: maximum length of a piece,
    seconds; all_sound: compute features of pieces without speech, too.
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
        for begin, samples in cut(blocks, rate, self.longest):
            self._add(recording, begin / rate, samples, rate)
        if rate != self.options.rate:
            log.info("%s: converted from %d to %d Hz", path, rate, self.options.rate)
        return recording

    def _add(self, recording: Recording, start: float, samples: np.ndarray, rate: int) -> None:
        target, path = self.options.rate, recording.path
        audio = samples if rate == target else resampled(samples, rate, target)
        feats = self.compute(audio)
        if not len(feats):
            window = self.options.frame_length_ms
            size = f"{len(audio)} samples are less than one window of {window:g} ms"
            raise UserError(f"{path}: {size}.")
        name = f"{path} from {start:.2f} s" if start else path
        recording.starts[name] = start
        recording.seconds = start + len(samples) / rate
        if self.all_sound or not is_steady(audio, target):
            recording.feats[name] = feats
