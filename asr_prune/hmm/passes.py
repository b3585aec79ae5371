"""Runs the passes of a recipe and leaves models and labels behind."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from asr_prune.errors import UserError
from asr_prune.features.archive import write_matrices
from asr_prune.files import atomic, atomic_dir
from asr_prune.hmm.align import Alignment
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.gmm import Floats, Ints
from asr_prune.hmm.job import Job, Trained
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.labels import write_labels
from asr_prune.hmm.lda_mllt import train_lda_mllt
from asr_prune.hmm.mdl import write_mdl
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.mono import train_mono
from asr_prune.hmm.options import HmmOptions, PassOptions, pass_name
from asr_prune.hmm.sat import train_sat
from asr_prune.hmm.tri import train_tri
from asr_prune.hmm.utterances import Utterances
from asr_prune.lang.lang import Lang

log = logging.getLogger(__name__)

TRAINERS: dict[str, Callable[[Job, Any], Trained]] = {
    "mono": train_mono,
    "tri": train_tri,
    "lda_mllt": train_lda_mllt,
    "sat": train_sat,
}


@dataclass(frozen=True)
class PassSummary:
    """One pass: align_prob is the log-likelihood per aligned frame; oov and failed name the utterances left out.

    hours: of speech aligned, at the frame shift given; retried: how many needed the wider beam.
    """

    name: str
    align_prob: float
    frames: int
    hours: float
    retried: int
    pdfs: int
    gaussians: int
    seconds: float
    utterances: int
    failed: list[str] = field(default_factory=list)
    oov: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """The line that Kaldi's scripts end a pass with (analyze_alignments, gmm-info)."""
        retry, fail = (100 * n / self.utterances for n in (self.retried, len(self.failed)))
        head = f"{self.name}: align prob={self.align_prob:.2f} over {self.hours:.2f}h"
        return f"{head} [retry={retry:.1f}%, fail={fail:.1f}%] states={self.pdfs} gauss={self.gaussians}"


@dataclass(frozen=True)
class Speech:
    """What passes are trained on.

    feats: normalised cepstra float32 [frames, dim] by utterance; text: words by utterance; speakers: by utterance;
    deltas: order of the differences that the passes without a linear transform add; variance: whether the cepstra's
    variance is normalised; frame_shift: seconds.
    """

    feats: dict[str, Floats]
    text: dict[str, list[str]]
    speakers: dict[str, str]
    deltas: int = 2
    variance: bool = False
    frame_shift: float = 0.01


def train_passes(lang: Path, speech: Speech, out: Path, options: HmmOptions, seed: int) -> list[PassSummary]:
    """Trains each pass up to `options.stop_after`, as `train_pass`."""
    before = None
    summaries = []
    for own in options.run:
        summaries.append(train_pass(lang, speech, out / pass_name(own), own, before, seed))
        before = out / pass_name(own)
    return summaries


def train_pass(lang: Path, speech: Speech, out: Path, own: PassOptions, before: Path | None, seed: int) -> PassSummary:
    """Trains one pass on the labels of the one in folder `before` and writes `out`.

    Files, as Kaldi's scripts name them: final.mdl, tree, cmvn_opts; delta_opts or splice_opts and final.mat; for
    speaker-adaptive passes final.alimdl and trans.{ark,scp}, a transform per speaker. Besides: summary.json and, as
    archives of int32 vectors per utterance, ali.{ark,scp} (transition-ids) and pdf.{ark,scp} (pdf-ids).

    Utterances without a transcript that the lexicon covers, or that do not align, are left out, logged and listed.
    Raises UserError where none is left.
    """
    start = time.monotonic()
    tables = Lang.read(lang)
    feats = speech.feats
    oov = sorted(utt for utt in feats if not tables.word_ids(speech.text.get(utt, [])))
    if oov:
        log.warning("%d utterances lack a transcript that the lexicon covers, left out: %s", len(oov), _some(oov))
    data = Utterances.join({utt: feats[utt] for utt in feats.keys() - oov})
    speakers = [speech.speakers.get(utt, utt) for utt in data.ids]
    front = FrontEnd(speech.deltas, variance=speech.variance)
    loaded = Trained.load(before, data) if before else None
    trained = TRAINERS[own.type](Job(tables, data, speech.text, speakers, seed, front, loaded), own)
    hours = trained.alignment.frames * speech.frame_shift / 3600
    summary = _summary(own, trained.model, trained.alignment, data, oov, hours, time.monotonic() - start)
    _write(out, trained, data, summary)
    return summary


def _summary(
    own: PassOptions,
    model: HmmModel,
    alignment: Alignment,
    data: Utterances,
    oov: list[str],
    hours: float,
    seconds: float,
) -> PassSummary:
    if not alignment.frames:
        raise UserError(
            f"hmm pass {pass_name(own)}: no utterance could be aligned; "
            "check that transcripts and audio belong together."
        )
    if alignment.failed:
        log.warning("%d utterances did not align and are left out: %s", len(alignment.failed), _some(alignment.failed))
    return PassSummary(
        name=pass_name(own),
        align_prob=round(alignment.loglike / alignment.frames, 4),
        frames=alignment.frames,
        hours=round(hours, 4),
        retried=alignment.retried,
        pdfs=model.gmms.num_pdfs,
        gaussians=model.gmms.num_gauss,
        seconds=round(seconds, 1),
        utterances=len(data.ids),
        failed=alignment.failed,
        oov=oov,
    )


def _some(utts: list[str]) -> str:
    return " ".join(utts[:5]) + (" ..." if len(utts) > 5 else "")


def _write(folder: Path, trained: Trained, data: Utterances, summary: PassSummary) -> None:
    """pdf.scp comes last: where it is, all is."""
    model, alignment = trained.model, trained.alignment
    with atomic_dir(folder) as partial:
        model.save(partial)
        trained.front.save(partial)
        if trained.unadapted is not None:
            write_mdl(partial / "final.alimdl", model.transitions, trained.unadapted)
        with atomic(partial / "summary.json") as file:
            json.dump(asdict(summary), file, indent=1)
    if trained.transforms is not None:
        write_matrices(folder / "trans", sorted(trained.transforms.items()))
    write_labels(folder / "ali", _aligned(alignment.ids, alignment, data))
    write_labels(folder / "pdf", _aligned(id_to_pdf(model.transitions)[alignment.ids], alignment, data))
    log.info("%s", summary)


def _aligned(values: Ints, alignment: Alignment, data: Utterances) -> Iterator[tuple[str, Ints]]:
    for i, utt in enumerate(data.ids):
        if utt not in alignment.failed:
            yield utt, values[data.bounds[i] : data.bounds[i + 1]]
