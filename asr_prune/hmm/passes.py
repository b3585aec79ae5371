"""Runs the training passes of a recipe and writes their models and labels.

The folder of a pass has the files of Kaldi's scripts: final.mdl, tree, cmvn_opts; delta_opts, or
splice_opts and final.mat; for speaker-adaptive passes final.alimdl and trans.{ark,scp}. It also has
summary.json and archives of int32 vectors: ali.{ark,scp} (transition-ids), pdf.{ark,scp} (pdf-ids).
"""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path

from asr_prune.errors import UserError, counted, first_few
from asr_prune.features.archive import write_matrices
from asr_prune.features.stored import frames_of
from asr_prune.files import atomic, atomic_dir
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.gmm import Floats, Ints
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.labelling import Labeller
from asr_prune.hmm.labels import StoredLabels, write_labels
from asr_prune.hmm.lda_mllt import train_lda_mllt
from asr_prune.hmm.mdl import write_mdl
from asr_prune.hmm.mono import train_mono
from asr_prune.hmm.options import HmmOptions, PassOptions, pass_name
from asr_prune.hmm.pass_files import TIMES
from asr_prune.hmm.pass_summary import PassSummary, first_ids, summarise_pass
from asr_prune.hmm.sat import train_sat
from asr_prune.hmm.starts import PassTrainer, train_best
from asr_prune.hmm.subset import subset
from asr_prune.hmm.trained_pass import PassInput, TrainedPass
from asr_prune.hmm.tri import train_tri
from asr_prune.hmm.utterances import JoinedUtterances
from asr_prune.integrity import checked
from asr_prune.lang.lang import Lang
from asr_prune.spread.pieces import PieceWorkers, piece_workers

log = logging.getLogger(__name__)

_TRAINERS: dict[str, PassTrainer] = {
    "mono": train_mono,
    "tri": train_tri,
    "lda_mllt": train_lda_mllt,
    "sat": train_sat,
}


@dataclass(frozen=True)
class Speech:
    """Training data.

    feats: normalised cepstra float32 [frames, dim] by utterance; text: words by utterance;
    speakers: by utterance; deltas: order of the deltas of passes without a linear transform;
    means, variance: whether these of the cepstra are normalised; frame_shift: in seconds.
    """

    feats: Mapping[str, Floats]
    text: dict[str, list[str]]
    speakers: dict[str, str]
    deltas: int = 2
    means: bool = True
    variance: bool = False
    frame_shift: float = 0.01


def train_passes(
    lang: Path, speech: Speech, out: Path, options: HmmOptions, seed: int, nj: int = 1
) -> list[PassSummary]:
    """Trains the passes up to `options.stop_after`; the last one labels all utterances."""
    before = None
    summaries = []
    for each in options.run:
        folder = out / pass_name(each)
        label_all = each == options.run[-1]
        summaries.append(train_pass(lang, speech, folder, each, before, seed, label_all, nj))
        before = folder
    return summaries


def train_pass(
    lang: Path,
    speech: Speech,
    out: Path,
    options: PassOptions,
    before: Path | None,
    seed: int,
    label_all: bool,
    nj: int = 1,
) -> PassSummary:
    """Trains one pass and writes its folder `out`.

    before: folder of the previous pass; label_all: label all utterances, not only the training
    subset; nj: number of processes, on which no byte depends. Utterances without a transcript that
    the lexicon covers, or that do not align, are skipped, logged and listed in the summary. Raises
    UserError if none remains.
    """
    start, tables = time.monotonic(), Lang.read(lang)
    oov = _without_words(speech, tables)
    usable = speech.feats.keys() - oov
    with piece_workers(nj, out) as others:
        job = _pass_input(tables, speech, options, usable, before, seed, others)
        trained = train_best(_TRAINERS[options.type], job, options)
        labeller = _labeller(tables, trained, options, speech, others)
        rest = usable - set(job.data.ids) if label_all else set()
        _write(out, job, trained, labeller, rest)
    count, spent = len(job.data.ids) + len(rest), time.monotonic() - start
    summary = summarise_pass(options, labeller, count, oov, speech.frame_shift / 3600, spent)
    figures = asdict(summary)
    with atomic(out / TIMES) as file:
        json.dump({"seconds": figures.pop("seconds")}, file)
    with atomic(out / "summary.json") as file:
        json.dump(figures, file, indent=1)
    log.info("%s", summary)
    return summary


