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

    def __call__(self, features: Tensor, mean: Tensor, least: int, generator: torch.Generator) -> Tensor:
        """Augments one utterance.

        features: float [frames, bands]; mean: [bands]; least: minimum number of frames of the
        result. Returns float [frames, bands], with another number of frames if the tempo changes.
        """
        tempo, warp = (1 + limit * _signed(generator) for limit in (self.tempo, self.warp))
        frames, bands = features.shape
        rows = torch.arange(max(round(frames / tempo), least), device=features.device) * tempo
        columns = torch.arange(bands, device=features.device) * warp
        result = interpolate(interpolate(features, rows).T, columns).T.contiguous()
        time_masks = len(result) // (_SPACING * self.mask_frames) if self.mask_frames else 0
        for start, end in random_ranges(time_masks, self.mask_frames, len(result), generator):
            result[start:end] = mean
        for start, end in random_ranges(_BAND_MASKS, self.mask_bands, bands, generator):
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
