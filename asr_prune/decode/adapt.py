"""fMLLR of unseen speakers on first-pass hypotheses (Kaldi: decode_fmllr.sh)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.corpus.datadir import group_by_speaker
from asr_prune.decode.decode_set import decode_set, kept_paths
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.pace import SetSearch, audio_of
from asr_prune.errors import UserError
from asr_prune.features.stored import Computed, frames_of
from asr_prune.files import Readable
from asr_prune.hmm.fmllr import Fmllr, Transforms, compose, transformed
from asr_prune.hmm.gmm import Floats, Gmms, Ints, Scorer
from asr_prune.hmm.mdl import read_mdl
from asr_prune.hmm.model import HmmModel

log = logging.getLogger(__name__)

_Feats = Mapping[str, Floats]


class Adapter:
    """Estimates fMLLR transforms for the speaker-adaptive model in the folder `hmm`.

    graph: folder of its decoding graph; silence: ids of the silence phones; frame_shift: seconds,
    for the progress. Transforms are estimated in two rounds on the best path, without silence;
    Kaldi uses lattice posteriors. Raises UserError if a file is missing or damaged.
    """

    def __init__(
        self,
        hmm: Readable,
        graph: Readable,
        silence: list[int],
        options: DecodeOptions,
        nj: int = 1,
        frame_shift: float = 0.01,
    ) -> None:
        self.graph, self.options, self.nj = graph, options, nj
        self.frame_shift = frame_shift
        self.model = HmmModel.load(hmm)
        self.unadapted = read_mdl(hmm / "final.alimdl")[1]
        if self.unadapted.num_gauss != self.model.gmms.num_gauss:
            raise UserError(f"{hmm}: final.mdl and final.alimdl differ in size; rerun the align stage.")
        self.silent = khg.get_pdfs_for_phones(self.model.transitions, silence)[1]

    def transforms(
        self,
        feats: _Feats,
        speakers: Mapping[str, str],
        min_frames: float,
        folder: Path | None = None,
    ) -> Transforms:
        """One transform per speaker.

        feats: untransformed features of the model, float32 [frames, dim] by utterance; speakers: by
        utterance. Speakers with fewer than `min_frames` frames of speech get the identity. folder:
        for what the passes find; an interrupted adaptation goes on with it.
        """
        options, gmms = self.options, self.model.gmms
        narrow = replace(options, beam=options.first_beam, max_active=options.first_max_active)
        search = SetSearch("first pass", narrow, ("decode.first_beam", "decode.first_max_active"))
        kept = [folder / name if folder else None for name in ("first", "adapted")]
        pdfs = self._speech_pdfs(self.unadapted, feats, search, kept[0])
        first = self._estimate(feats, pdfs, speakers, min_frames, self.unadapted)
        adapted = Computed(feats, lambda utt, frames: transformed(frames, first[speakers[utt]]))
        pdfs = self._speech_pdfs(gmms, adapted, SetSearch("adapted pass", options), kept[1])
        return compose(self._estimate(adapted, pdfs, speakers, min_frames, gmms), first)

    def _speech_pdfs(self, gmms: Gmms, feats: _Feats, search: SetSearch, folder: Path | None) -> dict[str, Ints]:
        """Pdf of each frame on the best path, -1 in silence or without a path; int32 [frames]."""
        scores, audio = _LogLikelihoods(gmms, feats), audio_of(feats, self.frame_shift)
        weight, frames = self.options.adapt_lm_weight, frames_of(feats)
        kept = kept_paths(folder, feats, self.frame_shift) if folder else None
        paths = decode_set(self.graph, scores, search.options, weight, self.nj, audio, search, kept)
        speech = {utt: np.full(count, -1, np.int32) for utt, count in frames.items()}
        for utt, path in paths.items():
            if len(path.pdfs) == frames[utt]:
                speech[utt] = np.where(np.isin(path.pdfs, self.silent), -1, path.pdfs)
        return speech

    def _estimate(
        self,
        feats: _Feats,
        pdfs: dict[str, Ints],
        speakers: Mapping[str, str],
        min_frames: float,
        gmms: Gmms,
    ) -> Transforms:
        """gmms: those that weigh the Gaussians of a frame."""
        fmllr = Fmllr(self.model.gmms, min_frames)
        for speaker, utts in group_by_speaker({utt: speakers[utt] for utt in feats}).items():
            frames = np.concatenate([feats[utt] for utt in utts])
            fmllr.add(speaker, frames, np.concatenate([pdfs[utt] for utt in utts]), gmms)
        return fmllr.estimate()


class _LogLikelihoods(Mapping[str, Floats]):
    """Log-likelihoods computed on access, since those of hours of speech fill memory."""

    def __init__(self, gmms: Gmms, feats: _Feats) -> None:
        self.scorer, self.feats = Scorer(gmms), feats

    def __getitem__(self, utt: str) -> Floats:
        return self.scorer(self.feats[utt])

    def __iter__(self) -> Iterator[str]:
        return iter(self.feats)

    def __len__(self) -> int:
        return len(self.feats)