def _without_words(speech: Speech, lang: Lang) -> list[str]:
    oov = sorted(utt for utt in speech.feats if not lang.word_ids(speech.text.get(utt, [])))
    if oov:
        total, missing = len(speech.feats), missing_words(speech.text, oov, lang)
        what = f"{len(oov)} of {total} utterances have {missing}"
        if len(oov) == total:
            raise UserError(f"{what}; add words to the lexicon, or set lang.oov_word to a word that it has.")
        log.warning("%s, left out: %s", what, first_ids(oov))
    return oov


def missing_words(text: Mapping[str, Sequence[str]], utts: Sequence[str], lang: Lang) -> str:
    """What transcripts have that keeps them from use: no words, or the most frequent words that
    `lang` lacks.
    """
    missing = Counter(word for utt in utts for word in text.get(utt, []) if word not in lang.words)
    if not missing:
        return "no words"
    frequent = first_few(f"{word} ({count})" for word, count in missing.most_common())
    return f"no words, or words that the lexicon lacks ({counted(missing, 'word')}: {frequent})"


def _pass_input(
    lang: Lang,
    speech: Speech,
    options: PassOptions,
    usable: Set[str],
    before: Path | None,
    seed: int,
    others: PieceWorkers | None,
) -> PassInput:
    """Training data of the pass, chosen from the utterances `usable`."""
    frames = frames_of(speech.feats)
    chosen = subset(options, {utt: frames[utt] for utt in usable}, speech.speakers, seed)
    if len(chosen) < len(usable):
        log.info("  trained on %d of %d utterances", len(chosen), len(usable))
    data = replace(JoinedUtterances.join(speech.feats, chosen), workers=others)
    speakers = [speech.speakers.get(utt, utt) for utt in data.ids]
    front = FrontEnd(speech.deltas, variance=speech.variance, means=speech.means)
    previous = _previous(before, lang, data, options, speech) if before else None
    return PassInput(lang, data, speech.text, speakers, seed, front, previous)


def _labeller(
    lang: Lang, trained: TrainedPass, options: PassOptions, speech: Speech, others: PieceWorkers | None
) -> Labeller:
    known = dict(trained.transforms or {})
    data = speech.feats, speech.text, speech.speakers
    return Labeller(lang, trained, options, *data, known, workers=others)


def _previous(before: Path, lang: Lang, data: JoinedUtterances, options: PassOptions, speech: Speech) -> TrainedPass:
    """The pass in folder `before`, with labels of all of `data`, also those it had not labelled."""
    loaded = TrainedPass.load(before, data)
    tried = set(json.loads(checked(before / "summary.json").read_text())["failed"])
    alignment = loaded.alignment
    untried = sorted(set(alignment.failed) - tried)
    if not untried:
        return loaded
    labeller, rows = _labeller(lang, loaded, options, speech, data.workers), data.rows()
    for utt, ids in labeller.over(untried):
        alignment.ids[rows[utt]] = ids
    alignment.failed[:] = sorted({*alignment.failed} - {*untried}) + labeller.tally.failed
    return replace(loaded, transforms=None if loaded.transforms is None else labeller.transforms)


def _labels(
    job: PassInput,
    trained: TrainedPass,
    labeller: Labeller,
    rest: Set[str],
) -> Iterator[tuple[str, Ints]]:
    """Labels of the training data, then of the utterances `rest`."""
    labeller.tally.add(trained.alignment)
    labels = trained.alignment.by_utterance(job.data, trained.alignment.ids)
    return chain(labels, labeller.over(rest))


def _write(folder: Path, job: PassInput, trained: TrainedPass, labeller: Labeller, rest: Set[str]) -> None:
    """Writes model and labels; pdf.scp comes last, so that it marks a complete folder."""
    model = trained.model
    with atomic_dir(folder) as partial:
        model.save(partial)
        trained.front.save(partial)
        if trained.unadapted is not None:
            write_mdl(partial / "final.alimdl", model.transitions, trained.unadapted)
    write_labels(folder / "ali", _labels(job, trained, labeller, rest))
    if trained.transforms is not None:
        write_matrices(folder / "trans", sorted(labeller.transforms.items()))
    pdfs = id_to_pdf(model.transitions)
    stored = StoredLabels(folder / "ali.ark")
    write_labels(folder / "pdf", ((utt, pdfs[ids]) for utt, ids in stored.items()))
