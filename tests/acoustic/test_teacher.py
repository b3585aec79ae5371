"""The objective with a teacher, against a loop written from the formula."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.chunks import Chunks
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.teacher import Kept, Lesson, Networks, Taught, Want, kept_rows
from asr_prune.acoustic.time_delay import Tdnn
from asr_prune.acoustic.unlabelled import Both, Unlabelled
from asr_prune.acoustic.utterances import UtteranceSet
from tests.acoustic.conftest import utterances

CLASSES = 5


def softmax(row: list[float], temperature: float) -> list[float]:
    powers = [math.exp(z / temperature) for z in row]
    return [power / sum(powers) for power in powers]


def by_loop(
    logits: torch.Tensor, teachers: list[torch.Tensor], labels: torch.Tensor, weight: float, temperature: float
) -> float:
    """(1 - w) CE + w T^2 KL(p || q), mean over frames, p the mean of the teachers' posteriors."""
    total = 0.0
    for t, row in enumerate(logits.tolist()):
        entropy = -math.log(softmax(row, 1.0)[int(labels[t])])
        student = softmax(row, temperature)
        each = [softmax(teacher[t].tolist(), temperature) for teacher in teachers]
        target = [sum(p[c] for p in each) / len(each) for c in range(len(row))]
        divergence = sum(p * math.log(p / q) for p, q in zip(target, student, strict=True) if p)
        total += (1 - weight) * entropy + weight * temperature**2 * divergence
    return total / len(logits)


@given(st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.sampled_from([0.5, 1.0, 2.0]), st.integers(1, 3), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_the_objective_is_that_of_the_formula(weight: float, temperature: float, count: int, seed: int) -> None:
    torch.manual_seed(seed)
    networks = [FeedForward(4, (3,), CLASSES) for _ in range(count)]
    inputs, labels = torch.randn(7, 4), torch.randint(0, CLASSES, (7,))
    logits = torch.randn(7, CLASSES, requires_grad=True)
    teacher = Networks([(network.eval(), Want((0, 0))) for network in networks], weight, temperature)
    loss = teacher.loss(torch.nn.functional.cross_entropy(logits, labels), logits, Taught([inputs] * count))
    expected = by_loop(logits, [network(inputs) for network in networks], labels, weight, temperature)
    assert float(loss.detach()) == pytest.approx(expected, rel=1e-4, abs=1e-6)
    loss.backward()
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())


def test_a_weight_of_one_ignores_the_labels() -> None:
    torch.manual_seed(1)
    network, inputs, logits = FeedForward(4, (3,), CLASSES).eval(), torch.randn(6, 4), torch.randn(6, CLASSES)
    teacher = Networks([(network, Want((0, 0)))], 1.0, 1.0)
    losses = {float(teacher.loss(torch.tensor(ce), logits, Taught([inputs]))) for ce in (0.1, 2.0, math.inf)}
    assert len(losses) == 1
    assert math.isfinite(losses.pop())


