"""Files that are to be transcribed: cut into pieces, and each piece turned into features."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from asr_prune.corpus.audio import channel_blocks, cut, resampled
from asr_prune.errors import UserError
from asr_prune.features.compute import Compute, make_compute
from asr_prune.features.options import FeatureOptions

log = logging.getLogger(__name__)


@dataclass
class Recording:
    """path: as given; channel: from 1; seconds: length; starts: in seconds, of each piece; feats: raw features of each
    piece, float32 [frames, dim], by name.
    """

    path: str
    channel: int
    seconds: float = 0.0
    starts: dict[str, float] = field(default_factory=dict)
    feats: dict[str, np.ndarray] = field(default_factory=dict)

    def speaker(self, whose: str) -> str:
        """Who speaks, where each file, the files of a folder or all files are one speaker: `file`, `folder`, `all`."""
        return {"file": self.path, "folder": str(Path(self.path).parent), "all": "all files"}[whose]


class Reader:
    """Reads files; options: of the features; channel: which one, None for mono files; longest: seconds of a piece."""

    def __init__(self, options: FeatureOptions, channel: int | None, longest: float) -> None:
        self.options, self.channel, self.longest = options, channel, longest
        self.compute: Compute = make_compute(options)

    def __call__(self, path: str) -> Recording:
        """One file; no more of its audio than about two minutes is in memory at a time. Raises UserError (AudioProblem)
        where it cannot be read, has several channels, or is shorter than one window of the features.
        """
        stream = channel_blocks(path, self.channel)
        rate, first = next(stream)
        made = Recording(path, self.channel or 1)
        for begin, samples in cut(chain([first], (block for _, block in stream)), rate, self.longest):
            self._add(made, begin / rate, samples, rate)
        if rate != self.options.rate:
            log.info("%s: converted from %d to %d Hz", path, rate, self.options.rate)
        return made

    def _add(self, made: Recording, start: float, samples: np.ndarray, rate: int) -> None:
        own = samples if rate == self.options.rate else resampled(samples, rate, self.options.rate)
        feats = self.compute(own)
        if not len(feats):
            window = self.options.frame_length_ms
            raise UserError(f"{made.path}: {len(own)} samples are less than one window of {window:g} ms.")
        name = f"{made.path} from {start:.2f} s" if start else made.path
        made.starts[name], made.feats[name] = start, feats
        made.seconds = start + len(samples) / rate
