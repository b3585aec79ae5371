"""Labels for utterances that a pass was not trained on (Kaldi: align_si.sh, align_fmllr.sh)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

import numpy as np

from asr_prune.features.stored import frames_of
from asr_prune.hmm.align import Alignment, align
from asr_prune.hmm.fmllr import Transforms, adapted, estimate_fmllr
from asr_prune.hmm.gmm import Floats, Ints
from asr_prune.hmm.graphs import Compiling
from asr_prune.hmm.options import SatOptions, TrainingOptions
from asr_prune.hmm.trained_pass import TrainedPass
from asr_prune.hmm.training import search_of
from asr_prune.hmm.tri import spoken_pdfs
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.fst import Fst
from asr_prune.lang.lang import Lang
from asr_prune.progress import track
from asr_prune.spread.pieces import PieceWorkers

#: frames in memory at once, an hour; exceeded only by a speaker who has more
_FRAMES_IN_MEMORY = 360000


@dataclass
class Tally:
    """Sums over several alignments; fields as in `Alignment`."""

    frames: int = 0
    loglike: float = 0.0
    retried: int = 0
    failed: list[str] = field(default_factory=list)

    def add(self, alignment: Alignment) -> None:
        """Adds one alignment."""
        self.frames += alignment.frames
        self.loglike += alignment.loglike
        self.retried += alignment.retried
        self.failed += alignment.failed


@dataclass(frozen=True)
class GroupLabels:
    """data: utterances without their features; transforms: of speakers that were not known."""

    data: JoinedUtterances
    alignment: Alignment
    transforms: Transforms


@dataclass(frozen=True)
class Labeller:
    """options: beams and scales; feats: normalised cepstra by utterance; text: words.

    transforms: of known speakers, if the pass is speaker-adaptive; those of other speakers are
    added. tally: of everything that was labelled. workers: other processes, None for this one
    alone.
    """

    lang: Lang
    trained: TrainedPass
    options: TrainingOptions
    feats: Mapping[str, Floats]
    text: dict[str, list[str]]
    speakers: Mapping[str, str]
    transforms: Transforms = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    workers: PieceWorkers | None = None

    def over(self, utts: Iterable[str]) -> Iterator[tuple[str, Ints]]:
        """Yields (utterance, transition-ids int32 [frames]) of those that align, by speaker."""
        groups = list(self._groups(utts))
        for own in self._labelled(groups):
            self.tally.add(own.alignment)
            self.transforms.update(own.transforms)
            yield from own.alignment.by_utterance(own.data, own.alignment.ids)

    def _labelled(self, groups: list[list[str]]) -> Iterator[GroupLabels]:
        label = "labels of the remaining utterances, in blocks of an hour"
        if self.workers is None:
            yield from map(self.group, track(groups, len(groups), label))
            return
        bare = replace(self.trained, alignment=Alignment(np.zeros(0, np.int32)))
        common = {"labeller": replace(self, trained=bare, tally=Tally(), workers=None)}
        pieces = [{"group": group} for group in groups]
        job = "asr_prune.hmm.labelling:label_group"
        yield from self.workers.map(job, pieces, common, {}, label)

    def group(self, group: list[str]) -> GroupLabels:
        """Labels utterances of whole speakers."""
        plain = JoinedUtterances.join(self.feats, group).through(self.trained.front)
        graphs = self._compiling.graphs(self.text, plain.ids)
        alignment, transforms = self._aligned(plain, graphs)
        return GroupLabels(replace(plain, feats=plain.feats[:0]), alignment, transforms)

    @cached_property
    def _compiling(self) -> Compiling:
        return Compiling(self.lang, self.trained.model)

    def _groups(self, utts: Iterable[str]) -> Iterator[list[str]]:
        """Utterances of whole speakers, at most _FRAMES_IN_MEMORY together if possible."""
        frames = frames_of(self.feats)
        order = sorted(utts, key=lambda utt: (self._speaker(utt), utt))
        group: list[str] = []
        total = 0
        for _, each in groupby(order, self._speaker):
            own = list(each)
            size = sum(frames[utt] for utt in own)
            if group and total + size > _FRAMES_IN_MEMORY:
                yield group
                group, total = [], 0
            group += own
            total += size
        if group:
            yield group

    def _speaker(self, utt: str) -> str:
        return self.speakers.get(utt, utt)

    def _aligned(
        self,
        plain: JoinedUtterances,
        graphs: Mapping[str, Fst],
    ) -> tuple[Alignment, Transforms]:
        """Alignment, under the transforms of the speakers if the pass has them; and those that are
        new.
        """
        model = self.trained.model
        search = search_of(self.options, self.lang, model)
        if self.trained.transforms is None:
            return align(model, graphs, plain, search), {}
        speakers = [self._speaker(utt) for utt in plain.ids]
        new: Transforms = {}
        if not self.transforms.keys() >= set(speakers):
            assert self.trained.unadapted is not None
            unadapted = replace(model, gmms=self.trained.unadapted)
            estimated = self._estimated(plain, align(unadapted, graphs, plain, search), speakers)
            new = {one: own for one, own in estimated.items() if one not in self.transforms}
        return align(model, graphs, adapted(plain, speakers, self.transforms | new), search), new

    def _estimated(
        self,
        plain: JoinedUtterances,
        first: Alignment,
        speakers: list[str],
    ) -> Transforms:
        options = self.options if isinstance(self.options, SatOptions) else SatOptions()
        model = self.trained.model
        pdfs = spoken_pdfs(self.lang, model, first)
        rest = options.fmllr_min_frames, self.trained.unadapted
        return estimate_fmllr(model.gmms, plain, pdfs, speakers, *rest)


def label_group(labeller: Labeller, group: list[str]) -> GroupLabels:
    """A piece of `Labeller.over`."""
    return labeller.group(group)
