"""Steering in a toy world, in which the mass falls at a rate proportional to the strength."""

from __future__ import annotations

import math

import pytest

from asr_prune.pruning.steering import HASTE, Steering

CORRECTIONS = 80


def simulate(steering: Steering, response: float, lag: float, start: float) -> list[float]:
    """The share of the mass left after each correction; the fall follows the strength with a lag, in corrections."""
    mass, fall, shares = 50.0, 0.0, []
    steering.begin(start, mass)
    for i in range(1, CORRECTIONS + 1):
        fall += (response * steering.strength - fall) / lag
        mass = max(0.0, mass - 50.0 * fall / CORRECTIONS)
        shares.append(mass / 50.0)
        steering.correct(i / CORRECTIONS, mass)
    return shares


@pytest.mark.parametrize("response", [0.1, 10.0])
@pytest.mark.parametrize("lag", [1.0, 3.0])
@pytest.mark.parametrize("start", [0.1, 0.5])
def test_the_mass_falls_along_the_line(response: float, lag: float, start: float) -> None:
    """From a first strength that is `start` of what would do it, whatever the response."""
    steering = Steering()
    shares = simulate(steering, response, lag, start / response)
    assert shares == sorted(shares, reverse=True)
    for i, share in enumerate(shares, 1):
        if i / CORRECTIONS > 0.3:
            assert abs(share - steering.wanted(i / CORRECTIONS)) < 0.15, i / CORRECTIONS
    assert shares[-1] < 0.02


def test_the_line_lands_before_the_cut() -> None:
    steering = Steering(land=0.8)
    assert [steering.wanted(p) for p in (0.0, 0.4, 0.8, 1.0)] == pytest.approx([1.0, 0.5, 0.0, 0.0])


def test_mass_above_the_line_raises_the_strength_and_below_lowers_it() -> None:
    for share, way in ((0.97, 1), (0.1, -1)):
        steering = Steering()
        steering.begin(2.0, 10.0)
        steering.correct(0.2, share * 10.0)
        assert math.copysign(1, steering.strength - 2.0) == way
        assert 2.0 / steering.most <= steering.strength <= 2.0 * steering.most


def test_a_strength_that_moves_nothing_may_rise_faster() -> None:
    """Only after an eighth of the phase."""
    for progress, most in ((0.1, 1.3), (0.2, HASTE)):
        steering = Steering(gain=100.0)
        steering.begin(2.0, 10.0)
        steering.correct(progress, 10.0)
        assert steering.strength == pytest.approx(2.0 * most)


def test_one_correction_is_the_formula() -> None:
    steering = Steering(land=0.8, gain=4.0, most=2.0, look_ahead=0.05)
    steering.begin(3.0, 10.0)
    steering.correct(0.1, 9.0)
    ahead = 0.9 + (0.9 - 1.0) / 0.1 * 0.05
    assert steering.strength == pytest.approx(3.0 * math.exp(4 * (ahead - (1 - 0.15 / 0.8))))


def test_held_strength_may_fall_but_not_rise_until_freed() -> None:
    steering = Steering()
    steering.begin(1.0, 10.0)
    steering.correct(0.1, 10.0)
    held = steering.strength
    steering.hold()
    steering.correct(0.2, 10.0)
    assert steering.strength == held
    steering.correct(0.3, 1.0)
    assert steering.strength < held
    lower = steering.strength
    steering.hold()
    steering.correct(0.5, 10.0)
    assert steering.strength == lower
    steering.free()
    steering.correct(0.6, 10.0)
    assert steering.strength > lower


def test_a_resumed_steering_goes_on_alike() -> None:
    one = Steering()
    untouched = Steering()
    untouched.load_state_dict(one.state_dict())
    assert untouched.before is None
    one.begin(1.0, 10.0)
    one.correct(0.1, 9.5)
    one.hold()
    other = Steering()
    other.load_state_dict(one.state_dict())
    for steering in (one, other):
        steering.correct(0.2, 9.0)
        steering.correct(0.3, 2.0)
    assert one.state_dict() == other.state_dict()
