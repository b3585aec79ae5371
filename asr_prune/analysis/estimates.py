"""What each work takes, from the amount of speech and the speeds of this machine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

from asr_prune.analysis.aligning import AligningSpeed, aligning_speed
from asr_prune.analysis.amount import Amount
from asr_prune.analysis.estimate import Estimate
from asr_prune.analysis.machine import peak_memory
from asr_prune.analysis.pass_costs import bytes_a_frame, pass_pdfs, pass_seconds, pass_share
from asr_prune.analysis.search_speed import SearchSpeed
from asr_prune.analysis.searches import Searches
from asr_prune.analysis.speeds import (
    NetworkSpeed,
    features_speed,
    gmm_speed,
    network_speed,
    reading_speed,
    timed_as,
)
from asr_prune.analysis.workforce import Workforce, faster, of_this_machine
from asr_prune.corpus.datadir import DataDir
from asr_prune.features.options import FeatureOptions
from asr_prune.hmm.options import front_dim, pass_name
from asr_prune.layout import SCORED_SETS
from asr_prune.recipe.load import Run
from asr_prune.score.options import COMPARED_SECONDS
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Work

#: tokens of CTC where the lang stage has not run
USUAL_TOKENS = 32
#: copies of parameters in training: weights, gradients, two moments, the best of them, a checkpoint
COPIES = 6


@dataclass
class Estimator:
    """amounts: as `amounts` gives them; force: processes of this machine if it is None."""

    experiment: Experiment
    amounts: dict[str, Amount]
    speeds: dict[object, NetworkSpeed] = field(default_factory=dict)
    force: Workforce | None = None

    def of(self, work: Work) -> Estimate:
        """What a work takes; all unknown if the amount of speech that it is about is."""
        if not all(self.hours(part) for part in self._about(work)):
            return Estimate()
        if work.piece.endswith("noise"):  # how long the copies of test are is not known before
            return Estimate()
        if work.stage == "align":
            return self._align(work.piece)
        if work.stage == "features":
            return self._features(work.piece)
        if work.stage == "graph" and work.piece.endswith("-adapt"):
            return self._adapt()
        if work.stage == "corpus":
            return self._corpus()
        run = next((run for run in self.experiment.runs if run.name == work.run), None)
        kinds = {"train": self._train, "shrink-verify": self._verify, "decode": self._decode}
        return kinds[work.entry](run) if run and work.entry in kinds else Estimate()

    def _about(self, work: Work) -> tuple[str, ...]:
        """The sets whose hours the estimate rests on."""
        searched = work.stage == "graph" or work.entry in ("shrink-verify", "decode")
        return SCORED_SETS if searched else ("train",)

    @cached_property
    def searches(self) -> Searches:
        _ = self.base  # measured before a graph raises the peak
        return Searches(self.experiment)

    def _searching(
        self, speed: SearchSpeed, parts: tuple[str, ...] = SCORED_SETS, times: int = 1, most: float = math.inf
    ) -> float:
        """Seconds for `times` searches of sets, at most `most` hours of each, the graph loaded for
        each of them.
        """
        hours = [min(self.hours(part), most) for part in parts]
        each = sum(own / self.workers.searching(own) for own in hours)
        return times * (speed.rtf * 3600 * each + len(parts) * speed.load)

    @cached_property
    def workers(self) -> Workforce:
        return self.force or of_this_machine(self.experiment.nj)

    @property
    def _utterances(self) -> int:
        return sum(own.utterances for own in self.amounts.values())

    def _scoring(self, seconds: float) -> float:
        """Seconds that scores of dev and test take, `seconds` by one process."""
        return seconds / self.workers.scoring(self.hours(*SCORED_SETS) / len(SCORED_SETS))

    def _loading(self, estimate: Estimate, params: int = 0) -> Estimate:
        """With the memory of a search and a network."""
        graph = self.searches.graph
        memory = None if graph.memory is None else self.base + graph.memory + 4 * params
        return replace(estimate, memory=memory, guessed=graph.extrapolated)

    def hours(self, *parts: str) -> float:
        """Of these sets together; before the corpus stage the whole corpus counts as train."""
        return sum(
            self.amounts[part].hours
            for part in (*parts, *(["corpus"] if "train" in parts else []))
            if part in self.amounts
        )

    def frames(self, options: FeatureOptions, *parts: str) -> int:
        return int(self.hours(*parts) * 3600e3 / options.frame_shift_ms)

    @cached_property
    def base(self) -> int:
        """Bytes of a process that has loaded what it works with."""
        import kaldi_hmm_gmm  # noqa: F401
        import torch  # noqa: F401

        return peak_memory()

    def _corpus(self) -> Estimate:
        """Its audio is opened once, for hours and for faults; a script that makes its audio takes
        longer.
        """
        opened = sum(own.utterances * own.header_seconds for own in self.amounts.values())
        known = self.experiment.recipe.corpus.root is not None
        return Estimate(opened / self.workers.opening(self._utterances) if known else None, memory=self.base)

    def _features(self, kind: str) -> Estimate:
        options: FeatureOptions = getattr(self.experiment.recipe.features, kind)
        if options.archives:
            return Estimate()
        each = features_speed(options) + reading_speed(self._some_audio())
        frames = self.frames(options, "train", "dev", "test")
        seconds = each * 3600 * self.hours("train", "dev", "test")
        seconds /= self.workers.extracting(self._utterances)
        return Estimate(seconds, frames, 4 * options.base_dim * frames, self.base)

    def _some_audio(self) -> list[str]:
        folder = self.experiment.layout.set("train")
        return sorted(set(DataDir.read(folder).wavs.values()))[:5] if (folder / "text").is_file() else []

    def _align(self, name: str) -> Estimate:
        passes = self.experiment.recipe.hmm.run
        place = next((i for i, one in enumerate(passes) if pass_name(one) == name), None)
        if place is None or self.experiment.recipe.hmm.labels:
            return Estimate()
        own, options = passes[place], self.experiment.recipe.features.hmm
        whole = self.frames(options, "train", "dev")
        count = sum(one.utterances for part, one in self.amounts.items() if part != "test")
        frames = int(whole * pass_share(own, count))
        rest = whole - frames if place == len(passes) - 1 else 0
        dim, found, seconds = front_dim(passes[: place + 1], options.dim), self._aligning, 0.0
        pdfs, workers = pass_pdfs(self.experiment.layout, own), self.workers.aligning(frames)
        speed = gmm_speed(pdfs, own.gaussians, dim)
        if found:
            speed = replace(speed, search=found.search)
            seconds = found.besides(self.amounts["train"].utterances, frames + rest, workers)
        seconds += frames * pass_seconds(own, speed, pdfs, workers)
        seconds += rest * (speed.score + speed.search) / self.workers.aligning(rest)
        seconds += self.workers.joining(frames + rest)
        return Estimate(seconds, frames, 10 * (frames + rest), self.base + frames * bytes_a_frame(own, options))

    @cached_property
    def _aligning(self) -> AligningSpeed | None:
        """With the lexicon, None before the lang stage."""
        frames = self.frames(self.experiment.recipe.features.hmm, "train")
        own, lang = self.amounts.get("train"), self.experiment.layout.lang
        if own is None or not (lang / "L.fst").is_file():
            return None
        text = DataDir.read(self.experiment.layout.set("train")).text
        return aligning_speed(lang, text, max(20, frames // max(1, own.utterances)))

    def _adapt(self) -> Estimate:
        """Two decodings of dev and test with the last pass, and the statistics of their transforms."""
        own, layout = self.experiment.recipe.hmm.run[-1], self.experiment.layout
        frames = self.frames(self.experiment.recipe.features.hmm, "dev", "test")
        speed = gmm_speed(pass_pdfs(layout, own), own.gaussians, self.experiment.dim)
        found = self.searches.adapt()
        seconds = self._scoring(2 * frames * (speed.score + speed.speaker)) + self._searching(found)
        return self._loading(Estimate(seconds, frames, extrapolated=found.extrapolated))

    @property
    def _outputs(self) -> int:
        if not self.experiment.ctc and not self.experiment.imported:
            return pass_pdfs(self.experiment.layout, self.experiment.recipe.hmm.run[-1])
        return self.experiment.outputs or USUAL_TOKENS

    @property
    def _network_kind(self) -> FeatureOptions:
        features = self.experiment.recipe.features
        return features.hmm if features.network.type == "hmm" else features.network

    def _speed(self, run: Run) -> NetworkSpeed:
        key = timed_as(run.network, run.train)
        if key not in self.speeds:
            own, frames = self.experiment, self.frames(self._network_kind, "train", "dev", "test")
            usual = max(20, frames // max(1, self._utterances))
            self.speeds[key] = network_speed(*key, own.dim, self._outputs, usual, own.ctc)
        return self.speeds[key]

    def _train(self, run: Run) -> Estimate:
        speed = self._speed(run)
        train, dev = (self.frames(self._network_kind, part) for part in ("train", "dev"))
        kept = 8 * min(run.train.teacher_top, self._outputs) * train if self._keeps_posteriors(run) else 0
        held, copies = (train + dev) * (4 * self.experiment.dim + 24) + kept, 4 * speed.params * COPIES
        memory = self.base + min(held, run.train.memory or held) + copies
        epoch = train * speed.train / faster(run.train) + dev * speed.forward
        seconds = run.train.epochs * epoch + self._teaching(run, train)
        return Estimate(seconds, train, copies + kept, memory)

    def _keeps_posteriors(self, run: Run) -> bool:
        """Whether the posteriors of the run's teachers are computed once."""
        return bool(run.train.teachers and run.train.teacher_top and not self.experiment.ctc)

    def _teaching(self, run: Run, frames: int) -> float:
        """Seconds of the teachers' posteriors of training frames; a teacher that is no run of the
        recipe counts as a network of the run's own size.
        """
        runs = {other.name: other for other in self.experiment.runs}
        each = sum(self._speed(runs.get(name, run)).forward for name in run.train.teachers)
        times = 1 if self._keeps_posteriors(run) else run.train.epochs / faster(run.train)
        return times * frames * each

    def _verify(self, run: Run) -> Estimate:
        """Two networks over test in single and double precision, and, if anything was cut, two
        narrow searches of at most half an hour of dev. Words of test are searched only where the
        networks score differently, which is rare.
        """
        speed, frames = self._speed(run), [self.frames(self._network_kind, part) for part in SCORED_SETS]
        dev, test = frames
        if run.prune.IS_DENSE:
            memory = self.base + 4 * 3 * speed.params
            return Estimate(8 * test * speed.forward, dev + test, 4 * speed.params, memory)
        found = self.searches.verify(run)
        search = self._searching(found, ("dev",), 2, COMPARED_SECONDS / 3600)
        evaluated = (2 * dev + 8 * test) * speed.forward
        own = Estimate(evaluated + search, dev + test, 4 * speed.params, extrapolated=found.extrapolated)
        return self._loading(own, 3 * speed.params)

    def _decode(self, run: Run) -> Estimate:
        frames, found = self.frames(self._network_kind, "dev", "test"), self.searches.decode(run)
        speed = self._speed(run)
        seconds = self._scoring(frames * speed.forward) + self._searching(found)
        return self._loading(Estimate(seconds, frames, extrapolated=found.extrapolated), speed.params)
