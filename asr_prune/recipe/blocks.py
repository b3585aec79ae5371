"""The blocks of a recipe, and the runs that come of them."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.corpus.options import CorpusOptions, NoiseOptions
from asr_prune.decode.options import DecodeOptions
from asr_prune.features.options import FeaturesOptions
from asr_prune.hmm.options import HmmOptions
from asr_prune.lang.options import LangOptions
from asr_prune.options import options
from asr_prune.pruning.options import PruneOptions
from asr_prune.recipe.settings import check_name
from asr_prune.report.options import ReportOptions
from asr_prune.score.options import ScoreOptions
from asr_prune.spread.options import ExecutorOptions


def check_seed(seed: int) -> None:
    """Raises ValueError if the random generators would not accept `seed`."""
    if not 0 <= seed < 2**31:
        raise ValueError(f"seed must be at least 0 and below 2147483648, not {seed}")


@options
class RunEntry:
    """One entry of `runs:`; its blocks override those of the recipe."""

    #: name of the run's folder; by default derived from the run's settings
    name: str = ""
    #: seed in place of the recipe's
    seed: int | None = None
    #: overrides keys of `prune`; with another method, the rest are that method's defaults
    prune: dict[str, Any] = field(default_factory=dict)
    #: overrides keys of `network`
    network: dict[str, Any] = field(default_factory=dict)
    #: overrides keys of `train`
    train: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.name:
            check_name(self.name)
        if self.seed is not None:
            check_seed(self.seed)


@options
class Recipe:
    """A recipe: each block is described by its options class."""

    #: name of the folders data/<name> and exp/<name>; by default that of the recipe's folder
    name: str = ""
    #: random seed of corpus, training and scoring
    seed: int = 1
    corpus: CorpusOptions = CorpusOptions()
    noise: NoiseOptions = NoiseOptions()
    lang: LangOptions = LangOptions()
    features: FeaturesOptions = FeaturesOptions()
    hmm: HmmOptions = HmmOptions()
    network: NetworkOptions = NetworkOptions()
    train: TrainOptions = TrainOptions()
    #: the method and its options
    prune: dict[str, Any] = field(default_factory=lambda: {"method": "none"})
    #: the runs, each overriding keys of prune, network or train, or the seed
    runs: tuple[RunEntry, ...] = ()
    decode: DecodeOptions = DecodeOptions()
    score: ScoreOptions = ScoreOptions()
    report: ReportOptions = ReportOptions()
    executor: ExecutorOptions = ExecutorOptions()

    def __post_init__(self) -> None:
        if self.name:
            check_name(self.name)
        check_seed(self.seed)
        self.features.check_rate(self.corpus.rate)


@options
class Run:
    """One training run of a recipe, with all its settings."""

    name: str
    seed: int
    prune: PruneOptions
    network: NetworkOptions
    train: TrainOptions
