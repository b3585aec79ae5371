from __future__ import annotations

import kaldifst
import pytest

from asr_prune.lang.back_off import without_redundant_states

# 0 -a-> 1, which only backs off to 2, which only backs off to 3; 4 is final besides; 5 leaves by a word
G = """0 1 1 1 0.5
0 4 2 2 0.25
0 3 9 0 2.0
1 2 9 0 0.125
2 3 9 0
3 0 3 3 1.0
3 5 1 1 1.5
4 3 9 0 0.75
4 0.5
5 3 1 1
3
"""


def test_arcs_lead_past_states_that_only_back_off() -> None:
    assert without_redundant_states(G, 9).splitlines() == [
        "0 3 1 1 0.625",
        "0 4 2 2 0.25",
        "0 3 9 0 2.0",
        "3 0 3 3 1.0",
        "3 5 1 1 1.5",
        "4 3 9 0 0.75",
        "4 0.5",
        "5 3 1 1",
        "3",
    ]


def test_the_start_stays() -> None:
    text = "0 1 9 0 0.5\n1 1 1 1 0.25\n1\n"
    assert without_redundant_states(text, 9) == text


@pytest.mark.parametrize("words", [[1, 3], [2], [2, 1, 1], [1, 1, 1]])
def test_every_sentence_costs_what_it_did(words: list[int]) -> None:
    line = kaldifst.make_linear_acceptor(words)
    for state in range(line.num_states):
        line.add_arc(state, kaldifst.StdArc(9, 9, 0.0, state))
    kaldifst.arcsort(line, "olabel")
    costs = []
    for text in (G, without_redundant_states(G, 9)):
        g = kaldifst.compile(text)
        kaldifst.arcsort(g, "ilabel")
        costs.append(
            float(kaldifst.get_linear_symbol_sequence(kaldifst.shortest_path(kaldifst.compose(line, g)))[3].value)
        )
    assert costs[0] == pytest.approx(costs[1])
