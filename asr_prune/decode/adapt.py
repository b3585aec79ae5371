"""Transforms for speakers whose words are not known: decode, estimate, decode again (Kaldi: decode_fmllr.sh)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.decode.decode_set import decode_set
from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError
from asr_prune.hmm.fmllr import Fmllr, Transforms, compose, transformed
from asr_prune.hmm.gmm import Floats, Gmms, Ints, Scorer
from asr_prune.hmm.mdl import read_mdl
from asr_prune.hmm.model import HmmModel

log = logging.getLogger(__name__)

Feats = Mapping[str, Floats]


class Adapter:
    """Adapts speakers to the speaker-adaptive pass in folder `hmm`, with its decoding graph in folder `graph`.

    The words are those of the best path, where Kaldi weighs those of a lattice; two rounds, and silence does not count.
    Raises UserError where a file is missing or damaged.
    """

    def __init__(self, hmm: Path, graph: Path, silence: list[int], options: DecodeOptions, nj: int = 1) -> None:
        self.graph, self.options, self.nj = graph, options, nj
        self.model = HmmModel.load(hmm)
        self.unadapted = read_mdl(hmm / "final.alimdl")[1]
        if self.unadapted.num_gauss != self.model.gmms.num_gauss:
            raise UserError(f"{hmm}: final.mdl and final.alimdl differ in size; run the align stage again.")
        self.silent = khg.get_pdfs_for_phones(self.model.transitions, silence)[1]

    def transforms(self, feats: Feats, speakers: Mapping[str, str], min_frames: float) -> Transforms:
        """A transform for each speaker; feats: of the pass before any transform, float32 [frames, dim] by utterance;
        speakers: by utterance. Speakers with fewer than `min_frames` frames of speech get the unit transform.
        """
        narrow = replace(self.options, beam=self.options.first_beam, max_active=self.options.first_max_active)
        spoken = self._spoken(self.unadapted, feats, narrow)
        first = self._estimate(feats, spoken, speakers, min_frames, self.unadapted)
        moved = {utt: transformed(own, first[speakers[utt]]) for utt, own in feats.items()}
        spoken = self._spoken(self.model.gmms, moved, self.options)
        return compose(self._estimate(moved, spoken, speakers, min_frames, self.model.gmms), first)

    def _spoken(self, gmms: Gmms, feats: Feats, options: DecodeOptions) -> dict[str, Ints]:
        """The pdf of each frame on the best path, -1 in silence and where there is no path."""
        hyps = decode_set(self.graph, _Scores(gmms, feats), options, options.adapt_lm_weight, self.nj)
        none = {utt: np.full(len(own), -1, np.int32) for utt, own in feats.items()}
        found = {utt: hyp.pdfs for utt, hyp in hyps.items() if len(hyp.pdfs) == len(feats[utt])}
        return none | {utt: np.where(np.isin(pdfs, self.silent), -1, pdfs) for utt, pdfs in found.items()}

    def _estimate(
        self, feats: Feats, pdfs: dict[str, Ints], speakers: Mapping[str, str], min_frames: float, under: Gmms
    ) -> Transforms:
        fmllr = Fmllr(self.model.gmms, min_frames)
        by_speaker: dict[str, list[str]] = {}
        for utt in sorted(feats):
            by_speaker.setdefault(speakers[utt], []).append(utt)
        for speaker, utts in by_speaker.items():
            own = np.concatenate([feats[utt] for utt in utts])
            fmllr.add(speaker, own, np.concatenate([pdfs[utt] for utt in utts]), under)
        return fmllr.estimate()


class _Scores(Mapping[str, Floats]):
    """Log-likelihoods of utterances, made when they are looked up: those of hours of speech would fill the memory."""

    def __init__(self, gmms: Gmms, feats: Feats) -> None:
        self.scorer, self.feats = Scorer(gmms), feats

    def __getitem__(self, utt: str) -> Floats:
        return self.scorer(self.feats[utt])

    def __iter__(self) -> Iterator[str]:
        return iter(self.feats)

    def __len__(self) -> int:
        return len(self.feats)
