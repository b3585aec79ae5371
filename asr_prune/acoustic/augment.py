"""Features of an utterance as if it had been spoken otherwise: faster or slower, by a longer or shorter vocal tract,
and in part unheard.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from asr_prune.acoustic.options import TrainOptions

#: a stretch is masked in every so many times the longest of them, and so many times are bands masked
SPACING, BAND_MASKS = 5, 2


@dataclass(frozen=True)
class Augment:
    """tempo, warp, mask_frames, mask_bands: as TrainOptions says.

    The tempo is changed along the frames, without the pitch (of speed perturbation, Ko, Peddinti, Povey and Khudanpur
    2015, the half that a filterbank can have); the vocal tract's length along the bands, which lie on the mel scale
    (after Jaitly and Hinton 2013, "VTLP"); what is masked gets the mean (Park et al. 2019, arXiv 1904.08779).
    """

    tempo: float
    warp: float
    mask_frames: int
    mask_bands: int

    @classmethod
    def of(cls, options: TrainOptions) -> Augment | None:
        """None where nothing is asked for."""
        asked = (options.tempo, options.warp, options.mask_frames, options.mask_bands)
        return cls(*asked) if any(asked) else None

    def __call__(self, features: Tensor, mean: Tensor, least: int, generator: torch.Generator) -> Tensor:
        """features: float [frames, bands] of one utterance; mean: [bands]; least: frames that must be left. Returns
        float [frames, bands], of another number of frames where the tempo changes.
        """
        faster, longer = (1 + by * _signed(generator) for by in (self.tempo, self.warp))
        frames, bands = features.shape
        rows = torch.arange(max(round(frames / faster), least), device=features.device) * faster
        columns = torch.arange(bands, device=features.device) * longer
        made = interpolated(interpolated(features, rows).T, columns).T.contiguous()
        stretches = len(made) // (SPACING * self.mask_frames) if self.mask_frames else 0
        for start, end in drawn(stretches, self.mask_frames, len(made), generator):
            made[start:end] = mean
        for start, end in drawn(BAND_MASKS, self.mask_bands, bands, generator):
            made[:, start:end] = mean[start:end]
        return made


def interpolated(values: Tensor, places: Tensor) -> Tensor:
    """`values` [rows, columns] at fractional rows, [places, columns]; beyond the last row stands the last."""
    places = places.clamp(max=len(values) - 1)
    below = places.long()
    return values[below].lerp(values[(below + 1).clamp(max=len(values) - 1)], (places - below)[:, None])


def drawn(count: int, longest: int, length: int, generator: torch.Generator) -> list[tuple[int, int]]:
    """`count` ranges of 0 to `longest` items within `length` items, each as (start, end)."""
    ranges = []
    for _ in range(count):
        width, place = torch.rand(2, generator=generator).tolist()
        size = int(width * (min(longest, length) + 1))
        start = int(place * (length - size + 1))
        ranges.append((start, start + size))
    return ranges


def _signed(generator: torch.Generator) -> float:
    """Between -1 and 1."""
    return 2 * float(torch.rand((), generator=generator)) - 1
