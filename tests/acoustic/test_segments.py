"""Segments of utterances: every frame once, and with the outputs of the whole utterance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.chunks import Chunks
from asr_prune.acoustic.evaluate import evaluate
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.segments import SegmentSet, frame_set

TAPS = ((0,), (-2, 0, 1), (-1, 0, 3))
PDFS = 5


def data(lengths: list[int], seed: int = 0) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    dice = np.random.default_rng(seed)
    feats = {f"u{i:02d}": dice.standard_normal((n, 3)).astype(np.float32) for i, n in enumerate(lengths)}
    return feats, {name: dice.integers(0, PDFS, len(own)).astype(np.int32) for name, own in feats.items()}


def network_of(kind: str) -> tuple[Network, NetworkOptions]:
    torch.manual_seed(2)
    options = NetworkOptions(type=kind, hidden=(8, 6, 5), context=TAPS, strides=(1,), dropout=0.0)  # type: ignore[arg-type]
    return make(options, 9, PDFS).eval(), options


@pytest.mark.parametrize("kind", ["tdnn", "tdnnf"])
def test_the_options_know_how_far_a_network_reads(kind: str) -> None:
    network, options = network_of(kind)
    assert network.reach == options.reach == (3, 4)
    assert NetworkOptions(hidden=(8, 6)).reach == (0, 0)
    before = network(torch.zeros(40, 9))
    for step in (-5, -4, -3, 0, 3, 4):
        frames = torch.zeros(40, 9)
        frames[20 + step] = 1
        changed = bool((network(frames)[20] != before[20]).any())
        assert changed or not -3 <= step <= 4 or kind == "tdnn"
        assert not changed or -3 <= step <= 4


@given(lengths=st.lists(st.integers(1, 70), min_size=1, max_size=5), segment=st.integers(1, 40))
@settings(max_examples=30, deadline=None)
def test_a_pass_has_every_frame_once(lengths: list[int], segment: int) -> None:
    features, labels = data(lengths)
    examples = frame_set((2, 1), segment).from_utterances(features, labels, (0, 0))
    assert len(examples) == sum(-(-n // segment) for n in lengths)
    found = [batch[0][batch[3]] for batch in examples.batches(3)]
    assert torch.equal(torch.cat(found), examples.features)
    assert (
        torch.cat([batch[1] for batch in examples.batches(3)]).tolist()
        == np.concatenate(list(labels.values())).tolist()
    )
    assert max(int(batch[3].split(batch[2].tolist())[0].sum()) for batch in examples.batches(1)) <= segment


@pytest.mark.parametrize("kind", ["tdnn", "tdnnf"])
@pytest.mark.parametrize("segment", [7, 50])
def test_the_loss_is_that_of_whole_utterances(kind: str, segment: int) -> None:
    features, labels = data([40, 3, 1, 22])
    network, options = network_of(kind)
    quality = evaluate(network, frame_set(options.reach, segment).from_utterances(features, labels, (1, 1)))
    plain = FrameSet.from_utterances(features, labels, (1, 1))
    whole = torch.cat([network(part) for part in plain.splice(torch.arange(66)).split([40, 3, 1, 22])])
    expected = torch.nn.functional.cross_entropy(whole, plain.labels)
    assert quality.cross_entropy == pytest.approx(expected.item(), abs=1e-5)


def test_chunks_have_the_segments_of_memory() -> None:
    features, labels = data([30] * 20)
    kind = frame_set((3, 4), 10)
    whole = kind.from_utterances(features, labels, (1, 1))
    parts = Chunks(kind, features, labels, (1, 1), whole.held_bytes // 3)
    assert parts.chunks > 1
    assert (len(parts), len(whole)) == (60, 60)
    for one, other in zip(parts.batches(7), whole.batches(7), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    network, _ = network_of("tdnn")
    assert evaluate(network, parts).cross_entropy == pytest.approx(evaluate(network, whole).cross_entropy, abs=1e-6)


def test_a_batch_is_counted_in_frames() -> None:
    asked: dict[str, Any] = {"batch": 256, "segment": 50}
    examples = frame_set((1, 0), 50).from_utterances(*data([100]), (0, 0))
    assert examples.batch_size(TrainOptions(**asked)) == 5
    assert frame_set((0, 0)) is FrameSet
    assert isinstance(examples, SegmentSet)
