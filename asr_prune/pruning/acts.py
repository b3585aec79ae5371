"""When the settings of a method act: rules for the tables `ACTS` of the options classes; read
without torch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from asr_prune.errors import listed
from asr_prune.pruning.lengths import is_nothing


class Inert(NamedTuple):
    """Why a setting does nothing, after "since", and how it would do something; empty: not at all."""

    why: str
    instead: str = ""

    def sentence(self, key: str, block: str = "") -> str:
        """What is told of `key` in `block`, such as "prune.", without a full stop."""
        instead = f"{self.instead}, or " if self.instead else ""
        return f"{block}{key} means nothing, since {self.why}; {instead}leave {key} out"


#: takes a method's options; None: the setting acts
Rule = Callable[[Any], Inert | None]


def inert(options: Any, key: str) -> Inert | None:
    """Why `key` of a method's options does nothing; None if it acts, or has its default."""
    rule = options.ACTS.get(key)
    if rule is None or getattr(options, key) == getattr(type(options), key):
        return None
    found: Inert | None = rule(options)
    return found


def where(other: str, *values: Any) -> Rule:
    """It acts where the setting `other` has one of `values`."""

    def rule(options: Any) -> Inert | None:
        now = getattr(options, other)
        if now in values:
            return None
        said = f"{other} is {'not given' if now is None else now}"
        return Inert(said, f"set {other} to {listed([str(value) for value in values], 'or')}")

    return rule


def never(why: str) -> Rule:
    """It never acts."""
    return lambda options: Inert(why)


def both(first: Rule, second: Rule) -> Rule:
    """It acts where both rules let it."""
    return lambda options: first(options) or second(options)


def where_nodes_go(options: Any) -> Inert | None:
    """It is of nodes that are removed."""
    if not options.REMOVES:
        return Inert(f"{options.method} removes no nodes")
    if options.sparsity_asked is not None:
        return Inert("granularity is weight", "set granularity to node")
    return None


def where_cut_is_followed(options: Any) -> Inert | None:
    """It is of the updates after the cut."""
    if options.press is None and is_nothing(options.fine_tune):
        return Inert("fine_tune leaves no update after the cut", "raise fine_tune")
    return None


def where_asked(options: Any) -> Inert | None:
    """It is of a number of nodes, or a cost, that was asked for."""
    if options.keep is not None or options.budget is not None:
        return None
    return Inert("neither keep nor budget is given", f"give one of them{_for_strength(options)}")


def where_steered(options: Any) -> Inert | None:
    """It is of a lambda that is steered: that of the nodes, or of inputs with a number of their own."""
    if not isinstance(options.inputs, bool) or where_asked(options) is None:
        return None
    why = "lambda is not steered" if options.strength is None else "strength fixes lambda"
    return Inert(why, f"give keep or budget{_for_strength(options)}")


def where_free(options: Any) -> Inert | None:
    """It is a lambda for runs that `strength` gives none."""
    return None if options.strength is None else Inert("strength gives lambda", "give keep in its place")


def where_unsteered(no_zeros: Rule) -> Rule:
    """It is the lambda of a penalty that is not steered, as it brings no vector to zero by the rule
    `no_zeros`, or as nothing is asked of the nodes.
    """

    def rule(options: Any) -> Inert | None:
        if options.strength is not None and isinstance(options.inputs, bool):
            return where_free(options)
        asked = options.strength is not None or where_asked(options) is None
        return no_zeros(options) if asked else None

    return rule


def _for_strength(options: Any) -> str:
    return "" if options.strength is None else " in place of strength"


#: of the settings that all methods share
SHARED: dict[str, Rule] = {
    "floor": both(where_nodes_go, where_asked),
    "min_nodes": where_nodes_go,
    "live_shrink": where_nodes_go,
    "turn": where_nodes_go,
    "output_energy": where("output_rank", "auto"),
    "release_rate": where_cut_is_followed,
}
