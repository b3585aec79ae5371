"""Options of the `decode:` block."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import ClassVar, Literal

from asr_prune.options import options

#: LM weight and word insertion penalty
Point = tuple[float, float]
#: where a network computes
Device = Literal["cpu", "cuda", "auto"]

_LEAST = (("adapt_lm_weight", 1), ("max_active", 2), ("first_max_active", 2), ("min_active", 0), ("prune_interval", 1))


@options
class DecodeOptions:
    """Scales of the graph, beams of the search and the grid for tuning; defaults are Kaldi's."""

    #: options that came later: at their defaults, no finished work is out of date for them
    LATER: ClassVar[tuple[str, ...]] = ("device",)
    #: hmm: networks are trained on GMM-HMM labels; ctc: on transcripts, without alignment; auto:
    #: ctc if the corpus has no lexicon
    type: Literal["auto", "hmm", "ctc"] = "auto"
    #: ctc only: greedy takes the most likely token of each frame; graph searches words of the
    #: language model; auto: graph if the corpus has a language model or text to train one
    search: Literal["auto", "greedy", "graph"] = "auto"
    #: beam of the search, in scaled log-likelihood
    beam: float = 15.0
    #: states that go on at most from a frame to the next: the bound on time and memory
    max_active: int = 7000
    #: states that go on at least, even outside the beam
    min_active: int = 200
    #: added to the beam that max_active or min_active implies
    beam_delta: float = 0.5
    #: frames between two removals of what is outside the lattice beam; changes memory and time only
    prune_interval: int = 25
    #: beam of the lattice around the best path, in scaled log-likelihood
    lattice_beam: float = 8.0
    #: acoustic scale of lattice generation, 1 / LM weight
    acoustic_scale: float = 0.1
    #: keep the lattices, as Kaldi's lat.1.gz, so that other LM weights and penalties need no search
    lattice: bool = False
    #: with lattice: keep one path of each word sequence, its best at acoustic_scale, as Kaldi's
    #: decoders do; the file is a fifth of the size, and decoding takes longer
    determinize_lattice: bool = False
    #: LM weights to try; weight w scales acoustic log-likelihoods by 1/w
    lm_weights: tuple[int, ...] = tuple(range(7, 18))
    #: ctc only: LM weights to try instead of lm_weights, lower as posteriors are sharper; 1 / their
    #: mean replaces acoustic_scale
    ctc_lm_weights: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    #: ctc with search graph only: posteriors are divided by token priors to this power, 0 to 1
    ctc_prior_scale: float = 0.4
    #: word insertion penalties to try: cost added per word
    penalties: tuple[float, ...] = (0.0, 0.5, 1.0)
    #: graph directory of Kaldi's mkgraph.sh to use instead of building a graph; its model must be
    #: the one that made the labels
    graph: Path | None = None
    #: where the network computes, also of verify, widths, transcribe, ctm and bench decode: cpu; cuda,
    #: a batch of utterances at once, in decode while the CPU searches those before; auto: cuda if
    #: available. Words may differ where scores differ by rounding. Workers of an executor, and packed
    #: models, compute on the CPU
    device: Device = "cpu"
    #: scale of transition log-probabilities in the graph, except self-loops
    transition_scale: float = 1.0
    #: scale of self-loop log-probabilities in the graph
    self_loop_scale: float = 0.1

    #: LM weight of the two decoding passes that precede fMLLR estimation
    adapt_lm_weight: int = 12
    #: lattice beam of these passes, whose posteriors the transforms are estimated on
    adapt_lattice_beam: float = 6.0
    #: weight of silence in these posteriors
    adapt_silence: float = 0.01
    #: beam of the first of these passes
    first_beam: float = 10.0
    #: max_active of the first of these passes
    first_max_active: int = 2000

    def applied(self, lexicon: bool, language_model: bool) -> DecodeOptions:
        """These options with every `auto` resolved for a corpus with or without the two.

        Greedy decoding gets one LM weight and penalty, which have no effect.
        """
        if self.type == "hmm" or (self.type == "auto" and lexicon):
            return replace(self, type="hmm", search="auto")
        if self.search == "greedy" or (self.search == "auto" and not language_model):
            greedy = replace(self, type="ctc", search="greedy", lattice=False, determinize_lattice=False)
            return replace(greedy, lm_weights=(1,), penalties=(0.0,))
        weights = self.ctc_lm_weights
        scale = len(weights) / sum(weights)
        return replace(self, type="ctc", search="graph", lm_weights=weights, acoustic_scale=scale)

    def __post_init__(self) -> None:
        if self.type == "hmm" and self.search != "auto":
            raise ValueError(f"search {self.search} is for type ctc; leave it out with type hmm")
        if self.determinize_lattice and not self.lattice:
            raise ValueError("determinize_lattice is for lattices that are kept; set lattice to true too")
        self._check_beams()
        for name in ("lm_weights", "ctc_lm_weights"):
            weights = getattr(self, name)
            if not weights or min(weights) < 1:
                raise ValueError(f"{name} must be numbers of at least 1, not {list(weights)}")
        if not self.penalties:
            raise ValueError("penalties must have at least one number, for instance 0.0")
        for name in ("lm_weights", "ctc_lm_weights", "penalties"):
            values = getattr(self, name)
            if twice := [value for value in values if values.count(value) > 1]:
                raise ValueError(f"{name} has {twice[0]} twice; give each value once")

    def _check_beams(self) -> None:
        for name in ("beam", "first_beam", "lattice_beam", "adapt_lattice_beam", "acoustic_scale", "beam_delta"):
            if getattr(self, name) < 1e-9:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name, least in _LEAST:
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, not {getattr(self, name)}")
        for name in ("max_active", "first_max_active"):
            if getattr(self, name) < self.min_active:
                what = f"{name} must be at least min_active, {self.min_active}, not {getattr(self, name)}"
                raise ValueError(f"{what}; lower min_active too")
        for name in ("ctc_prior_scale", "adapt_silence"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be 0 to 1, not {getattr(self, name)}")


def grid(options: DecodeOptions) -> list[Point]:
    """All pairs of LM weight and word insertion penalty."""
    return list(product(options.lm_weights, options.penalties))
