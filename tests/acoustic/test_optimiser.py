"""Learning-rate schedules and the groups of weight decay."""

from __future__ import annotations

import math

import pytest

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.optimiser import Newbob, OneCycle, ScheduleSequence, make_optimiser, make_schedule, rest_decay
from asr_prune.acoustic.options import TrainOptions


def test_one_cycle_rises_to_the_peak_and_ends_at_nearly_nothing() -> None:
    schedule = OneCycle(TrainOptions(learning_rate=0.5, pct_start=0.2), 100)
    rates = [schedule.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.5 / 25)
    assert rates[20] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0.5 / 1e4)
    assert rates[:21] == sorted(rates[:21])
    assert rates[20:] == sorted(rates[20:], reverse=True)
    assert rates[60] == pytest.approx((0.5 + 0.5 / 1e4) / 2)
    assert rates[10] == pytest.approx((0.5 + 0.5 / 25) / 2)


def test_one_cycle_of_a_single_update() -> None:
    assert math.isfinite(OneCycle(TrainOptions(), 1).rate(0))


def slow_newbob(entropies: list[float], rate: float, below: float) -> list[float]:
    """The rate after each epoch, from the rule: once an epoch gains less than `below`, halve after every epoch."""
    rates = []
    for i in range(len(entropies)):
        for k in range(1, i + 1):
            best = min(entropies[:k])
            if (best - entropies[k]) / best < below:
                rates.append(rate / 2 ** (i - k + 1))
                break
        else:
            rates.append(rate)
    return rates


@pytest.mark.parametrize(
    ("entropies", "halved_from"),
    [
        ([2.0, 1.5, 1.2, 1.0], None),
        ([2.0, 1.5, 1.49, 1.2, 1.0], 2),
        ([2.0, 2.5, 1.0], 1),
        ([5.0], None),
        ([2.0, 1.979, 1.0], None),
        ([2.0, 1.981, 1.0], 1),
    ],
)
def test_newbob_halves_from_the_epoch_that_gains_too_little(entropies: list[float], halved_from: int | None) -> None:
    schedule = Newbob(TrainOptions(optimiser="sgd", learning_rate=0.8, halve_below=0.01))
    rates = []
    for entropy in entropies:
        schedule.end_of_epoch(entropy)
        rates.append(schedule.rate(7))
    assert rates == slow_newbob(entropies, 0.8, 0.01)
    first = next((i for i, rate in enumerate(rates) if rate < 0.8), None)
    assert first == halved_from


def test_newbob_goes_on_from_its_state() -> None:
    one = Newbob(TrainOptions(optimiser="sgd"))
    for entropy in (2.0, 1.5, 1.5):
        one.end_of_epoch(entropy)
    other = Newbob(TrainOptions(optimiser="sgd"))
    other.load_state_dict(one.state_dict())
    one.end_of_epoch(1.0)
    other.end_of_epoch(1.0)
    assert one.state_dict() == other.state_dict()


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_weight_decay_is_of_weights_that_nothing_else_shrinks(name: str) -> None:
    network = FeedForward(4, (3, 2), 5)
    options = TrainOptions(optimiser=name, weight_decay=0.3, learning_rate=0.7)
    optimiser = make_optimiser(network, options, [network.affine[1].weight])
    for acting, left in ((True, 0.0), (False, 0.3)):
        rest_decay(optimiser, acting)
        decay = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
        assert [decay[id(layer.weight)] for layer in network.affine] == [0.3, left, 0.3]
    assert [decay[id(layer.bias)] for layer in network.affine] == [0.0] * 3
    assert len(decay) == len(list(network.parameters()))
    assert {group["lr"] for group in optimiser.param_groups} == {0.7}


def test_the_schedule_goes_with_the_optimiser() -> None:
    assert isinstance(make_schedule(TrainOptions(optimiser="adamw"), 10), OneCycle)
    assert isinstance(make_schedule(TrainOptions(optimiser="sgd"), 10), Newbob)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_one_part_is_the_plain_schedule(name: str) -> None:
    options = TrainOptions(optimiser=name, halve_below=0.3)
    plain, only = make_schedule(options, 50), ScheduleSequence(options, [(50, 1.0)])
    for epoch, entropy in enumerate((2.0, 1.2, 1.1, 1.0), 1):
        assert [only.rate(step) for step in range(51)] == [plain.rate(step) for step in range(51)]
        plain.end_of_epoch(entropy)
        only.end_of_epoch(entropy, 12 * epoch)


def test_each_part_has_a_cycle_of_its_own_at_its_share_of_the_rate() -> None:
    options = TrainOptions(learning_rate=0.5)
    turns = ScheduleSequence(options, [(40, 1.0), (10, 0.1), (30, 0.3)])
    for start, steps, factor in ((0, 40, 1.0), (40, 10, 0.1), (50, 30, 0.3)):
        alone = OneCycle(TrainOptions(learning_rate=0.5 * factor), steps)
        assert [turns.rate(start + i) for i in range(steps)] == pytest.approx([alone.rate(i) for i in range(steps)])
    assert turns.rate(80) == pytest.approx(0.5 * 0.3 / 1e4)


def test_newbob_judges_the_part_in_which_the_epoch_ended() -> None:
    options = TrainOptions(optimiser="sgd", learning_rate=0.8, halve_below=0.1)
    turns = ScheduleSequence(options, [(20, 1.0), (20, 0.5)])
    for entropy, step in ((2.0, 10), (1.99, 20)):
        turns.end_of_epoch(entropy, step)
    assert [turns.rate(19), turns.rate(20)] == [0.4, 0.4]
    turns.end_of_epoch(3.0, 30)
    assert turns.rate(30) == 0.4
    turns.end_of_epoch(2.99, 40)
    assert turns.rate(39) == 0.2
    again = ScheduleSequence(options, [(20, 1.0), (20, 0.5)])
    again.load_state_dict(turns.state_dict())
    assert again.state_dict() == turns.state_dict()
    assert again.rate(39) == 0.2
