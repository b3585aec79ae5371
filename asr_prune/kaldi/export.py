"""Export of a GMM-HMM as a Kaldi alignment directory with lang and graph."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr_prune.corpus.datadir import group_by_speaker, read_table
from asr_prune.errors import UserError
from asr_prune.export.places import export_dir
from asr_prune.features.archive import kaldi_io, read_matrices
from asr_prune.hmm.gmm import Ints
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.labels import read_labels
from asr_prune.hmm.model import HmmModel
from asr_prune.integrity import checked
from asr_prune.kaldi.jobs import split_by_speaker
from asr_prune.kaldi.labels import PASS
from asr_prune.kaldi.lang import export_graph, export_lang
from asr_prune.kaldi.vectors import write_int_vectors
from asr_prune.kaldi_format import KaldiWriter
from asr_prune.layout import LABELLED_SETS, Layout
from asr_prune.text import fields, file_lines

log = logging.getLogger(__name__)

_Labels = dict[str, Ints]
_Speakers = Mapping[str, str]
_Jobs = list[list[str]]


@dataclass(frozen=True)
class ExportFolders:
    """align: the GMM-HMM; lang; graph: of its HCLG, or None; data: labelled data directories."""

    align: Path
    lang: Path
    graph: Path | None
    data: tuple[Path, ...]

    @classmethod
    def around(
        cls,
        align: Path,
        lang: Path | None = None,
        graph: Path | None = None,
        data: Iterable[Path] = (),
    ) -> ExportFolders:
        """Folders that are not given are those of the project that `align` belongs to.

        Raises UserError if there is no model or no data directory.
        """
        layout = Layout.of_pass(align)
        if not (align / "final.mdl").is_file():
            raise UserError(f"{align}/final.mdl is missing; give a folder such as exp/demo/align/mono.")
        sets = tuple(data) or tuple(path for path in layout.sets(LABELLED_SETS) if path.is_dir())
        if not sets:
            raise UserError(f"{layout.data} has no data directory; give those of the labels with --data.")
        if graph is None:
            graphs = (layout.pass_graph(align.resolve().name), layout.graph)
            graph = next((each for each in graphs if _fits(each, align)), None)
        return cls(align, lang or layout.lang, graph, sets)


def _fits(graph: Path, align: Path) -> bool:
    """Whether a graph has the transition-ids of a GMM-HMM."""
    pdfs, model = graph / "pdfs.txt", align / "final.mdl"
    if not (pdfs.is_file() and model.is_file()):
        return False
    ids = np.loadtxt(checked(pdfs), np.int32, ndmin=1)
    return np.array_equal(ids, id_to_pdf(HmmModel.load(align).transitions))


def export_pass(folders: ExportFolders, out: Path, jobs: int) -> None:
    """Writes the alignment directory `out`, completely or not at all.

    Files: final.mdl, tree, ali.<job>.gz, num_jobs, phones.txt, final.occs, lang/, graph/; and, if
    the GMM-HMM has them, final.mat, final.alimdl, trans.<job>, cmvn_opts, splice_opts. Jobs are
    split as Kaldi's split_data.sh splits the combined data directories. Labels of other utterances
    are left out, counted and reported. Raises UserError if a file is missing or damaged, files are
    inconsistent, or `out` is something other than an earlier export.
    """
    align = folders.align
    if not (align / "ali.ark").is_file() and (align / "pdf.ark").is_file():
        raise UserError(
            f"{align} has labels that came as pdf-ids, which hold no transition-ids; give hmm.labels the alignment "
            "directory (ali.*.gz) instead, and run the align stage again."
        )
    model, labels = HmmModel.load(align), read_labels(align / "ali.ark")
    speakers: dict[str, str] = {}
    for data in folders.data:
        speakers |= read_table(data / "utt2spk")
    split = split_by_speaker(speakers, jobs)
    kept = _kept(labels, speakers, model, align)
    if folders.graph is not None and not _fits(folders.graph, align):
        fix = "rerun the graph stage or drop --graph"
        raise UserError(f"{folders.graph} is not the decoding graph of {align}; {fix}.")
    with export_dir(out, "kaldi") as partial:
        for name in PASS:
            if (align / name).is_file():
                shutil.copyfile(checked(align / name), partial / name)
        _write_labels(partial, kept, split, model)
        _write_transforms(align, partial, split, speakers)
        _write_lang_and_graph(folders, partial, model)
    size = len(kept), len(group_by_speaker(speakers))
    log.info("%s: %d utterances of %d speakers in %d jobs", out, *size, jobs)


def _kept(labels: _Labels, speakers: _Speakers, model: HmmModel, align: Path) -> _Labels:
    kept = {utt: ids for utt, ids in labels.items() if utt in speakers}
    if not kept:
        raise UserError(f"{align}/ali.ark has no utterance of the data; give its data with --data.")
    if len(kept) < len(labels):
        outside = len(labels) - len(kept)
        log.warning("%d labelled utterances are in no data directory, left out", outside)
    if unlabelled := len(speakers) - len(kept):
        log.warning("%d utterances have no labels, as after failed alignments in Kaldi", unlabelled)
    highest = model.transitions.num_transition_ids
    if any(len(ids) and not 1 <= ids.min() <= ids.max() <= highest for ids in kept.values()):
        raise UserError(f"{align}: final.mdl lacks transition-ids of ali.ark; rerun the align stage.")
    return kept


def _write_labels(out: Path, labels: _Labels, split: _Jobs, model: HmmModel) -> None:
    """num_jobs, ali.<job>.gz, and final.occs: frames of each pdf, as gmm-est --write-occs."""
    (out / "num_jobs").write_text(f"{len(split)}\n")
    for job, utts in enumerate(split, 1):
        rows = ((utt, labels[utt]) for utt in utts if utt in labels)
        write_int_vectors(out / f"ali.{job}.gz", rows)
    pdfs = id_to_pdf(model.transitions)[np.concatenate(list(labels.values()))]
    writer = KaldiWriter(binary=True)
    writer.vector(np.bincount(pdfs, minlength=model.gmms.num_pdfs))
    (out / "final.occs").write_bytes(writer.data)


def _write_transforms(align: Path, out: Path, split: _Jobs, speakers: _Speakers) -> None:
    if not (align / "trans.scp").is_file():
        return
    transforms = dict(read_matrices(align / "trans.scp"))
    for job, utts in enumerate(split, 1):
        with open(out / f"trans.{job}", "wb") as file:
            for speaker in dict.fromkeys(speakers[utt] for utt in utts):
                if speaker in transforms:
                    matrix = np.ascontiguousarray(transforms[speaker], np.float32)
                    kaldi_io.write_mat(file, matrix, key=speaker)


def _write_lang_and_graph(folders: ExportFolders, out: Path, model: HmmModel) -> None:
    export_lang(folders.lang, out / "lang")
    shutil.copyfile(checked(folders.lang / "phones.txt"), out / "phones.txt")
    if not any(map(fields, file_lines(out / "lang/oov.int"))):
        text = "%s has no word for unknown words, which Kaldi's scripts need to read transcripts"
        log.warning(text, folders.lang)
    if folders.graph is None:
        log.warning("%s has no decoding graph, left out; run the graph stage", folders.align)
    else:
        export_graph(folders.graph, folders.lang, model.gmms.num_pdfs, out / "graph")
