"""Where LM weight and penalty fall, with ties and at edge_warnings."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.score.options import ScoreOptions
from asr_prune.score.tune import choose_point, edge_warnings, grid_errors, tune

REFS = {"a": ["ONE", "TWO"], "b": ["OH"]}


def grid_of(errors: dict[int, int], penalty: float = 0.0) -> dict[tuple[int, float], int]:
    return {(weight, penalty): count for weight, count in errors.items()}


def test_fewest_errors_with_equivalents_merged() -> None:
    grid = {
        (8, 0.0): {"a": ["ONE"], "b": ["OH"]},
        (9, 0.0): {"a": ["ONE", "TWO"], "b": ["O"]},
        (10, 0.0): {"a": ["ONE"]},
    }
    options = ScoreOptions(equivalents=[["O", "OH"]])
    assert grid_errors(grid, REFS, options) == {(8, 0.0): 1, (9, 0.0): 0, (10, 0.0): 2}
    assert tune(grid, REFS, options) == (9, 0.0)


def test_a_tie_goes_to_the_middle_of_the_plateau() -> None:
    assert choose_point(grid_of({7: 9, 8: 5, 9: 5, 10: 5, 11: 5, 12: 5, 13: 6})) == (10, 0.0)
    assert choose_point(grid_of({8: 5, 9: 5, 10: 5, 11: 5})) == (9, 0.0)
    square = {(weight, penalty): 1 for weight in (7, 8, 9) for penalty in (0.0, 0.5, 1.0)}
    assert choose_point(square) == (8, 0.5)


def test_two_islands_take_a_point_that_is_tied() -> None:
    assert choose_point(grid_of({7: 1, 8: 4, 9: 4, 10: 4, 11: 1})) == (7, 0.0)


@given(
    st.dictionaries(
        st.tuples(st.integers(1, 9), st.sampled_from([0.0, 0.5, 1.0])), st.integers(0, 3), min_size=1, max_size=20
    )
)
def test_chosen_point_is_of_the_best_and_order_does_not_matter(errors: dict[tuple[int, float], int]) -> None:
    chosen = choose_point(errors)
    assert errors[chosen] == min(errors.values())
    assert choose_point(dict(reversed(errors.items()))) == chosen


def test_edges() -> None:
    grid = [(weight, penalty) for weight in (7, 8, 9) for penalty in (0.0, 0.5, 1.0)]
    assert edge_warnings((8, 0.5), grid) == edge_warnings((8, 0.0), grid) == edge_warnings((7, 1.0), [(7, 1.0)]) == []
    assert edge_warnings((9, 0.5), grid) == ["LM weight 9 is at the edge of the grid 7 to 9; widen it"]
    assert len(edge_warnings((7, 1.0), grid)) == 2


def test_warns_at_an_edge(caplog: pytest.LogCaptureFixture) -> None:
    grid = {(7, 0.0): REFS, (8, 0.0): {}}
    with caplog.at_level(logging.WARNING):
        assert tune(grid, REFS, ScoreOptions(), "dev") == (7, 0.0)
    assert "LM weight 7 is at the edge" in caplog.text


def test_empty_grid_and_empty_set() -> None:
    with pytest.raises(UserError, match=r"decode\.lm_weights"):
        tune({}, REFS, ScoreOptions())
    with pytest.raises(UserError, match="no reference"):
        tune({(7, 0.0): {}}, {}, ScoreOptions())