@given(st.integers(1, CLASSES), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_kept_posteriors_are_the_largest_and_the_rest_is_spread(top: int, seed: int) -> None:
    torch.manual_seed(seed)
    posteriors = (3 * torch.randn(8, CLASSES)).softmax(-1)
    found = Kept(top, CLASSES, 0.5, 1.0).posteriors(Taught([kept_rows(posteriors, top)]))
    for row, kept in zip(posteriors.tolist(), found.tolist(), strict=True):
        largest = sorted(range(CLASSES), key=lambda c: -row[c])[:top]
        left = max(0.0, 1 - sum(row[c] for c in largest)) / max(1, CLASSES - top)
        expected = [row[c] if c in largest else left for c in range(CLASSES)]
        assert kept == pytest.approx(expected, abs=1e-6)
        assert sum(kept) == pytest.approx(1.0, abs=1e-5)


def test_each_teacher_reads_its_own_context_and_features() -> None:
    features, labels = utterances(1)
    rng = np.random.default_rng(5)
    side = {name: rng.standard_normal((len(matrix), 3)).astype(np.float32) for name, matrix in features.items()}
    dim = next(iter(features.values())).shape[1]
    wants = [Want((1, 1)), Want((2, 0)), Want((0, 1), (1, 3))]
    networks = [FeedForward(3 * dim, (2,), CLASSES), FeedForward(3 * dim, (2,), CLASSES), FeedForward(4, (2,), CLASSES)]
    teacher = Networks(list(zip(networks, wants, strict=True)), 0.5, 1.0)
    frames = FrameSet.from_utterances(features, labels, (1, 1), lesson=Lesson(teacher, side))
    index = torch.tensor([0, 5, len(frames) - 1])
    spliced, _, own, other, beside = frames.batch_at(index)
    assert own is spliced
    for want, found in ((wants[1], other), (wants[2], beside)):
        values = features if want.columns is None else {n: m[:, slice(*want.columns)] for n, m in side.items()}
        alone = FrameSet.from_utterances(values, labels, want.context)
        assert torch.equal(found, alone.splice(index))


def test_chunks_give_the_batches_of_the_whole_set() -> None:
    features, labels = utterances(2, 8)
    side = {name: matrix[:, :2] + 1 for name, matrix in features.items()}
    teacher = Networks([(FeedForward(6, (2,), CLASSES), Want((1, 1), (0, 2)))], 0.5, 1.0)
    lesson = Lesson(teacher, side)
    whole = FrameSet.from_utterances(features, labels, (1, 0), lesson=lesson)
    assert whole.held_bytes == FrameSet.bytes_of(len(whole), whole.features.shape[1] + 2)
    parts = Chunks(FrameSet, features, labels, (1, 0), whole.held_bytes // 2, lesson=lesson)
    assert parts.chunks > 1
    for one, other in zip(whole.batches(32), parts.batches(32), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_evaluation_has_no_teacher() -> None:
    features, labels = utterances(3)
    dim = next(iter(features.values())).shape[1]
    teacher = Networks([(FeedForward(dim, (2,), CLASSES), Want((0, 0)))], 0.9, 1.0)
    frames = FrameSet.from_utterances(features, labels, (0, 0), lesson=Lesson(teacher))
    network, batch = FeedForward(dim, (3,), CLASSES), frames.batch_at(torch.arange(9))
    taught = frames.outcome(network.train(), *batch)
    alone = frames.outcome(network.eval(), *batch)
    assert float(alone.objective.detach()) == float(alone.loss.detach()) == float(taught.loss.detach())
    assert float(taught.objective.detach()) != float(taught.loss.detach())


def test_ctc_frames_of_a_teacher_that_keeps_more_of_them() -> None:
    torch.manual_seed(2)
    lengths = torch.tensor([7, 10])
    features = torch.randn(17, 4)
    often = Tdnn(4, (3,), CLASSES, taps=[[-1, 0, 1]], strides=[1]).eval()
    student = Tdnn(4, (3,), CLASSES, taps=[[0]], strides=[3])
    teacher = Networks([(often, Want((0, 0)))], 0.5, 1.0)
    tokens = [[torch.tensor([1, 2])], [torch.tensor([3])]]
    examples = UtteranceSet(features, lengths, tokens, (0, 0), 3, teacher=teacher)
    batch = examples.batch_at(torch.tensor([0, 1]))
    outcome = examples.outcome(student.train(), *batch)
    logits, out = student.forward_utterances(features, lengths)
    whole = often.forward_utterances(features, lengths)[0].split(lengths.tolist())
    target = torch.cat([part[::3] for part in whole]).softmax(-1)
    assert len(target) == int(out.sum())
    divergence = (target * (target.log() - logits.log_softmax(-1))).sum() / len(features)
    expected = 0.5 * float(outcome.loss.detach()) + 0.5 * float(divergence.detach())
    assert float(outcome.objective.detach()) == pytest.approx(expected, rel=1e-5)


def test_frames_without_labels_have_the_teachers_term_alone() -> None:
    features, labels = utterances(1)
    dim = next(iter(features.values())).shape[1]
    names = sorted(features)
    more, own = ({name: features[name] for name in some} for some in (names[::2], names[1::2]))
    teacher = Networks([(FeedForward(dim, (2,), CLASSES), Want((0, 0)))], 0.3, 1.0)
    both = Both({n: labels[n] for n in own}, Unlabelled(more))
    frames = FrameSet.from_utterances(Both(own, more), both, (0, 0), lesson=Lesson(teacher))
    network, batch = FeedForward(dim, (3,), CLASSES).train(), frames.batch_at(torch.arange(len(frames)))
    known = batch[1] >= 0
    assert 0 < int(known.sum()) < len(known)
    outcome, logits = frames.outcome(network, *batch), network(batch[0])
    entropy = sum(float(-logits[i].log_softmax(0)[batch[1][i]].detach()) for i in known.nonzero().flatten())
    target = teacher.posteriors(Taught(batch[2:]))
    apart = float((target * (target.log() - logits.log_softmax(-1))).sum().detach())
    assert float(outcome.loss.detach()) == pytest.approx(entropy / int(known.sum()), rel=1e-4)
    assert float(outcome.objective.detach()) == pytest.approx((0.7 * entropy + 0.3 * apart) / len(known), rel=1e-4)
    assert (outcome.frames, outcome.labels) == (int(known.sum()), int(known.sum()))
    alone = FrameSet.from_utterances(own, {n: labels[n] for n in own}, (0, 0))
    assert torch.equal(frames.log_priors(CLASSES), alone.log_priors(CLASSES))
    assert torch.equal(FrameSet.priors_from_labels(names, both, CLASSES), alone.log_priors(CLASSES))


def test_a_set_without_any_label_is_learnt_from_the_teacher() -> None:
    features, _ = utterances(1)
    dim = next(iter(features.values())).shape[1]
    teacher = Networks([(FeedForward(dim, (2,), CLASSES), Want((0, 0)))], 1.0, 1.0)
    frames = FrameSet.from_utterances(features, Unlabelled(features), (0, 0), lesson=Lesson(teacher))
    outcome = frames.outcome(FeedForward(dim, (3,), CLASSES).train(), *frames.batch_at(torch.arange(20)))
    assert float(outcome.objective.detach()) > 0
    assert (outcome.frames, outcome.labels, outcome.rows) == (0, 0, 20)  # no part in the loss of the log
    assert frames.log_priors(CLASSES).tolist() == [0.0] * CLASSES
