"""Options of the `hmm:` block."""

from __future__ import annotations

from typing import Literal

from asr_prune.options import options

REALIGN = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26, 29, 32, 35, 38)


@options
class MonoOptions:
    """A flat-start monophone pass; the defaults are those of Kaldi's train_mono.sh."""

    #: which kind of pass this is
    type: Literal["mono"] = "mono"
    #: passes over the data after the flat start
    iterations: int = 40
    #: flat starts to try; the one that fits the training data best goes on (Kaldi: 1)
    starts: int = 1
    #: iterations after which the starts are compared
    start_iterations: int = 12
    #: iterations that add Gaussians
    grow_iterations: int = 30
    #: Gaussians to reach, all states together
    gaussians: int = 1000
    #: iterations that align anew
    realign: tuple[int, ...] = REALIGN
    #: a state's share of Gaussians grows with its frames to this power
    power: float = 0.25
    #: factor on the silence Gaussians' weights while aligning
    boost_silence: float = 1.0
    #: beam of the first alignment
    initial_beam: float = 6.0
    #: beam of the other alignments
    beam: float = 10.0
    #: beam for utterances that find no path within the first one
    retry_beam: float = 40.0
    #: scale of the acoustic log-likelihoods while aligning
    acoustic_scale: float = 0.1
    #: scale of transition log-probabilities, self-loops apart
    transition_scale: float = 1.0
    #: scale of self-loop log-probabilities
    self_loop_scale: float = 0.1

    def __post_init__(self) -> None:
        counts = ("iterations", "starts", "start_iterations", "grow_iterations", "gaussians")
        for name in (*counts, "initial_beam", "beam", "acoustic_scale", "boost_silence"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if self.retry_beam <= max(self.beam, self.initial_beam):
            raise ValueError(f"retry_beam must be above beam and initial_beam, not {self.retry_beam}")


@options
class HmmOptions:
    """The passes of GMM-HMM training, in order; each starts from the alignment of the one before."""

    #: the passes, each with its type and what differs from that type's defaults
    passes: tuple[MonoOptions, ...] = (MonoOptions(),)

    def __post_init__(self) -> None:
        if not self.passes:
            raise ValueError("passes must name at least one pass, for instance [{type: mono}]")
