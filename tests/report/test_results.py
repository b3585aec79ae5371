"""One schema of results.json: written, read and checked by the same class."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from asr_prune.report.results import Result, finite
from asr_prune.report.results_text import CSV_COLUMNS

from .conftest import invented, invented_row


def test_a_stored_row_comes_back_with_the_same_keys_in_the_same_order() -> None:
    row = invented_row("a", "guided", 512, 10.0)
    place = list(row).index("wer_dev")
    row = dict([*list(row.items())[:place], ("prefix_share", 0.5), *list(row.items())[place:]])
    assert json.dumps(Result.from_dict(row).to_dict()) == json.dumps(row)
    assert Result.from_dict(row).extra == {"prefix_share": 0.5}


def test_accepted_code_is_stored_only_if_there_is_some() -> None:
    row = invented_row("a", "l2", 512, 10.0, code_accepted=["train"])
    assert Result.from_dict(row).code_accepted == ("train",)
    assert Result.from_dict(row).to_dict() == row
    assert "code_accepted" not in invented("a", "l2", 512, 10.0).to_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": None}, "method is None and not text"),
        ({"wer_test": "ten"}, "wer_test is 'ten' and not a number"),
        ({"nodes": True}, "nodes is True and not a number"),
        ({"nodes_per_layer": 4}, "nodes_per_layer is 4 and not a list"),
        ({"converged": 1}, "converged is 1 and not true or false"),
    ],
)
def test_values_of_another_type_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Result.from_dict(invented_row("a", "l2", 512, 10.0) | change)


def test_an_older_row_may_lack_keys() -> None:
    assert Result.from_dict({"run": "a", "method": "l2"}).wer_test is None


def test_the_columns_of_the_csv_are_fields() -> None:
    assert set(CSV_COLUMNS) <= {field.name for field in fields(Result)}


def test_what_is_not_finite_is_none() -> None:
    assert [finite(value) for value in (None, float("nan"), float("inf"), 3)] == [None, None, None, 3.0]
