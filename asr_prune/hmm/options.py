"""Options of the `hmm:` block."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from asr_prune.options import options

_MONO_REALIGN = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 23, 26, 29, 32, 35, 38)


@options
class TrainingOptions:
    """What every pass has: a schedule of re-estimations and alignments, and the alignment's beams and scales."""

    #: names the pass's folder; by default its type
    name: str = ""
    #: re-estimations, the first one apart
    iterations: int = 35
    #: iterations that add Gaussians
    grow_iterations: int = 25
    #: Gaussians to reach, all states together
    gaussians: int = 9000
    #: iterations that align anew
    realign: tuple[int, ...] = (10, 20, 30)
    #: a state's share of Gaussians grows with its frames to this power
    power: float = 0.25
    #: factor on the silence Gaussians' weights while aligning
    boost_silence: float = 1.0
    #: beam of the alignments
    beam: float = 10.0
    #: beam for utterances that find no path within the first one
    retry_beam: float = 40.0
    #: scale of the acoustic log-likelihoods while aligning
    acoustic_scale: float = 0.1
    #: scale of transition log-probabilities, self-loops apart
    transition_scale: float = 1.0
    #: scale of self-loop log-probabilities
    self_loop_scale: float = 0.1
    #: train on this many of the shortest utterances (0: all); see subset.md
    shortest: int = 0
    #: of these, train on this many, drawn by the seed from the speakers in turn (0: all)
    utterances: int = 0

    positive: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        always = ("iterations", "grow_iterations", "gaussians", "beam", "acoustic_scale", "boost_silence")
        for name in (*always, *self.positive):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if min(self.shortest, self.utterances) < 0:
            raise ValueError("shortest and utterances must be 0 or more")
        if self.retry_beam <= self.beam:
            raise ValueError(f"retry_beam must be above beam, not {self.retry_beam}")

    def beam_at(self, iteration: int) -> float:
        """The beam of an iteration's alignment."""
        return self.beam


@options
class MonoOptions(TrainingOptions):
    """A flat-start monophone pass; the defaults are those of Kaldi's train_mono.sh."""

    #: which kind of pass this is
    type: Literal["mono"] = "mono"
    #: as TrainingOptions says
    iterations: int = 40
    #: as TrainingOptions says
    grow_iterations: int = 30
    #: as TrainingOptions says
    gaussians: int = 1000
    #: as TrainingOptions says
    realign: tuple[int, ...] = _MONO_REALIGN
    #: flat starts to try; the one that fits the training data best goes on (Kaldi: 1)
    starts: int = 1
    #: iterations after which the starts are compared
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
    """What the passes with tied triphone states have besides."""

    #: tied states to ask of the tree
    leaves: int = 1800
    #: leaves nearer than this in log-likelihood are joined; -1: than what the last split gained
    cluster_threshold: float = -1.0

    positive: ClassVar[tuple[str, ...]] = ("leaves",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gaussians < self.leaves:
            raise ValueError(f"gaussians must be at least leaves ({self.leaves}), not {self.gaussians}")


@options
class TriOptions(TiedOptions):
    """Tied triphones on the features of the pass before the first linear transform: Kaldi's train_deltas.sh."""

    #: which kind of pass this is
    type: Literal["tri"] = "tri"


@options
class LdaMlltOptions(TiedOptions):
    """Tied triphones on spliced frames, linearly reduced and made diagonal: Kaldi's train_lda_mllt.sh."""

    #: which kind of pass this is
    type: Literal["lda_mllt"] = "lda_mllt"
    #: values a frame after the reduction
    dim: int = 40
    #: frames spliced before each one
    left_context: int = 4
    #: frames spliced after each one
    right_context: int = 4
    #: iterations that re-estimate the diagonalising transform
    mllt_iterations: tuple[int, ...] = (2, 4, 6, 12)

    positive: ClassVar[tuple[str, ...]] = ("leaves", "dim")


@options
class SatOptions(TiedOptions):
    """Speaker-adaptive training, a linear transform (fMLLR) per speaker: Kaldi's train_sat.sh."""

    #: which kind of pass this is
    type: Literal["sat"] = "sat"
    #: as TrainingOptions says
    power: float = 0.2
    #: iterations that re-estimate the speakers' transforms
    fmllr_iterations: tuple[int, ...] = (2, 4, 6, 12)
    #: frames of speech, silence apart, that a speaker needs for a transform
    fmllr_min_frames: float = 500.0


PassOptions = MonoOptions | TriOptions | LdaMlltOptions | SatOptions


def pass_name(own: PassOptions) -> str:
    """The pass's folder."""
    return own.name or own.type


@options
class HmmOptions:
    """The passes of GMM-HMM training, in order; each starts from the alignment of the one before."""

    #: the passes, each with its type and what differs from that type's defaults
    passes: tuple[Annotated[PassOptions, Field(discriminator="type")], ...] = (MonoOptions(),)
    #: the last pass to run, by name; its labels and features are the network's. By default the last one listed
    stop_after: str = ""
    #: labels made by Kaldi in place of passes: an alignment directory (ali.*.gz, final.mdl, tree), or an archive of
    #: pdf-ids, text or binary
    labels: Path | None = None
    #: where `labels` is an archive: the folder of the final.mdl and tree of these pdf-ids, which decoding needs
    model: Path | None = None
    #: where there is no model: how many pdf-ids there are; by default the highest one and one more
    pdfs: int | None = None

    def __post_init__(self) -> None:
        names = [pass_name(own) for own in self.passes]
        if not names or not isinstance(self.passes[0], MonoOptions):
            raise ValueError("passes must begin with a flat start, for instance [{type: mono}]")
        if len(set(names)) < len(names):
            raise ValueError("passes must have different names; give the second of a type a name")
        if self.stop_after and self.stop_after not in names:
            raise ValueError(f"stop_after must be one of the passes {', '.join(names)}, not {self.stop_after!r}")
        if self.labels is None and (self.model is not None or self.pdfs is not None):
            raise ValueError("model and pdfs describe labels; set labels too")
        if self.pdfs is not None and self.pdfs < 1:
            raise ValueError(f"pdfs must be at least 1, not {self.pdfs}")

    @property
    def last(self) -> str:
        """The folder of the labels: that of the last pass, or `kaldi` for labels made by Kaldi."""
        return "kaldi" if self.labels else pass_name(self.run[-1])

    @property
    def run(self) -> tuple[PassOptions, ...]:
        """The passes up to and with `stop_after`."""
        names = [pass_name(own) for own in self.passes]
        return self.passes[: names.index(self.stop_after) + 1] if self.stop_after else self.passes
