"""Options of the `hmm:` block."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from asr_prune.options import options

_MONO_REALIGN = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26, 29, 32, 35, 38)


@options
class TrainingOptions:
    """Options of every pass: the schedule of re-estimation and alignment, beams and scales."""

    #: name of the pass and of its folder; default: its type
    name: str = ""
    #: number of training iterations, the initial estimate included
    iterations: int = 35
    #: number of iterations that add Gaussians
    grow_iterations: int = 25
    #: target number of Gaussians over all states
    gaussians: int = 9000
    #: iterations that realign the data
    realign: tuple[int, ...] = (10, 20, 30)
    #: exponent of the occupancy by which Gaussians are allotted to states
    power: float = 0.25
    #: factor on the weights of the silence Gaussians during alignment
    boost_silence: float = 1.0
    #: alignment beam
    beam: float = 10.0
    #: alignment beam of the second attempt, for utterances that fail with the first one
    retry_beam: float = 40.0
    #: scale on acoustic log-likelihoods during alignment
    acoustic_scale: float = 0.1
    #: scale on transition log-probabilities, except self-loops
    transition_scale: float = 1.0
    #: scale on self-loop log-probabilities
    self_loop_scale: float = 0.1
    #: train on this many of the shortest utterances (0: all); see subset.md
    shortest: int = 0
    #: train on a random sample of this many utterances, spread over the speakers (0: all); if
    #: `shortest` is set too, the sample is drawn from those
    utterances: int = 0

    positive: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        schedule = ("iterations", "grow_iterations", "gaussians")
        for name in (*schedule, "beam", "acoustic_scale", "boost_silence", *self.positive):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if min(self.shortest, self.utterances) < 0:
            raise ValueError("shortest and utterances must be 0 or more")
        if self.retry_beam <= self.beam:
            raise ValueError(f"retry_beam must be above beam, not {self.retry_beam}")

    def beam_at(self, iteration: int) -> float:
        """Beam of the alignment in this iteration."""
        return self.beam


@options
class MonoOptions(TrainingOptions):
    """A flat-start monophone pass; defaults as in Kaldi's train_mono.sh."""

    #: type of the pass
    type: Literal["mono"] = "mono"
    #: see TrainingOptions
    iterations: int = 40
    #: see TrainingOptions
    grow_iterations: int = 30
    #: see TrainingOptions
    gaussians: int = 1000
    #: see TrainingOptions
    realign: tuple[int, ...] = _MONO_REALIGN
    #: number of random flat starts, of which the one with the highest likelihood is kept (Kaldi: 1)
    starts: int = 1
    #: iterations before the flat starts are compared
    start_iterations: int = 12
    #: beam of the first alignment
    initial_beam: float = 6.0

    positive: ClassVar[tuple[str, ...]] = ("starts", "start_iterations", "initial_beam")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.retry_beam <= self.initial_beam:
            raise ValueError(f"retry_beam must be above initial_beam, not {self.retry_beam}")

    def beam_at(self, iteration: int) -> float:
        return self.initial_beam if iteration == 1 else self.beam


@options
class TiedOptions(TrainingOptions):
    """Further options of the passes with tied triphone states."""

    #: options that came later: at their defaults, no finished work is out of date for them
    LATER: ClassVar[tuple[str, ...]] = ("starts",)
    #: target number of tied states (leaves of the tree)
    leaves: int = 1800
    #: leaves are merged while that costs at most this much log-likelihood; -1: the smallest gain of
    #: any split; 0: never
    cluster_threshold: float = -1.0
    #: number of trainings with other random numbers, of which the one with the highest likelihood
    #: is kept (Kaldi: 1)
    starts: int = 1

    positive: ClassVar[tuple[str, ...]] = ("leaves", "starts")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gaussians < self.leaves:
            message = f"gaussians must be at least leaves ({self.leaves}), not {self.gaussians}"
            raise ValueError(message)


@options
class TriOptions(TiedOptions):
    """Tied triphones on cepstra with deltas, as in Kaldi's train_deltas.sh."""

    #: type of the pass
    type: Literal["tri"] = "tri"


