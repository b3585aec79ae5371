"""A pass of ours as a Kaldi alignment directory with lang and graph, for Kaldi's steps/ and utils/ to go on from."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr_prune.corpus.datadir import group_by_speaker, read_table
from asr_prune.errors import UserError
from asr_prune.features.archive import kaldi_io, read_matrices
from asr_prune.files import atomic_dir
from asr_prune.hmm.gmm import Ints
from asr_prune.hmm.kaldi_format import KaldiWriter
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.labels import read_labels
from asr_prune.hmm.model import HmmModel
from asr_prune.kaldi.jobs import split_by_speaker
from asr_prune.kaldi.labels import PASS
from asr_prune.kaldi.lang import export_graph, export_lang
from asr_prune.kaldi.vectors import write_int_vectors

log = logging.getLogger(__name__)

#: of data/<name>, the sets that the GMM-HMM is trained on
LABELLED = ("train", "dev")


@dataclass(frozen=True)
class Places:
    """Folders. align: the pass; lang; graph: with its HCLG, or None; data: the labelled data directories."""

    align: Path
    lang: Path
    graph: Path | None
    data: tuple[Path, ...]

    @classmethod
    def around(
        cls, align: Path, lang: Path | None = None, graph: Path | None = None, data: Iterable[Path] = ()
    ) -> Places:
        """What is not given, by the layout of a project: exp/<name>/align/<pass>, data/<name>, exp/<name>/graph(s).

        Raises UserError where there is no model or no data directory.
        """
        own = align.resolve()
        exp = own.parent.parent
        home = exp.parent.parent / "data" / exp.name
        if not (align / "final.mdl").is_file():
            raise UserError(f"{align}/final.mdl is missing; name a pass of stage 3, for instance exp/demo/align/mono.")
        sets = tuple(data) or tuple(home / part for part in LABELLED if (home / part).is_dir())
        if not sets:
            raise UserError(f"there is no data directory for {align} in {home}; name those of its labels with --data.")
        if graph is None:
            graphs = (exp / "graphs" / own.name, exp / "graph")
            graph = next((one for one in graphs if _belongs(one, own)), None)
        return cls(align, lang or home / "lang", graph, sets)


def _belongs(graph: Path, align: Path) -> bool:
    """Whether the transition-ids of a graph are those of a pass."""
    pdfs, model = graph / "pdfs.txt", align / "final.mdl"
    if not (pdfs.is_file() and model.is_file()):
        return False
    return np.array_equal(np.loadtxt(pdfs, np.int32, ndmin=1), id_to_pdf(HmmModel.load(align).transitions))


def export(places: Places, out: Path, jobs: int) -> None:
    """Writes `out`, whole or not at all: final.mdl, tree, ali.<job>.gz, num_jobs, phones.txt, final.occs; where the
    pass has them, final.mat, final.alimdl, trans.<job>, cmvn_opts, splice_opts; and lang/ and graph/.

    Jobs are split as Kaldi's split_data.sh splits the data directories put together. Labels of utterances outside
    them are left out, counted and told. Raises UserError where a file is missing or damaged, files do not belong
    together, or `out` is something else than an earlier export.
    """
    _refuse_foreign(out)
    align = places.align
    model, labels = HmmModel.load(align), read_labels(align / "ali.ark")
    speakers = {utt: speaker for data in places.data for utt, speaker in read_table(data / "utt2spk").items()}
    split = split_by_speaker(speakers, jobs)
    kept = _kept(labels, speakers, model, align)
    if places.graph is not None and not _belongs(places.graph, align):
        raise UserError(f"{places.graph} is not the decoding graph of {align}; run the graph stage or drop --graph.")
    with atomic_dir(out) as partial:
        for name in PASS:
            if (align / name).is_file():
                shutil.copyfile(align / name, partial / name)
        _write_labels(partial, kept, split, model)
        _write_transforms(align, partial, split, speakers)
        _write_lang_and_graph(places, partial, model)
    log.info("%s: %d utterances of %d speakers in %d jobs", out, len(kept), len(group_by_speaker(speakers)), jobs)


def _refuse_foreign(out: Path) -> None:
    if out.exists() and not (out / "num_jobs").is_file() and not (out.is_dir() and not any(out.iterdir())):
        raise UserError(f"{out} is there and is not an earlier export; name a folder that may be replaced.")


def _kept(labels: dict[str, Ints], speakers: Mapping[str, str], model: HmmModel, align: Path) -> dict[str, Ints]:
    kept = {utt: ids for utt, ids in labels.items() if utt in speakers}
    if not kept:
        raise UserError(f"{align}/ali.ark labels no utterance of the data directories; name theirs with --data.")
    if len(kept) < len(labels):
        log.warning("%d labelled utterances are in no data directory, left out", len(labels) - len(kept))
    if without := len(speakers) - len(kept):
        log.warning("%d utterances have no labels, as in a Kaldi alignment that fails on some", without)
    highest = model.transitions.num_transition_ids
    if any(len(ids) and not 1 <= ids.min() <= ids.max() <= highest for ids in kept.values()):
        raise UserError(f"{align}: ali.ark holds transition-ids that final.mdl lacks; run the align stage again.")
    return kept


def _write_labels(out: Path, labels: dict[str, Ints], split: list[list[str]], model: HmmModel) -> None:
    """num_jobs, ali.<job>.gz, and final.occs: frames of each pdf, as gmm-est --write-occs has them."""
    (out / "num_jobs").write_text(f"{len(split)}\n")
    for job, utts in enumerate(split, 1):
        write_int_vectors(out / f"ali.{job}.gz", ((utt, labels[utt]) for utt in utts if utt in labels))
    pdfs = id_to_pdf(model.transitions)[np.concatenate(list(labels.values()))]
    writer = KaldiWriter(binary=True)
    writer.vector(np.bincount(pdfs, minlength=model.gmms.num_pdfs))
    (out / "final.occs").write_bytes(writer.data)


def _write_transforms(align: Path, out: Path, split: list[list[str]], speakers: Mapping[str, str]) -> None:
    if not (align / "trans.scp").is_file():
        return
    transforms = dict(read_matrices(align / "trans.scp"))
    for job, utts in enumerate(split, 1):
        with open(out / f"trans.{job}", "wb") as file:
            for speaker in dict.fromkeys(speakers[utt] for utt in utts):
                if speaker in transforms:
                    kaldi_io.write_mat(file, np.ascontiguousarray(transforms[speaker], np.float32), key=speaker)


def _write_lang_and_graph(places: Places, out: Path, model: HmmModel) -> None:
    export_lang(places.lang, out / "lang")
    shutil.copyfile(places.lang / "phones.txt", out / "phones.txt")
    if not (out / "lang/oov.int").read_text().strip():
        log.warning("%s has no word for unknown words, which Kaldi's scripts that read transcripts want", places.lang)
    if places.graph is None:
        log.warning("there is no decoding graph of %s, left out; the graph stage makes it", places.align)
    else:
        export_graph(places.graph, places.lang, model.gmms.num_pdfs, out / "graph")
