"""fMLLR of unseen speakers on first-pass hypotheses (Kaldi: decode_fmllr.sh)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.corpus.datadir import group_by_speaker
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.kept import KeptSearch
from asr_prune.decode.occupancy import OCCUPANCIES, Occupancies, Occupancy
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.pace import SetSearch, audio_of, each_paced
from asr_prune.decode.unfinished import warn_unfinished
from asr_prune.errors import UserError
from asr_prune.features.stored import Computed
from asr_prune.files import Readable
from asr_prune.hmm.fmllr import Fmllr, Transforms, compose, transformed
from asr_prune.hmm.gmm import Floats, Gmms, Scorer
from asr_prune.hmm.mdl import read_mdl
from asr_prune.hmm.model import HmmModel

log = logging.getLogger(__name__)

_Feats = Mapping[str, Floats]


class Adapter:
    """Estimates fMLLR transforms for the speaker-adaptive model in the folder `hmm`.

    graph: folder of its decoding graph; silence: ids of the silence phones; frame_shift: seconds,
    for the progress. Transforms are estimated in two rounds, on the posteriors of the lattices of
    two searches, in which silence counts little. Raises UserError if a file is missing or damaged.
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
        self.silent = np.zeros(self.model.gmms.num_pdfs, bool)
        self.silent[khg.get_pdfs_for_phones(self.model.transitions, silence)[1]] = True

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
        heard = self._heard(self.unadapted, feats, search, kept[0])
        first = self._estimate(feats, heard, speakers, min_frames, self.unadapted)
        adapted = Computed(feats, lambda utt, frames: transformed(frames, first[speakers[utt]]))
        heard = self._heard(gmms, adapted, SetSearch("adapted pass", options), kept[1])
        return compose(self._estimate(adapted, heard, speakers, min_frames, gmms), first)

    def _heard(self, gmms: Gmms, feats: _Feats, search: SetSearch, folder: Path | None) -> dict[str, Occupancy]:
        """The pdfs of each utterance's lattice."""
        options, scores = self.options, _LogLikelihoods(gmms, feats)
        scale, beam = 1 / options.adapt_lm_weight, options.adapt_lattice_beam
        decoder = Decoder(self.graph, replace(search.options, acoustic_scale=scale, lattice_beam=beam))
        work = Occupancies(decoder, self.silent, options.adapt_silence)
        if folder:
            kept = KeptSearch.of(folder, OCCUPANCIES, feats, self.frame_shift)
            found = kept.each(work, lambda names: ((utt, scores[utt]) for utt in names), self.nj, search)
        else:
            found = each_paced(work, scores.items(), self.nj, search, audio_of(feats, self.frame_shift))
        heard = dict(found)
        warn_unfinished([utt for utt, each in heard.items() if not each.reached_final], (search.settings or ("",))[0])
        return heard

    def _estimate(
        self,
        feats: _Feats,
        heard: dict[str, Occupancy],
        speakers: Mapping[str, str],
        min_frames: float,
        gmms: Gmms,
    ) -> Transforms:
        """gmms: those that weigh the Gaussians of a frame."""
        fmllr = Fmllr(self.model.gmms, min_frames)
        for speaker, utts in group_by_speaker({utt: speakers[utt] for utt in feats}).items():
            frames = np.concatenate([feats[utt][heard[utt].frames] for utt in utts])
            pdfs, weights = (np.concatenate([getattr(heard[utt], key) for utt in utts]) for key in ("pdfs", "weights"))
            fmllr.add(speaker, frames, pdfs, gmms, weights)
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
