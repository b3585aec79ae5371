"""Runs the passes of a recipe and leaves models and labels behind."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import atomic, atomic_dir
from asr_prune.hmm.align import Alignment
from asr_prune.hmm.gmm import Floats, Ints
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.labels import write_labels
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.mono import train_mono
from asr_prune.hmm.options import HmmOptions, MonoOptions
from asr_prune.hmm.utterances import Utterances
from asr_prune.lang.lang import Lang

log = logging.getLogger(__name__)

TRAINERS = {"mono": train_mono}


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


def train_passes(
    lang: Path,
    feats: dict[str, Floats],
    text: dict[str, list[str]],
    out: Path,
    options: HmmOptions,
    seed: int,
    frame_shift: float = 0.01,
) -> list[PassSummary]:
    """Trains each pass and writes out/<pass>/: final.mdl, tree, summary.json and, as archives of int32 vectors per
    utterance, ali.{ark,scp} (transition-ids) and pdf.{ark,scp} (pdf-ids).

    feats: float32 [frames, dim] by utterance, ready for the model; text: words by utterance. Utterances without a
    transcript that the lexicon covers, or that do not align, are left out, logged and listed. Raises UserError where
    none is left.
    """
    tables = Lang.read(lang)
    oov = sorted(utt for utt in feats if not tables.word_ids(text.get(utt, [])))
    if oov:
        log.warning("%d utterances lack a transcript that the lexicon covers, left out: %s", len(oov), _some(oov))
    data = Utterances.join({utt: feats[utt] for utt in feats.keys() - oov})
    summaries = []
    for own in options.passes:
        start = time.monotonic()
        model, alignment = TRAINERS[own.type](tables, data, text, own, seed)
        hours = alignment.frames * frame_shift / 3600
        summary = _summary(own, model, alignment, data, oov, hours, time.monotonic() - start)
        _write(out / own.type, model, alignment, data, summary)
        summaries.append(summary)
    return summaries


def _summary(
    own: MonoOptions,
    model: HmmModel,
    alignment: Alignment,
    data: Utterances,
    oov: list[str],
    hours: float,
    seconds: float,
) -> PassSummary:
    if not alignment.frames:
        raise UserError(
            f"hmm pass {own.type}: no utterance could be aligned; check that transcripts and audio belong together."
        )
    if alignment.failed:
        log.warning("%d utterances did not align and are left out: %s", len(alignment.failed), _some(alignment.failed))
    return PassSummary(
        name=own.type,
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


def _write(folder: Path, model: HmmModel, alignment: Alignment, data: Utterances, summary: PassSummary) -> None:
    """pdf.scp comes last: where it is, all is."""
    with atomic_dir(folder) as partial:
        model.save(partial)
        with atomic(partial / "summary.json") as file:
            json.dump(asdict(summary), file, indent=1)
    write_labels(folder / "ali", _aligned(alignment.ids, alignment, data))
    write_labels(folder / "pdf", _aligned(id_to_pdf(model.transitions)[alignment.ids], alignment, data))
    log.info("%s", summary)


def _aligned(values: Ints, alignment: Alignment, data: Utterances) -> Iterator[tuple[str, Ints]]:
    for i, utt in enumerate(data.ids):
        if utt not in alignment.failed:
            yield utt, values[data.bounds[i] : data.bounds[i + 1]]
