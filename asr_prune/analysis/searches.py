"""How long the searches of an experiment take: with its decoding graph and a network, or its
Gaussians, as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from asr_prune.acoustic.checkpoint import Model, load_model
from asr_prune.acoustic.examples import splice_utterance
from asr_prune.acoustic.priors import log_likelihoods
from asr_prune.analysis.graph_size import SizeEstimate, graph_size
from asr_prune.analysis.search_speed import SearchSpeed, Trial, bound_speed, loaded, measured_speed
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.gmm import gmm_log_likelihoods
from asr_prune.decode.network_scores import with_token_priors
from asr_prune.decode.options import DecodeOptions, grid
from asr_prune.decode.two_networks import NARROW, comparison_weight
from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Floats
from asr_prune.hmm.network_features import Feats, pass_features
from asr_prune.layout import SCORED_SETS
from asr_prune.recipe.load import Run
from asr_prune.stages.decode import search_options
from asr_prune.stages.graph import FIRST_PASSES
from asr_prune.workflow.experiment import Experiment

#: seconds of processor time for the searches of all runs together, by kind of work
ALLOWANCE = {"decode": 7.0, "verify": 2.0, "adapt": 2.0}
#: frames of an utterance that are searched at most, from its middle
FRAMES = 500
#: utterances at most
PIECES = 60
#: size of a graph's file that is loaded at most, in about ten seconds
GRAPH_BYTES = 400_000_000
#: multiples of it, without their integers, are spread evenly, however many there are
_GOLDEN = (5**0.5 - 1) / 2

#: (what gives the scores, scores by utterance, seconds that a frame of them stands for)
_Scores = tuple[str, Iterator[tuple[str, Floats]], float]


@dataclass
class Searches:
    """known: by kind of work and run; tried: what was measured, by kind, with the source of its
    scores; bounds: what was extrapolated, in words, by kind.
    """

    experiment: Experiment
    tried: dict[str, list[tuple[str, SearchSpeed]]] = field(default_factory=dict)
    bounds: dict[str, str] = field(default_factory=dict)
    known: dict[tuple[str, str], SearchSpeed] = field(default_factory=dict)

    @property
    def notes(self) -> list[str]:
        """What the estimates rest on, a sentence for each kind of work."""
        bounds = [f"Search of {kind} (~): not measured, extrapolated {how}." for kind, how in self.bounds.items()]
        return [_measured_note(kind, *zip(*tried, strict=True)) for kind, tried in self.tried.items()] + bounds

    @cached_property
    def graph(self) -> SizeEstimate:
        """The size of the decoding graph, none for greedy decoding."""
        graph = self.experiment.graph
        return graph_size(graph, self.experiment.layout.lang) if graph else SizeEstimate(0, 0, False)

    def decode(self, run: Run) -> SearchSpeed:
        """Of the lattice of an utterance, and of its words at all LM weights and penalties."""
        options = search_options(self.experiment.recipe.decode)
        points = [] if options.lattice else grid(options)
        return self._of_run("decode", run, [Trial(options, points)])

    def verify(self, run: Run) -> SearchSpeed:
        """Of the best path in the narrow search by which networks are compared."""
        scale = 1 / comparison_weight(self.experiment.ctc)
        return self._of_run("verify", run, [Trial(replace(NARROW, acoustic_scale=scale))])

    def adapt(self) -> SearchSpeed:
        """Of the two lattices that give the transforms of a speaker."""
        options = {key: getattr(self.experiment.recipe.decode, key) for key in FIRST_PASSES}
        scale, beam = 1 / options["adapt_lm_weight"], options["adapt_lattice_beam"]
        last = replace(DecodeOptions(**options), acoustic_scale=scale, lattice_beam=beam)
        first = replace(last, beam=last.first_beam, max_active=last.first_max_active)
        return self._speed("adapt", [self._gaussians], [Trial(first, []), Trial(last, [])], ALLOWANCE["adapt"])

    def _of_run(self, kind: str, run: Run, searches: Sequence[Trial]) -> SearchSpeed:
        """Runs beyond the patience take as much as those measured before them."""
        if self.experiment.graph is None:
            return SearchSpeed(0.0)
        if (kind, run.name) not in self.known:
            earlier = [speed for (other, _), speed in self.known.items() if other == kind]
            left = ALLOWANCE[kind] - sum(speed.spent for speed in earlier)
            if earlier and (left <= 0 or earlier[0].extrapolated):
                return replace(earlier[0], rtf=sum(speed.rtf for speed in earlier) / len(earlier))
            share = left / max(1, len(self.experiment.runs) - len(earlier))
            self.known[kind, run.name] = self._speed(kind, self._sources(run), searches, share)
        return self.known[kind, run.name]

    def _speed(
        self, kind: str, sources: Sequence[Callable[[], _Scores]], searches: Sequence[Trial], limit: float
    ) -> SearchSpeed:
        """With the first source of scores that fits the graph; from the size of the graph if there
        is none.
        """
        for source in sources:
            with suppress(UserError):
                name, speed = self._measured(source, searches, limit)
                self.tried.setdefault(kind, []).append((name, speed))
                return speed
        return self._bound(kind, searches)

    def _measured(
        self, source: Callable[[], _Scores], searches: Sequence[Trial], limit: float
    ) -> tuple[str, SearchSpeed]:
        """With the name of the source. Raises UserError if there is no graph, or if the scores do
        not fit it.
        """
        decoder, load = self._decoder
        name, scores, shift = source()
        return name, replace(measured_speed(decoder, scores, shift, searches, limit), load=load)

    def _bound(self, kind: str, searches: Sequence[Trial]) -> SearchSpeed:
        states, most = self.graph.states, max(own.options.max_active for own in searches)
        speed = bound_speed(states, self.experiment.features.frame_shift, searches)
        size = f"a graph of about {states:.0f} states" if states < most else f"max_active {most}"
        self.bounds[kind] = f"with as many active states as {size} allows: RTF {speed.rtf:.2g}"
        return speed

    @cached_property
    def _decoder(self) -> tuple[Decoder, float]:
        """With the seconds of loading. Raises UserError without a graph, or with one that is too
        large to try or cannot be read.
        """
        assert self.experiment.graph is not None
        file = self.experiment.graph / "HCLG.fst"
        if file.is_file() and file.stat().st_size > GRAPH_BYTES:
            raise UserError(f"{file} is too large to try; run asr-prune bench instead.")
        return loaded(self.experiment.graph, DecodeOptions())

    def _sources(self, run: Run) -> list[Callable[[], _Scores]]:
        """The run's network, those of other runs, and the Gaussians."""
        layout = self.experiment.layout
        folders = [layout.run(run.name), *layout.existing_runs()]
        paths = dict.fromkeys(folder.shrunk for folder in folders if folder.shrunk.is_file())
        networks = [partial(self._network, path) for path in paths]
        return [*networks, self._gaussians]

    def _network(self, path: Path) -> _Scores:
        decoding = self.experiment.decoding
        model = load_model(path)
        decoding.check_features(model.features, path)
        model, feats = with_token_priors(decoding, model), self._pieces(decoding.stored)
        if any(splice_utterance(own, model.context).shape[1] != model.network.inputs for own in feats.values()):
            raise UserError(f"{path} was trained on features of another dimension; train it again.")
        return str(path), _network_scores(model, feats), decoding.features.frame_shift * model.network.stride

    def _gaussians(self) -> _Scores:
        """Of the pass that labels the networks, without transforms of the speakers."""
        hmm, options = self.experiment.labels, self.experiment.recipe.features.hmm
        layout = self.experiment.layout
        feats = self._pieces(lambda part: pass_features(layout.set(part), options, hmm, adapt=False))
        return f"the Gaussians of {hmm}", gmm_log_likelihoods(hmm, feats), options.frame_shift_ms / 1000

    def _pieces(self, stored: Callable[[str], Feats]) -> dict[str, Floats]:
        """The middle of some utterances of dev and test; however few of them are searched, they lie
        evenly in the sets and so come from many speakers.
        """
        sets = [stored(part) for part in SCORED_SETS]
        names = [(feats, name) for feats in sets for name in sorted(feats)]
        order = np.argsort(np.argsort(np.arange(len(names)) * _GOLDEN % 1))[:PIECES]
        return {name: _middle(feats[name]) for feats, name in (names[i] for i in order)}


def _measured_note(kind: str, names: Sequence[str], speeds: Sequence[SearchSpeed]) -> str:
    count, seconds = sum(own.utterances for own in speeds), sum(own.speech for own in speeds)
    rtfs = [f"{rtf:.2g}" for rtf in (min(own.rtf for own in speeds), max(own.rtf for own in speeds))]
    source = names[0] if len(set(names)) == 1 else f"{names[0]} and others"
    what = f"{count} utterances, {seconds:.0f} s of speech, with {source}"
    return f"Search of {kind}: measured on {what}: RTF {' to '.join(dict.fromkeys(rtfs))}."


def _middle(frames: Floats) -> Floats:
    start = max(0, len(frames) - FRAMES) // 2
    return frames[start : start + FRAMES]


def _network_scores(model: Model, feats: Feats) -> Iterator[tuple[str, Floats]]:
    """One utterance after another, in the order of `feats`."""
    for name, own in feats.items():
        yield from log_likelihoods(model.network, model.priors, {name: own}, model.context)
