"""Choice of LM weight and word insertion penalty: fewest errors on the development set."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from asr_prune.decode.options import Point
from asr_prune.errors import UserError
from asr_prune.score.align import distance
from asr_prune.score.choose import choose
from asr_prune.score.options import ScoreOptions
from asr_prune.score.text import merge, normalise, reference, representatives

log = logging.getLogger(__name__)


def grid_errors(
    grid: Mapping[Point, Mapping[str, Sequence[str]]],
    refs: Mapping[str, Sequence[str]],
    options: ScoreOptions,
) -> dict[Point, int]:
    """Word errors of each point's hypotheses, equivalents merged.

    An utterance without a hypothesis counts as deleted.
    """
    same, steps, errors = representatives(options), options.normalise, {}
    parts = [reference(name, words, options) for name, words in refs.items()]
    for point, hyps in grid.items():
        words = [merge(normalise(hyps.get(name, ()), steps), same) for name in refs]
        chosen = [choose(*both, same).spoken for both in zip(parts, words, strict=True)]
        errors[point] = distance([merge(each, same) for each in chosen], words)
    return errors


def choose_point(errors: Mapping[Point, int]) -> Point:
    """The point with the fewest errors; of several, the one nearest to the centre of the tied ones.

    The choice thus lies in the middle of a plateau. Distances are in steps of the grid; remaining
    ties go to the smaller weight, then the smaller penalty. Kaldi's best_wer.sh takes the first
    tied point of its listing.
    """
    weights, penalties = (sorted({point[axis] for point in errors}) for axis in (0, 1))
    least = min(errors.values())
    tied = sorted(point for point in errors if errors[point] == least)
    steps = [(weights.index(weight), penalties.index(penalty)) for weight, penalty in tied]
    centre = [sum(axis) / len(tied) for axis in zip(*steps, strict=True)]
    squares = [sum((s - c) ** 2 for s, c in zip(step, centre, strict=True)) for step in steps]
    distances = [round(square, 9) for square in squares]
    return tied[distances.index(min(distances))]


def edge_warnings(choice: Point, grid: Sequence[Point] | Mapping[Point, object]) -> list[str]:
    """A sentence per axis on which `choice` lies at an edge of the grid.

    A better point may lie beyond. Penalty 0, no penalty, does not count as an edge.
    """
    sentences = []
    for name, axis in (("LM weight", 0), ("word insertion penalty", 1)):
        values = sorted({point[axis] for point in grid})
        at_edge = len(values) > 1 and choice[axis] in (values[0], values[-1])
        if at_edge and (axis == 0 or choice[axis] != 0):
            span = f"{values[0]} to {values[-1]}"
            sentences.append(f"{name} {choice[axis]} is at the edge of the grid {span}; widen it")
    return sentences


def tune(
    grid: Mapping[Point, Mapping[str, Sequence[str]]],
    refs: Mapping[str, Sequence[str]],
    options: ScoreOptions,
    name: str = "dev",
) -> Point:
    """The point with the fewest errors on the set `name`, ties as in `choose_point`.

    grid: by point, the words of each utterance. Warns if the point lies at an edge of the grid.
    Raises UserError if the grid or the set is empty.
    """
    if not grid:
        raise UserError("no LM weight to choose from; give decode.lm_weights and decode.penalties a value.")
    if not refs:
        raise UserError(f"{name} has no references for the LM weight; check its `text` file.")
    errors = grid_errors(grid, refs, options)
    choice = choose_point(errors)
    text = "%s: LM weight %d and penalty %g have the fewest errors, %d"
    log.info(text, name, *choice, errors[choice])
    for sentence in edge_warnings(choice, grid):
        log.warning("%s: %s", name, sentence)
    return choice
