"""HMM topologies in Kaldi's text form (gen_topo.pl)."""

from __future__ import annotations

from collections.abc import Sequence


def topology(phones: Sequence[int], silences: Sequence[int], phone_states: int, silence_states: int) -> str:
    """The `topo` file.

    `phones` get `phone_states` left-to-right states, `silences` get `silence_states` with skips.
    """
    return "\n".join(
        [
            "<Topology>",
            *_entry(phones, [_loop(i) for i in range(phone_states)]),
            *_entry(silences, _silence(silence_states)),
            "</Topology>",
            "",
        ]
    )


def _loop(state: int) -> list[tuple[int, float]]:
    return [(state, 0.75), (state + 1, 0.25)]


def _silence(states: int) -> list[list[tuple[int, float]]]:
    """The first state reaches all but the last; middle ones all but the first; the last the exit."""
    p = 1 / (states - 1)
    first = [(target, p) for target in range(states - 1)]
    middle = [(target, p) for target in range(1, states)]
    return [first, *[middle] * (states - 2), _loop(states - 1)]


def _entry(phones: Sequence[int], states: list[list[tuple[int, float]]]) -> list[str]:
    lines = ["<TopologyEntry>", "<ForPhones>", " ".join(map(str, phones)), "</ForPhones>"]
    for i, arcs in enumerate(states):
        text = " ".join(f"<Transition> {target} {p:g}" for target, p in arcs)
        lines.append(f"<State> {i} <PdfClass> {i} {text} </State>")
    return [*lines, f"<State> {len(states)} </State>", "</TopologyEntry>"]
