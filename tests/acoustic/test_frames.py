"""Splicing against a slow loop, and batches that cover what they should."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.acoustic.examples import splice_utterance
from asr_prune.acoustic.frames import FrameSet
from asr_prune.errors import UserError

lengths = st.lists(st.integers(1, 9), min_size=1, max_size=4)
contexts = st.tuples(st.integers(0, 4), st.integers(0, 4))


def random_utterances(sizes: list[int]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rng = np.random.default_rng(sum(sizes))
    features = {f"u{i}": rng.standard_normal((n, 3)).astype(np.float32) for i, n in enumerate(sizes)}
    return features, {name: rng.integers(0, 4, len(x)).astype(np.int32) for name, x in features.items()}


def slow_splice(features: np.ndarray, context: tuple[int, int]) -> np.ndarray:
    """One frame after the other, the utterance's first and last frame repeated at its edges."""
    rows = []
    for t in range(len(features)):
        row: list[float] = []
        for k in range(t - context[0], t + context[1] + 1):
            row.extend(features[0] if k < 0 else features[-1] if k >= len(features) else features[k])
        rows.append(row)
    return np.array(rows, dtype=np.float32)


@given(lengths, contexts)
def test_splicing_is_the_slow_loop_and_stays_in_the_utterance(sizes: list[int], context: tuple[int, int]) -> None:
    features, labels = random_utterances(sizes)
    frames = FrameSet.from_utterances(features, labels, context)
    expected = np.concatenate([slow_splice(features[name], context) for name in sorted(features)])
    assert np.array_equal(frames.splice(torch.arange(len(frames))).numpy(), expected)
    assert np.array_equal(np.concatenate([splice_utterance(features[n], context) for n in sorted(features)]), expected)
    assert frames.inputs == expected.shape[1]
    assert frames.labels.tolist() == np.concatenate([labels[name] for name in sorted(labels)]).tolist()


def test_frames_and_labels_of_different_length_are_refused() -> None:
    features, labels = random_utterances([5, 6])
    labels["u1"] = labels["u1"][:-1]
    with pytest.raises(UserError, match="u1 has 6 frames of features but 5 labels"):
        FrameSet.from_utterances(features, labels, (1, 1))


def test_utterances_without_labels_are_left_out() -> None:
    features, labels = random_utterances([5, 6])
    del labels["u0"]
    frames = FrameSet.from_utterances(features, labels, (0, 0))
    assert np.array_equal(frames.features.numpy(), features["u1"])
    with pytest.raises(UserError, match="no utterance has both"):
        FrameSet.from_utterances(features, {}, (0, 0))


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 99))
def test_batches_cover_every_frame_once(count: int, size: int, seed: int) -> None:
    features = {"u": np.arange(count, dtype=np.float32)[:, None]}
    frames = FrameSet.from_utterances(features, {"u": np.arange(count)}, (0, 0))
    ordered = [(inputs, labels) for inputs, labels in frames.batches(size)]
    assert torch.cat([labels for _, labels in ordered]).tolist() == list(range(count))
    shuffled = list(frames.batches(size, torch.Generator().manual_seed(seed)))
    seen = torch.cat([labels for _, labels in shuffled]).tolist()
    assert len(set(seen)) == len(seen) == (count if count < size else count - count % size)
    assert len(shuffled) == frames.batch_count(size)
    assert all(torch.equal(inputs[:, 0], labels.float()) for inputs, labels in ordered + shuffled)


def test_the_order_of_a_pass_is_its_generator(frames: FrameSet) -> None:
    one, same, other = (
        torch.cat([labels for _, labels in frames.batches(7, torch.Generator().manual_seed(seed))])
        for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_moments_are_those_of_the_frames_repeated() -> None:
    features, labels = random_utterances([9, 8])
    mean, deviation = FrameSet.from_utterances(features, labels, (1, 2)).moments()
    every = np.concatenate([features["u0"], features["u1"]]).astype(np.float64)
    assert mean.numpy() == pytest.approx(np.tile(every.mean(0), 4), abs=1e-6)
    assert deviation.numpy() == pytest.approx(np.tile(every.std(0, ddof=1), 4), abs=1e-6)
