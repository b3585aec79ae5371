"""Augmentation of features: other tempo, other vocal tract length, masks in time and frequency."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from asr_prune.acoustic.options import TrainOptions

_SPACING = 5  # one time mask for every so many times its greatest width
_BAND_MASKS = 2


@dataclass(frozen=True)
class Augment:
    """tempo, warp, mask_frames, mask_bands: see TrainOptions.

    Tempo changes along the frames and leaves the pitch (the part of speed perturbation, Ko,
    Peddinti, Povey and Khudanpur 2015, that a filterbank allows). The vocal tract length changes
    along the bands, which lie on the mel scale (after Jaitly and Hinton 2013, "VTLP"). Masked
    values become the mean (Park et al. 2019, arXiv 1904.08779).
    """

    tempo: float
    warp: float
    mask_frames: int
    mask_bands: int

    @classmethod
    def from_options(cls, options: TrainOptions) -> Augment | None:
        """None if the options ask for no augmentation."""
        settings = (options.tempo, options.warp, options.mask_frames, options.mask_bands)
        return cls(*settings) if any(settings) else None

    def draw(self, frames: int, bands: int, least: int, generator: torch.Generator) -> Change:
        """A random change of an utterance of that size. least: minimum number of frames of the
        result.
        """
        tempo, warp = (1 + limit * _signed(generator) for limit in (self.tempo, self.warp))
        rows = max(round(frames / tempo), least)
        count = rows // (_SPACING * self.mask_frames) if self.mask_frames else 0
        times = random_ranges(count, self.mask_frames, rows, generator)
        return Change(tempo, warp, rows, times, random_ranges(_BAND_MASKS, self.mask_bands, bands, generator))


@dataclass(frozen=True)
class Change:
    """What is done to an utterance. rows: frames of the result; time_masks, band_masks: (start,
    end) of masked frames and bands.
    """

    tempo: float
    warp: float
    rows: int
    time_masks: list[tuple[int, int]]
    band_masks: list[tuple[int, int]]

    def __call__(self, features: Tensor, mean: Tensor) -> Tensor:
        """features: float [frames, bands]; mean: [bands]. Returns float [rows, bands]."""
        rows = torch.arange(self.rows, device=features.device) * self.tempo
        columns = torch.arange(features.shape[1], device=features.device) * self.warp
        result = interpolate(interpolate(features, rows).T, columns).T.contiguous()
        for start, end in self.time_masks:
            result[start:end] = mean
        for start, end in self.band_masks:
            result[:, start:end] = mean[start:end]
        return result


def interpolate(values: Tensor, positions: Tensor) -> Tensor:
    """`values` [rows, columns] at fractional rows, [positions, columns]; constant beyond the end."""
    positions = positions.clamp(max=len(values) - 1)
    below = positions.long()
    above = (below + 1).clamp(max=len(values) - 1)
    return values[below].lerp(values[above], (positions - below)[:, None])


def random_ranges(
    count: int,
    longest: int,
    length: int,
    generator: torch.Generator,
) -> list[tuple[int, int]]:
    """`count` random (start, end), each of 0 to `longest` items, within `length` items."""
    ranges = []
    for _ in range(count):
        width, position = torch.rand(2, generator=generator).tolist()
        size = int(width * (min(longest, length) + 1))
        start = int(position * (length - size + 1))
        ranges.append((start, start + size))
    return ranges


def _signed(generator: torch.Generator) -> float:
    """Uniform between -1 and 1."""
    return 2 * float(torch.rand((), generator=generator)) - 1
