"""Lengths of phases as recipes write them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.pruning.lengths import check_length, epochs_of, updates_in
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.registry import find_options
from asr_prune.pruning.weight_options import SparseOptions


@given(st.floats(0, 0.99), st.integers(1, 10**6), st.integers(1, 50))
def test_a_fraction_is_one_of_the_updates(share: float, steps: int, epochs: int) -> None:
    check_length("press", share)
    assert updates_in("press", share, steps, epochs) == round(share * steps)
    assert epochs_of(share, epochs) == share * epochs


@pytest.mark.parametrize(
    ("text", "updates", "epochs"),
    [
        ("2 epochs", 200, 2),
        ("1 epoch", 100, 1),
        ("2.5 epochs", 250, 2.5),
        (".25epochs", 25, 0.25),
        ("500 updates", 500, 0),
        ("1 update", 1, 0),
    ],
)
def test_counted_lengths(text: str, updates: int, epochs: float) -> None:
    check_length("press", text)
    assert updates_in("press", text, 1000, 10) == updates
    assert epochs_of(text, 10) == epochs


@pytest.mark.parametrize(
    "wrong", ["", "2", "epochs", "-1 epochs", "2 hours", "1e3 updates", "2 epochs.", "nan epochs", "0.2"]
)
def test_other_texts_are_refused(wrong: str) -> None:
    for key in ("warm_up", "press", "fine_tune"):
        with pytest.raises(ValueError, match=f"^{key} must be a fraction of the updates, or a length such as 2 epochs"):
            PruneOptions(**{key: wrong})


@pytest.mark.parametrize("wrong", [-0.1, 1, 1.0, 7])
def test_other_fractions_are_refused(wrong: float) -> None:
    for key in ("warm_up", "press", "fine_tune"):
        with pytest.raises(ValueError, match=f"^{key} must be at least 0 and below 1 as a fraction"):
            PruneOptions(**{key: wrong})


def test_epochs_need_their_number() -> None:
    with pytest.raises(ValueError, match=r"press is 2 epochs, but here .* give it in updates"):
        updates_in("press", "2 epochs", 1000, None)


@pytest.mark.parametrize(
    ("asked", "epochs", "fits"),
    [
        ({"warm_up": "3 epochs", "fine_tune": 0.5}, 6, False),
        ({"warm_up": "3 epochs", "fine_tune": 0.5}, 7, True),
        ({"warm_up": "3 epochs", "fine_tune": "5 epochs"}, 8, False),
        ({"warm_up": "900 updates", "fine_tune": 0.5}, 2, True),
        ({"warm_up": 0.2, "press": "9 epochs"}, 2, True),
    ],
)
def test_phases_must_fit_into_the_epochs(asked: dict[str, Any], epochs: int, fits: bool) -> None:
    options = PruneOptions(**asked)
    if fits:
        options.check_epochs(epochs)
        return
    with pytest.raises(ValueError, match=f"together be below the {epochs} epochs of the run"):
        options.check_epochs(epochs)


def test_fractions_must_fit_without_knowing_the_epochs() -> None:
    with pytest.raises(ValueError, match="warm_up and fine_tune must together be below 1"):
        PruneOptions(warm_up=0.5, fine_tune=0.5)


@pytest.mark.parametrize("asked", [{"press": "2 epochs"}, {"release_rate": 1.0}])
def test_methods_with_phases_of_their_own_refuse_them(asked: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="has no meaning for dsd, which has phases of its own"):
        SparseOptions(method="dsd", **asked)


@pytest.mark.parametrize("press", [0, 0.0, "0 updates", "0.3 updates", "0 epochs"])
@pytest.mark.parametrize("method", ["group_lasso", "guided", "complexity"])
def test_a_steered_method_is_refused_without_a_press(method: str, press: float | str) -> None:
    """It would be a cut by norms at once."""
    with pytest.raises(ValueError, match=f"press {press} leaves {method} no update .*; give it more, or take method"):
        find_options(method)(method=method, keep=0.5, press=press)
    assert find_options("magnitude")(method="magnitude", keep=0.5, press=press)
    assert find_options(method)(method=method, keep=0.5, press="1 updates")


@pytest.mark.parametrize("rate", [0, -1.0])
def test_a_release_rate_is_above_zero(rate: float) -> None:
    with pytest.raises(ValueError, match="release_rate must be above 0"):
        PruneOptions(release_rate=rate)
