"""Runs the passes of a recipe and leaves models and labels behind."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import asdict, dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from asr_prune.errors import UserError
from asr_prune.features.archive import write_matrices
from asr_prune.features.stored import frames_of
from asr_prune.files import atomic, atomic_dir
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.gmm import Floats, Ints
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.labelling import Labeller, Tally
from asr_prune.hmm.labels import StoredLabels, write_labels
from asr_prune.hmm.lda_mllt import train_lda_mllt
from asr_prune.hmm.mdl import write_mdl
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.mono import train_mono
from asr_prune.hmm.options import HmmOptions, PassOptions, pass_name
from asr_prune.hmm.sat import train_sat
from asr_prune.hmm.subset import subset
from asr_prune.hmm.trained_pass import PassInput, TrainedPass
from asr_prune.hmm.tri import train_tri
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.lang.lang import Lang

log = logging.getLogger(__name__)

_TRAINERS: dict[str, Callable[[PassInput, Any], TrainedPass]] = {
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

    feats: Mapping[str, Floats]
    text: dict[str, list[str]]
    speakers: dict[str, str]
    deltas: int = 2
    variance: bool = False
    frame_shift: float = 0.01


def train_passes(lang: Path, speech: Speech, out: Path, options: HmmOptions, seed: int) -> list[PassSummary]:
    """Trains each pass up to `options.stop_after`, as `train_pass`; the last one labels all utterances."""
    before = None
    summaries = []
    for own in options.run:
        folder = out / pass_name(own)
        summaries.append(train_pass(lang, speech, folder, own, before, seed, own == options.run[-1]))
        before = folder
    return summaries


def train_pass(
    lang: Path, speech: Speech, out: Path, own: PassOptions, before: Path | None, seed: int, label_all: bool = True
) -> PassSummary:
    """Trains one pass, on the utterances that `own` asks for and the labels of the pass in folder `before`, and writes
    `out`.

    Files, as Kaldi's scripts name them: final.mdl, tree, cmvn_opts; delta_opts or splice_opts and final.mat; for
    speaker-adaptive passes final.alimdl and trans.{ark,scp}, a transform per speaker. Besides: summary.json and, as
    archives of int32 vectors per utterance, ali.{ark,scp} (transition-ids) and pdf.{ark,scp} (pdf-ids).

    label_all: with labels of all utterances, not only of those trained on. Utterances without a transcript that the
    lexicon covers, or that do not align, are left out, logged and listed. Raises UserError where none is left.
    """
    start = time.monotonic()
    tables = Lang.read(lang)
    oov = _without_words(speech, tables)
    usable = speech.feats.keys() - oov
    job = _job(tables, speech, own, usable, before, seed)
    trained = _TRAINERS[own.type](job, own)
    labeller = _labeller(tables, trained, own, speech)
    labeller.tally.add(trained.alignment)
    rest = usable - set(job.data.ids) if label_all else set()
    labels = trained.alignment.by_utterance(job.data, trained.alignment.ids)
    _write(out, trained, labeller, chain(labels, labeller.over(rest)))
    spent, count = time.monotonic() - start, len(job.data.ids) + len(rest)
    summary = _summary(own, trained.model, labeller.tally, count, oov, speech.frame_shift / 3600, spent)
    with atomic(out / "summary.json") as file:
        json.dump(asdict(summary), file, indent=1)
    log.info("%s", summary)
    return summary


def _without_words(speech: Speech, lang: Lang) -> list[str]:
    oov = sorted(utt for utt in speech.feats if not lang.word_ids(speech.text.get(utt, [])))
    if oov:
        log.warning("%d utterances lack a transcript that the lexicon covers, left out: %s", len(oov), _some(oov))
    return oov


def _job(lang: Lang, speech: Speech, own: PassOptions, usable: Set[str], before: Path | None, seed: int) -> PassInput:
    """What the pass is trained on, of the utterances `usable`."""
    frames = frames_of(speech.feats)
    chosen = subset(own, {utt: frames[utt] for utt in usable}, speech.speakers, seed)
    if len(chosen) < len(usable):
        log.info("  trained on %d of %d utterances", len(chosen), len(usable))
    data = JoinedUtterances.join(speech.feats, chosen)
    speakers = [speech.speakers.get(utt, utt) for utt in data.ids]
    front = FrontEnd(speech.deltas, variance=speech.variance)
    loaded = _labelled(TrainedPass.load(before, data), before, lang, data, own, speech) if before else None
    return PassInput(lang, data, speech.text, speakers, seed, front, loaded)


def _labeller(lang: Lang, trained: TrainedPass, own: PassOptions, speech: Speech) -> Labeller:
    known = dict(trained.transforms or {})
    return Labeller(lang, trained, own, speech.feats, speech.text, speech.speakers, known)


def _labelled(
    loaded: TrainedPass, before: Path, lang: Lang, data: JoinedUtterances, own: PassOptions, speech: Speech
) -> TrainedPass:
    """The pass before with labels also of the utterances that it was not asked to label."""
    tried = set(json.loads((before / "summary.json").read_text())["failed"])
    alignment = loaded.alignment
    untried = sorted(set(alignment.failed) - tried)
    if not untried:
        return loaded
    labeller, rows = _labeller(lang, loaded, own, speech), data.rows()
    for utt, ids in labeller.over(untried):
        alignment.ids[rows[utt]] = ids
    alignment.failed[:] = sorted({*alignment.failed} - {*untried}) + labeller.tally.failed
    return replace(loaded, transforms=labeller.transforms if loaded.transforms is not None else None)


def _summary(
    own: PassOptions, model: HmmModel, tally: Tally, utterances: int, oov: list[str], hours: float, seconds: float
) -> PassSummary:
    """hours: of a frame."""
    if not tally.frames:
        raise UserError(
            f"hmm pass {pass_name(own)}: no utterance could be aligned; "
            "check that transcripts and audio belong together."
        )
    if tally.failed:
        log.warning("%d utterances did not align and are left out: %s", len(tally.failed), _some(tally.failed))
    return PassSummary(
        name=pass_name(own),
        align_prob=round(tally.loglike / tally.frames, 4),
        frames=tally.frames,
        hours=round(tally.frames * hours, 4),
        retried=tally.retried,
        pdfs=model.gmms.num_pdfs,
        gaussians=model.gmms.num_gauss,
        seconds=round(seconds, 1),
        utterances=utterances,
        failed=tally.failed,
        oov=oov,
    )


def _some(utts: list[str]) -> str:
    return " ".join(utts[:5]) + (" ..." if len(utts) > 5 else "")


def _write(folder: Path, trained: TrainedPass, labeller: Labeller, labels: Iterator[tuple[str, Ints]]) -> None:
    """The model, and all labels; where pdf.scp is, all of them are."""
    model = trained.model
    with atomic_dir(folder) as partial:
        model.save(partial)
        trained.front.save(partial)
        if trained.unadapted is not None:
            write_mdl(partial / "final.alimdl", model.transitions, trained.unadapted)
    write_labels(folder / "ali", labels)
    if trained.transforms is not None:
        write_matrices(folder / "trans", sorted(labeller.transforms.items()))
    pdfs = id_to_pdf(model.transitions)
    write_labels(folder / "pdf", ((utt, pdfs[ids]) for utt, ids in StoredLabels(folder / "ali.ark").items()))
