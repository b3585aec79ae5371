"""LM weight and word insertion penalty: chosen where the development set has the fewest errors."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from asr_prune.errors import UserError
from asr_prune.score.align import distance
from asr_prune.score.options import ScoreOptions
from asr_prune.score.text import classes, merge, normalise

log = logging.getLogger(__name__)

Point = tuple[int, float]  # LM weight, penalty


def grid_errors(
    grid: Mapping[Point, Mapping[str, Sequence[str]]], refs: Mapping[str, Sequence[str]], options: ScoreOptions
) -> dict[Point, int]:
    """Errors (equivalents merged) of each point's hypotheses; an utterance without a hypothesis counts as deleted."""
    same, steps = classes(options), options.normalise
    said = [merge(normalise(words, steps), same) for words in refs.values()]
    return {
        point: distance(said, [merge(normalise(hyps.get(name, ()), steps), same) for name in refs])
        for point, hyps in grid.items()
    }


def choose(errors: Mapping[Point, int]) -> Point:
    """The point of fewest errors. Of several it is the one nearest to the centre of the tied ones.

    So the choice stands on a plateau and not on its rim. Distances are in steps of the grid; what is still tied goes to
    the smaller weight, then the smaller penalty. Kaldi's best_wer.sh takes whichever comes first in the listing.
    """
    weights, penalties = (sorted({point[axis] for point in errors}) for axis in (0, 1))
    least = min(errors.values())
    tied = sorted(point for point in errors if errors[point] == least)
    steps = [(weights.index(weight), penalties.index(penalty)) for weight, penalty in tied]
    centre = [sum(axis) / len(tied) for axis in zip(*steps, strict=True)]
    far = [round(sum((s - c) ** 2 for s, c in zip(step, centre, strict=True)), 9) for step in steps]
    return tied[far.index(min(far))]


def edges(choice: Point, grid: Sequence[Point] | Mapping[Point, object]) -> list[str]:
    """Sentences where `choice` lies at an edge of the grid, so that a better point may lie beyond.

    Penalty 0 is no edge: it means none.
    """
    found = []
    for name, axis in (("LM weight", 0), ("word insertion penalty", 1)):
        values = sorted({point[axis] for point in grid})
        if len(values) > 1 and choice[axis] in (values[0], values[-1]) and (axis == 0 or choice[axis] != 0):
            found.append(f"{name} {choice[axis]} is at the edge of the grid {values[0]} to {values[-1]}; widen it")
    return found


def tune(
    grid: Mapping[Point, Mapping[str, Sequence[str]]],
    refs: Mapping[str, Sequence[str]],
    options: ScoreOptions,
    name: str = "dev",
) -> Point:
    """(LM weight, penalty) with the fewest errors on the set `name`, ties as `choose` says; warns at an edge.

    grid: (weight, penalty) -> utterance -> words. Raises UserError where the grid or the set is empty.
    """
    if not grid:
        raise UserError(
            "there is no LM weight to choose from: give decode.lm_weights and decode.penalties at least one value each."
        )
    if not refs:
        raise UserError(f"the LM weight is chosen on {name}, which has no reference utterances; check its `text` file.")
    errors = grid_errors(grid, refs, options)
    choice = choose(errors)
    log.info("%s: LM weight %d and penalty %g have the fewest errors, %d", name, *choice, errors[choice])
    for sentence in edges(choice, grid):
        log.warning("%s: %s", name, sentence)
    return choice
