"""Options of the `decode:` block."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from asr_prune.options import options

#: LM weight and word insertion penalty
Point = tuple[float, float]


@options
class DecodeOptions:
    """The graph's scales, the search's beams and the grid that is tried on the development set; Kaldi's values."""

    #: hmm: networks learn the GMM-HMM's labels; ctc: they learn to spell transcripts, without any alignment; auto: ctc
    #: where the corpus has no lexicon
    type: Literal["auto", "hmm", "ctc"] = "auto"
    #: with ctc, greedy: the likeliest token of each frame; graph: the words of the language model, spelled; auto: graph
    #: where the corpus has a language model or text for one
    search: Literal["auto", "greedy", "graph"] = "auto"
    #: how much worse than the best a hypothesis may be and live on, in scaled log-likelihood
    beam: float = 15.0
    #: hypotheses kept per frame at most where one best path is searched, not a lattice
    max_active: int = 7000
    #: how much worse than the best path a path of the lattice may be, in scaled log-likelihood
    lattice_beam: float = 8.0
    #: scale of the acoustic log-likelihoods while a lattice is made, 1 / LM weight
    acoustic_scale: float = 0.1
    #: keep the lattices, as Kaldi's lat.1.gz, so that other LM weights and penalties need no search
    lattice: bool = False
    #: LM weights to try; w scales the acoustic log-likelihoods by 1/w
    lm_weights: tuple[int, ...] = tuple(range(7, 18))
    #: LM weights to try with ctc, whose posteriors are sharper, in place of lm_weights; its lattices are made at 1 over
    #: their mean, in place of acoustic_scale
    ctc_lm_weights: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    #: with ctc, before words are searched: the power of the tokens' priors that posteriors are divided by; 0 leaves
    #: posteriors as they are
    ctc_prior_scale: float = 0.4
    #: costs to try that each word adds (word insertion penalty)
    penalties: tuple[float, ...] = (0.0, 0.5, 1.0)
    #: a graph directory that Kaldi's mkgraph.sh made for the model of the labels, in place of a graph of ours
    graph: Path | None = None
    #: scale of transition log-probabilities in the graph, self-loops apart
    transition_scale: float = 1.0
    #: scale of self-loop log-probabilities in the graph
    self_loop_scale: float = 0.1

    #: LM weight of the two passes that find what was said before a speaker's transform is estimated
    adapt_lm_weight: int = 12
    #: beam of the first of those passes
    first_beam: float = 10.0
    #: hypotheses kept per frame at most in the first of those passes
    first_max_active: int = 2000

    def applied(self, lexicon: bool, language_model: bool) -> DecodeOptions:
        """These options with nothing left to `auto`, for a corpus with or without the two. Greedy decoding has one LM
        weight and penalty, which change nothing.
        """
        if self.type == "hmm" or (self.type == "auto" and lexicon):
            return replace(self, type="hmm", search="auto")
        if self.search == "greedy" or (self.search == "auto" and not language_model):
            return replace(self, type="ctc", search="greedy", lattice=False, lm_weights=(1,), penalties=(0.0,))
        own = self.ctc_lm_weights
        return replace(self, type="ctc", search="graph", lm_weights=own, acoustic_scale=len(own) / sum(own))

    def __post_init__(self) -> None:
        if self.type == "hmm" and self.search != "auto":
            raise ValueError(f"search {self.search} is for type ctc; leave it out with type hmm")
        positive = ("beam", "first_beam", "lattice_beam", "acoustic_scale")
        for name, least in (*((name, 1e-9) for name in positive), ("adapt_lm_weight", 1)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"{name} must be {'at least 1' if least == 1 else 'positive'}, not {getattr(self, name)}"
                )
        if not 0 <= self.ctc_prior_scale <= 1:
            raise ValueError(f"ctc_prior_scale must be 0 to 1, not {self.ctc_prior_scale}")
        for name in ("max_active", "first_max_active"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name} must be at least 2, not {getattr(self, name)}")
        for name in ("lm_weights", "ctc_lm_weights"):
            weights = getattr(self, name)
            if not weights or min(weights) < 1:
                raise ValueError(f"{name} must be one or more numbers of at least 1, not {list(weights)}")
        if not self.penalties:
            raise ValueError("penalties must hold at least one number, for instance 0.0")
