"""A set larger than its memory: every example once an epoch, few bytes at once, the same run again."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from asr_prune.acoustic.chunks import Chunks, chunk_count
from asr_prune.acoustic.evaluate import evaluate
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.hooks import Hooks
from asr_prune.acoustic.options import TrainOptions
from asr_prune.acoustic.teacher import Lesson, Networks, Want
from asr_prune.acoustic.train import Trainer
from asr_prune.acoustic.unlabelled import NO_LABEL
from asr_prune.acoustic.utterances import UtteranceSet
from asr_prune.features.archive import write_matrices
from asr_prune.features.stored import Stored
from asr_prune.hmm.labels import StoredLabels, write_labels
from asr_prune.run_dir import RunDir

Arrays = dict[str, np.ndarray]
FRAMES, DIM = 40 * (4 * 3 + 24), 3


def numbered(count: int = 30, seed: int = 0) -> tuple[Arrays, Arrays]:
    """Features whose first column numbers all frames, and labels [frames], by utterance of 20 to 40 frames."""
    dice = np.random.default_rng(seed)
    features, at = {}, 0
    for i in range(count):
        own = dice.standard_normal((dice.integers(20, 41), DIM)).astype(np.float32)
        own[:, 0] = at + np.arange(len(own))
        features[f"u{i:02d}"], at = own, at + len(own)
    return features, {name: dice.integers(0, 4, len(own)).astype(np.int32) for name, own in features.items()}


@pytest.fixture
def archived(tmp_path: Path) -> tuple[Stored, StoredLabels]:
    features, labels = numbered()
    write_matrices(tmp_path / "feats", features.items())
    write_labels(tmp_path / "pdf", labels.items())
    return Stored.open(tmp_path / "feats.scp", lambda _, raw: raw), StoredLabels(tmp_path / "pdf.ark")


def seen(batches: list[tuple[torch.Tensor, ...]], column: int = 0) -> list[int]:
    return [int(number) for batch in batches for number in batch[0][:, column].tolist()]


@pytest.mark.parametrize("memory", [1, 7 * FRAMES, 14 * FRAMES])
@pytest.mark.parametrize("size", [16, 50])
def test_a_shuffled_pass_has_every_frame_once(archived: tuple[Stored, StoredLabels], memory: int, size: int) -> None:
    chunks = Chunks(FrameSet, *archived, (0, 0), memory)
    assert chunks.chunks > 1
    frames, labels = sum(map(len, archived[0].values())), np.concatenate(list(archived[1].values()))
    batches = list(chunks.batches(size, torch.Generator().manual_seed(3)))
    assert [len(batch[0]) for batch in batches] == [size] * chunks.batch_count(size)
    found = seen(batches)
    assert len(set(found)) == len(found) == frames // size * size
    assert [int(label) for batch in batches for label in batch[1]] == [labels[number] for number in found]
    assert np.abs(np.diff(found)).mean() > 3


def test_a_pass_in_order_is_that_of_the_set_in_memory(archived: tuple[Stored, StoredLabels]) -> None:
    chunks, whole = Chunks(FrameSet, *archived, (2, 1), 9 * FRAMES), FrameSet.from_utterances(*archived, (2, 1))
    for one, other in zip(chunks.batches(37), whole.batches(37), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    network = FeedForward(whole.inputs, (8,), 4)
    assert evaluate(network, chunks).cross_entropy == pytest.approx(evaluate(network, whole).cross_entropy, abs=1e-6)
    assert (len(chunks), chunks.inputs) == (len(whole), whole.inputs)
    for one, other in zip(chunks.moments(), whole.moments(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert torch.equal(chunks.log_priors(5), whole.log_priors(5))


def test_utterances_with_context_are_those_of_memory(archived: tuple[Stored, StoredLabels]) -> None:
    whole = FrameSet.from_utterances(*archived, (2, 1))
    index = {int(row[0]): i for i, row in enumerate(whole.features)}
    for inputs, _ in Chunks(FrameSet, *archived, (2, 1), 9 * FRAMES).batches(16, torch.Generator().manual_seed(1)):
        middle = torch.tensor([index[int(number)] for number in inputs[:, 2 * DIM]])
        assert torch.equal(inputs, whole.splice(middle))


def alive() -> list[FrameSet]:
    return [one for one in gc.get_objects() if type(one) is FrameSet]


def test_no_more_is_in_memory_than_is_allowed(archived: tuple[Stored, StoredLabels]) -> None:
    memory = 10 * FRAMES
    chunks = Chunks(FrameSet, *archived, (0, 0), memory)
    before = alive()  # of other tests, too: held here, or their addresses would be used again
    most = 0
    for _ in chunks.batches(16, torch.Generator().manual_seed(3)):
        found = [one for one in alive() if all(one is not other for other in before)]
        sets = [one for one in found if "held_bytes" in vars(one)]  # the reading thread may be making one
        most = max(most, sum(one.held_bytes for one in sets))
        assert len(sets) <= 2
        del found, sets
    whole = FrameSet.from_utterances(*archived, (0, 0)).held_bytes
    assert most <= chunks.held_bytes <= memory < whole / 2
    assert most > memory / 4


def test_the_same_generator_is_the_same_pass(archived: tuple[Stored, StoredLabels]) -> None:
    one, other, third = (
        seen(list(Chunks(FrameSet, *archived, (0, 0), 9 * FRAMES).batches(16, torch.Generator().manual_seed(seed))))
        for seed in (3, 3, 4)
    )
    assert one == other != third


def test_utterances_of_ctc_come_once_too(archived: tuple[Stored, StoredLabels]) -> None:
    features, _ = archived
    tokens = {name: np.array([1, 2, 3]) for name in features} | {"u03": np.ones(50, int)}  # too many for its frames
    chunks = Chunks(UtteranceSet, features, tokens, (0, 0), 9 * FRAMES)
    whole = UtteranceSet.from_utterances(features, tokens, (0, 0))
    assert (len(chunks), chunks.batch_count(4)) == (len(whole), whole.batch_count(4)) == (29, 7)
    starts = []
    for inputs, lengths, targets, counts, _ in chunks.batches(4, torch.Generator().manual_seed(3)):
        assert (len(lengths), len(inputs), len(targets)) == (4, int(lengths.sum()), int(counts.sum()))
        starts += inputs[lengths.cumsum(0) - lengths, 0].int().tolist()
    assert len(set(starts)) == 28
    assert set(starts) <= {int(own[0, 0]) for own in features.values()} - {int(features["u03"][0, 0])}


MakeTrainer = Callable[[str, int], Trainer]


@pytest.fixture
def make_chunked(archived: tuple[Stored, StoredLabels], tmp_path: Path) -> MakeTrainer:
    def make(name: str, memory: int) -> Trainer:
        train = Chunks(FrameSet, *archived, (1, 1), memory)
        torch.manual_seed(3)
        network = FeedForward(train.inputs, (16, 12), 4, dropout=0.2)
        network.set_normalisation(*train.moments())
        options = TrainOptions(epochs=4, batch=40, learning_rate=0.02, tensorboard=False)
        dev = FrameSet.from_utterances(*numbered(4, 1), (1, 1))
        return Trainer(network, options, train, dev, Hooks(), 5, RunDir(tmp_path / name))

    return make


def test_a_run_that_was_killed_ends_as_one_that_was_not(make_chunked: MakeTrainer) -> None:
    whole = make_chunked("whole", 9 * FRAMES)
    quality = whole.run()
    assert whole.step == whole.steps
    for epoch in (1, 3):
        killed = make_chunked(f"part{epoch}", 9 * FRAMES)
        while killed.epoch < epoch:
            killed._one_epoch()
        resumed = make_chunked(f"part{epoch}", 9 * FRAMES)
        assert resumed.run() == quality
        for name, value in whole.network.state_dict().items():
            assert torch.equal(value, resumed.network.state_dict()[name]), (epoch, name)


def test_chunks_are_as_few_as_fit() -> None:
    assert chunk_count(np.array([10] * 10), 100) == 2  # an utterance may end beyond the border
    assert chunk_count(np.array([10] * 10), 110) == 1
    assert chunk_count(np.array([10] * 10), 1) == 10


def test_batches_vary_as_stated() -> None:
    """Of chunks.md: what utterances differ by shows in the mean of a batch by the size of its chunk."""
    count, length, size = 320, 20, 200
    dice = np.random.default_rng(3)
    features = {f"u{i:03d}": np.full((length, 1), dice.standard_normal(), np.float32) for i in range(count)}
    labels = {name: np.zeros(length, np.int32) for name in features}
    chunks = Chunks(FrameSet, features, labels, (0, 0), 2 * 41 * length * FrameSet.bytes_of(1, 1))
    assert chunks.chunks == 8
    spread = np.var([float(own[0, 0]) for own in features.values()])
    own = count / chunks.chunks
    stated = spread * (1 / own - 1 / count + (1 - 1 / own) * (1 / size - 1 / (own * length)))
    order = torch.Generator().manual_seed(1)
    means = [float(inputs.mean()) for _ in range(60) for inputs, _ in chunks.batches(size, order)]
    assert np.var(means) == pytest.approx(stated, rel=0.15)


def test_frames_without_labels_are_found_in_later_utterances() -> None:
    """The first utterance, which has labels, does not speak for the others."""
    features, labels = numbered(4)
    unlabelled = {name: own if name == "u00" else np.full_like(own, NO_LABEL) for name, own in labels.items()}
    torch.manual_seed(0)
    network, teacher = (FeedForward(DIM, (5,), 4) for _ in range(2))
    lesson = Lesson(Networks([(teacher.eval(), Want((0, 0)))], 0.5, 1.0))
    chunks = Chunks(FrameSet, features, unlabelled, (0, 0), FRAMES, lesson=lesson)
    whole = FrameSet.from_utterances(features, unlabelled, (0, 0), lesson=lesson)
    assert chunks.chunks > 1
    for tensors in chunks.batches(16):
        one, other = (examples.outcome(network.train(), *tensors) for examples in (chunks, whole))
        assert torch.equal(one.objective, other.objective)
        assert one.labels == other.labels == int((tensors[1] != NO_LABEL).sum())
        assert one.frames == one.labels  # the loss is that of labelled frames alone
        assert float(one.loss) > 0 if one.frames else float(one.loss) == 0


def test_a_coefficient_that_never_changes_deviates_by_zero(tmp_path: Path) -> None:
    """Rounding may leave a sum of squares below that of the mean."""
    constant = np.tile(np.float32([0.1, -15.9, 3.3]), (80, 1))
    features = {f"u{i:02d}": constant for i in range(60)}
    write_matrices(tmp_path / "feats", features.items())
    write_labels(tmp_path / "pdf", ((name, np.zeros(80, np.int32)) for name in features))
    stored = Stored.open(tmp_path / "feats.scp", lambda _, raw: raw), StoredLabels(tmp_path / "pdf.ark")
    _, deviation = Chunks(FrameSet, *stored, (0, 0), 9 * FRAMES).moments()
    assert deviation.tolist() == pytest.approx([0.0] * 3, abs=1e-5)
