"""Networks and beams together: which pair is the fastest within a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asr_prune.decode.front_end_file import read_front_end
from asr_prune.errors import UserError
from asr_prune.layout import Layout
from asr_prune.report.results import read_result
from asr_prune.run_dir import RunDir
from asr_prune.search.bound import Loss

_HOUR = 3600.0


@dataclass(frozen=True)
class AtBeam:
    """A network decoded with a beam: what it loses on dev, and how long a second of speech takes,
    as a fraction of what it takes with the dense network and the recipe's beam.
    """

    beam: float
    loss: Loss
    time: float

    def __str__(self) -> str:
        return f"beam {exact(self.beam)}: loss {self.loss}, {self.time:.3g} of the time"


def exact(beam: float) -> str:
    """A beam with all of its digits, but 13 and not 13.0."""
    return repr(beam).removesuffix(".0")


def speech_seconds(layout: Layout, run: RunDir) -> float:
    """What a user waits for per second of speech, in seconds of one core: front end, adaptation,
    the network and the search, as last decoded. Parts that are not known, as of the front end of
    features that come as archives, count as nothing.
    """
    row, front = read_result(run.result, run.name), read_front_end(layout.front_end)
    before = (front.features or 0.0) + (front.adaptation or 0.0)
    return before + (row.am_forward_seconds_per_hour or 0.0) / _HOUR + row.rtf_decode


def check_beams(beams: Sequence[float], unit: str, searches: bool) -> None:
    """Raises UserError if there is nothing that beams could change. searches: whether words are
    searched for in a graph.
    """
    if beams and unit != "wer":
        raise UserError("--beam changes words and no cross-entropy; bound the words with --max-wer-loss.")
    if beams and not searches:
        raise UserError("--beam is of a search in a graph, and this recipe decodes greedily; leave it out.")
