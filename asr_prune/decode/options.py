"""Options of the `decode:` block."""

from __future__ import annotations

from asr_prune.options import options


@options
class DecodeOptions:
    """The graph's scales, the search's beams and the grid that is tried on the development set; Kaldi's values."""

    #: how much worse than the best a hypothesis may be and live on, in scaled log-likelihood
    beam: float = 15.0
    #: hypotheses kept per frame at most
    max_active: int = 7000
    #: LM weights to try; w scales the acoustic log-likelihoods by 1/w
    lm_weights: tuple[int, ...] = tuple(range(7, 18))
    #: costs to try that each word adds (word insertion penalty)
    penalties: tuple[float, ...] = (0.0, 0.5, 1.0)
    #: scale of transition log-probabilities in the graph, self-loops apart
    transition_scale: float = 1.0
    #: scale of self-loop log-probabilities in the graph
    self_loop_scale: float = 0.1

    def __post_init__(self) -> None:
        if self.beam <= 0:
            raise ValueError(f"beam must be positive, not {self.beam}")
        if self.max_active < 2:
            raise ValueError(f"max_active must be at least 2, not {self.max_active}")
        if not self.lm_weights or min(self.lm_weights) < 1:
            raise ValueError(f"lm_weights must be one or more numbers of at least 1, not {list(self.lm_weights)}")
        if not self.penalties:
            raise ValueError("penalties must hold at least one number, for instance 0.0")
