"""Utterances spoken otherwise: against slow loops, within bounds, the same for the same seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.acoustic.augment import Augment, interpolate, random_ranges
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.utterances import UtteranceSet


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def features(frames: int = 60, bands: int = 8) -> torch.Tensor:
    return torch.randn(frames, bands, generator=seeded(0))


def changed(
    augment: Augment, utterance: torch.Tensor, mean: torch.Tensor, least: int, dice: torch.Generator
) -> torch.Tensor:
    frames, bands = utterance.shape
    return augment.draw(frames, bands, least, dice)(utterance, mean)


def examples(augment: Augment | None) -> UtteranceSet:
    feats = {f"u{i}": features(30 + i).numpy() for i in range(6)}
    return UtteranceSet.from_utterances(feats, {name: np.array([1, 1, 2]) for name in feats}, (1, 2), "cpu", 3, augment)


def test_no_augmentation_by_default() -> None:
    assert Augment.from_options(TrainOptions()) is None
    assert Augment.from_options(TrainOptions(tempo=0.1)) == Augment(0.1, 0.0, 0, 0)
    made = changed(Augment(0.0, 0.0, 0, 0), features(), torch.zeros(8), 1, seeded(1))
    assert torch.equal(made, features())


@given(st.lists(st.floats(0, 12), min_size=1, max_size=9))
def test_interpolation_is_linear_between_rows(places: list[float]) -> None:
    values = features(10, 3).double()
    made = interpolate(values, torch.tensor(places, dtype=torch.float64))
    for row, place in zip(made, places, strict=True):
        below = min(math.floor(place), 9)
        above, part = min(below + 1, 9), min(place, 9.0) - below
        assert row.numpy() == pytest.approx(((1 - part) * values[below] + part * values[above]).numpy())


@given(st.integers(0, 5), st.integers(0, 12), st.integers(1, 9), st.integers(0, 99))
def test_ranges_lie_within(count: int, longest: int, length: int, seed: int) -> None:
    ranges = random_ranges(count, longest, length, seeded(seed))
    assert len(ranges) == count
    assert all(0 <= start <= end <= length and end - start <= longest for start, end in ranges)


def test_every_width_and_place_is_drawn() -> None:
    assert set(random_ranges(400, 2, 3, seeded(1))) == {
        *((i, i) for i in range(4)),
        (0, 1),
        (1, 2),
        (2, 3),
        (0, 2),
        (1, 3),
    }


@pytest.mark.parametrize("seed", range(20))
def test_a_faster_utterance_has_fewer_frames_but_enough(seed: int) -> None:
    line = torch.arange(60.0)[:, None].repeat(1, 8)
    made = changed(Augment(0.5, 0.0, 0, 0), line, torch.zeros(8), 50, seeded(seed))
    faster = 1 + 0.5 * (2 * float(torch.rand((), generator=seeded(seed))) - 1)
    assert len(made) == max(50, round(60 / faster))
    assert made[:, 0].numpy() == pytest.approx(np.minimum(np.arange(len(made)) * faster, 59), abs=1e-4)


def test_a_longer_vocal_tract_moves_bands() -> None:
    line = torch.arange(8.0).repeat(60, 1)
    generator = seeded(3)
    longer = [1 + 0.3 * (2 * float(torch.rand((), generator=generator)) - 1) for _ in range(2)][1]
    made = changed(Augment(0.0, 0.3, 0, 0), line, torch.zeros(8), 1, seeded(3))
    assert made[17].numpy() == pytest.approx(np.minimum(np.arange(8) * longer, 7), abs=1e-5)


def test_what_is_masked_has_the_mean() -> None:
    mean = torch.full((8,), 5.0)
    made = changed(Augment(0.0, 0.0, 4, 3), features(), mean, 1, seeded(2))
    masked = made == 5
    assert torch.equal(made[~masked], features()[~masked])
    whole_frames, whole_bands = masked.all(1), masked.all(0)
    assert torch.equal(masked, whole_frames[:, None] | whole_bands[None])
    assert 0 < int(whole_frames.sum()) <= 60 // 20 * 4
    assert 0 < int(whole_bands.sum()) <= 2 * 3


def test_the_features_themselves_stay() -> None:
    own = features()
    changed(Augment(0.2, 0.2, 4, 3), own, torch.zeros(8), 1, seeded(2))
    assert torch.equal(own, features())


def test_the_same_seed_says_the_same() -> None:
    one, same, other = (list(examples(Augment(0.2, 0.1, 3, 2)).batches(2, seeded(seed))) for seed in (4, 4, 5))
    for batch, again in zip(one, same, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))
    assert any(a[0].shape != b[0].shape or not torch.equal(a[0], b[0]) for a, b in zip(one, other, strict=True))


def test_a_batch_is_spliced_within_its_utterances() -> None:
    own = examples(Augment(0.0, 0.0, 3, 0))
    plain, masked = (next(made.batches(6, seeded(1))) for made in (examples(None), own))
    assert torch.equal(plain[1], masked[1])
    assert torch.equal(plain[2], masked[2])
    frames = masked[0].view(-1, 4, 8)
    for start, length in zip((masked[1].cumsum(0) - masked[1]).tolist(), masked[1].tolist(), strict=True):
        part = frames[start : start + length]
        centres = part[:, 1]
        for offset in (-1, 1, 2):
            rows = (torch.arange(length) + offset).clamp(0, length - 1)
            assert torch.equal(part[:, 1 + offset], centres[rows])


def test_dev_is_judged_as_it_is() -> None:
    plain, otherwise = (next(made.batches(6)) for made in (examples(None), examples(Augment(0.3, 0.1, 3, 2))))
    assert all(torch.equal(a, b) for a, b in zip(plain, otherwise, strict=True))


def test_bad_fractions_are_refused() -> None:
    with pytest.raises(ValueError, match="tempo and warp must be at least 0 and below 1"):
        TrainOptions(tempo=1.0)
    with pytest.raises(ValueError, match="mask_frames and mask_bands 0 or more"):
        TrainOptions(mask_bands=-1)
