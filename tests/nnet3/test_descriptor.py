from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.nnet3.descriptor import Descriptor, DescriptorError, node, parse_descriptor

NAMES = st.sampled_from(["input", "tdnn1.relu", "prefinal-l", "ivector"]).map(node)
NUMBERS = st.integers(-9, 9).map(str)


def _larger(parts: st.SearchStrategy[Descriptor]) -> st.SearchStrategy[Descriptor]:
    def of(kind: str, *values: st.SearchStrategy[str], most: int = 1) -> st.SearchStrategy[Descriptor]:
        several = st.lists(parts, min_size=1, max_size=most).map(tuple)
        return st.builds(Descriptor, st.just(kind), several, st.tuples(*values))

    return st.one_of(
        of("Append", most=4),
        of("Sum", most=3),
        of("IfDefined"),
        of("Offset", NUMBERS),
        of("Offset", NUMBERS, NUMBERS),
        of("Round", st.integers(1, 9).map(str)),
        of("ReplaceIndex", st.sampled_from("tx"), NUMBERS),
        of("Scale", st.sampled_from(["0.66", "-1", "1e-05"])),
        st.builds(Descriptor, st.just("Failover"), st.tuples(parts, parts)),
        st.builds(Descriptor, st.just("Const"), st.just(()), st.tuples(st.just("0.5"), st.just("3"))),
    )


@given(st.recursive(NAMES, _larger, max_leaves=8))
def test_what_is_printed_is_read(made: Descriptor) -> None:
    assert parse_descriptor(str(made)) == made


def test_a_spliced_input() -> None:
    text = "Append(Offset(input, -1), input, Scale(0.4, ReplaceIndex(ivector, t, 0)))"
    found = parse_descriptor(text)
    assert (found.kind, found.parts[0].values, found.parts[1]) == ("Append", ("-1",), node("input"))
    assert [*found.nodes()] == ["input", "input", "ivector"]
    assert found.parts[2].number(0) == 0.4
    assert str(found) == text


WRONG = {
    "Switch(a, b)": "the operator Switch() is not known",
    "Offset(a)": "too much or too little",
    "Offset(a, 1": "a bracket is not closed",
    "Sum(a, b) c": "'c' follows a whole expression",
    "Failover(a)": "too much or too little",
    "Append()": "an expression is missing",
    "Scale(x, a)": "'x' in Scale(x, a) is no scale",
    "Round(a, 0)": "'0' in Round(a, 0) is no modulus",
    "ReplaceIndex(a, n, 0)": "'n' in ReplaceIndex(a, n, 0) is no index",
    "Offset(a, 0.5)": "'0.5' in Offset(a, 0.5) is no t",
    "Sum(a b)": "expected a comma, found 'b'",
    "": "an expression is missing",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_expression(text: str) -> None:
    with pytest.raises(DescriptorError) as caught:
        parse_descriptor(text)
    assert WRONG[text] in str(caught.value)