@options
class LdaMlltOptions(TiedOptions):
    """Tied triphones on spliced frames under LDA and MLLT, as in Kaldi's train_lda_mllt.sh."""

    #: type of the pass
    type: Literal["lda_mllt"] = "lda_mllt"
    #: dimension after LDA
    dim: int = 40
    #: frames of left context
    left_context: int = 4
    #: frames of right context
    right_context: int = 4
    #: iterations that re-estimate MLLT
    mllt_iterations: tuple[int, ...] = (2, 4, 6, 12)

    positive: ClassVar[tuple[str, ...]] = ("leaves", "starts", "dim")


@options
class SatOptions(TiedOptions):
    """Speaker-adaptive training with fMLLR, as in Kaldi's train_sat.sh."""

    #: type of the pass
    type: Literal["sat"] = "sat"
    #: see TrainingOptions
    power: float = 0.2
    #: iterations that re-estimate fMLLR
    fmllr_iterations: tuple[int, ...] = (2, 4, 6, 12)
    #: speakers with fewer non-silence frames are not adapted
    fmllr_min_frames: float = 500.0


PassOptions = MonoOptions | TriOptions | LdaMlltOptions | SatOptions


def pass_name(options: PassOptions) -> str:
    """Name of the pass and of its folder."""
    return options.name or options.type


def front_pass(passes: Sequence[PassOptions]) -> PassOptions:
    """The pass that gives the last of `passes` its front end: a speaker-adaptive one has that of the
    pass before it, every other one has its own.
    """
    return next((own for own in reversed(passes) if not isinstance(own, SatOptions)), passes[-1])


def front_dim(passes: Sequence[PassOptions], dim: int) -> int:
    """Columns of the features of the last of `passes`; dim: those of cepstra with deltas."""
    front = front_pass(passes)
    return front.dim if isinstance(front, LdaMlltOptions) else dim


@options
class HmmOptions:
    """GMM-HMM training passes in order; each starts from the alignment of the one before."""

    #: the passes: the type of each, and options that differ from the defaults of that type
    passes: tuple[Annotated[PassOptions, Field(discriminator="type")], ...] = (MonoOptions(),)
    #: name of the last pass to run, which gives the network its labels (and features, if
    #: features.network.type is hmm); default: the last one listed
    stop_after: str = ""
    #: use labels from Kaldi instead of training passes: an alignment directory (ali.*.gz,
    #: final.mdl, tree), or an archive of pdf-ids, text or binary
    labels: Path | None = None
    #: if `labels` is an archive: folder with the final.mdl and tree of these pdf-ids, required for
    #: decoding
    model: Path | None = None
    #: number of pdf-ids, if there is no model; default: the highest pdf-id plus one
    pdfs: int | None = None

    def __post_init__(self) -> None:
        names = [pass_name(each) for each in self.passes]
        if not names or not isinstance(self.passes[0], MonoOptions):
            raise ValueError("passes must begin with a flat start, for instance [{type: mono}]")
        if len(set(names)) < len(names):
            raise ValueError("passes must have unique names; set `name` of the second of a type")
        if self.stop_after and self.stop_after not in names:
            message = f"stop_after must be one of the passes {', '.join(names)}"
            raise ValueError(f"{message}, not {self.stop_after!r}")
        if self.labels is None and (self.model is not None or self.pdfs is not None):
            raise ValueError("model and pdfs describe labels; set labels too")
        if self.pdfs is not None and self.pdfs < 1:
            raise ValueError(f"pdfs must be at least 1, not {self.pdfs}")

    @property
    def last(self) -> str:
        """Folder of the labels: the last pass, or `kaldi` for labels from Kaldi."""
        return "kaldi" if self.labels else pass_name(self.run[-1])

    @property
    def run(self) -> tuple[PassOptions, ...]:
        """The passes up to and including `stop_after`."""
        names = [pass_name(each) for each in self.passes]
        return self.passes[: names.index(self.stop_after) + 1] if self.stop_after else self.passes
