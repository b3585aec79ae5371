"""Labels from Kaldi: an alignment directory, or an archive of pdf-ids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import present
from asr_prune.hmm.gmm import Ints
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.model import HmmModel
from asr_prune.kaldi.vectors import read_int_vectors
from asr_prune.text import decoded, trimmed

_HMM = ("final.mdl", "tree")
#: files of a GMM-HMM that are copied if present: models and the options of their features
PASS = (*_HMM, "final.alimdl", "final.mat", "cmvn_opts", "splice_opts", "delta_opts")
#: files that are read to check consistency
_CHECKED = ("phones.txt", "num_jobs")


@dataclass(frozen=True)
class KaldiLabels:
    """Labels of utterances.

    pdfs, ids: pdf-ids and transition-ids, int32 [frames] by utterance; num_pdfs: number of pdfs;
    hmm: folder of their final.mdl and tree, or None; model: of that folder.
    """

    pdfs: dict[str, Ints]
    ids: dict[str, Ints] | None
    num_pdfs: int
    hmm: Path | None = None
    model: HmmModel | None = None


def hmm_folder(source: Path, hmm: Path | None) -> Path | None:
    """The folder of the labels' HMM: the alignment directory itself, or `hmm` for pdf-ids."""
    return source if source.is_dir() else hmm


def label_archives(source: Path) -> list[Path]:
    """The file `source` itself, or the archives ali.1.gz, ali.2.gz, ... or ali.ark of a folder."""
    if not source.is_dir():
        return [source]
    numbered = {path: re.fullmatch(r"ali\.(\d+)\.gz", path.name) for path in source.iterdir()}
    jobs = sorted((int(match[1]), path) for path, match in numbered.items() if match)
    return [path for _, path in jobs] or [path for path in [source / "ali.ark"] if path.is_file()]


def model_files(hmm: Path) -> list[Path]:
    """The files of a Kaldi folder that are read besides its labels."""
    named = (hmm / name for name in (*PASS, *_CHECKED))
    return sorted(path for path in (*named, *hmm.glob("trans.*")) if path.is_file())


def read_kaldi_labels(source: Path, hmm: Path | None = None, pdfs: int | None = None) -> KaldiLabels:
    """Reads a Kaldi alignment directory (ali.*.gz, final.mdl, tree), or a file of pdf-ids.

    hmm: for a file, the folder with final.mdl and tree of its pdf-ids; pdfs: for a file without
    that, the number of pdfs, by default the highest id plus 1. Raises UserError if a file is
    missing or damaged or an id is not of the model.
    """
    if not present(source):
        raise UserError(f"hmm.labels: {source} does not exist; give an alignment directory or archive.")
    model_folder = hmm_folder(source, hmm)
    model = _read_hmm(model_folder) if model_folder else None
    labels = read_archives(source)
    if source.is_dir():
        assert model is not None
        return _of_transitions(labels, model, source)
    highest = max((int(ids.max()) for ids in labels.values() if len(ids)), default=-1)
    count = model.gmms.num_pdfs if model else pdfs or highest + 1
    if highest >= count or any(len(ids) and ids.min() < 0 for ids in labels.values()):
        raise UserError(f"{source}: pdf-ids must be 0 to {count - 1}; give that model's archive.")
    return KaldiLabels(labels, None, count, model_folder, model)


def _read_hmm(folder: Path) -> HmmModel:
    for name in _HMM:
        if not (folder / name).is_file():
            raise UserError(
                f"{folder}/{name} is missing; copy the final.mdl and tree of the labels there,"
                " or give hmm.labels a file of pdf-ids."
            )
    return HmmModel.load(folder)


def read_archives(source: Path) -> dict[str, Ints]:
    """The vectors of `label_archives`, int32 by utterance. Raises UserError if archives are
    missing, or an utterance is in two.
    """
    paths = label_archives(source)
    jobs = source / "num_jobs"
    stated = trimmed(decoded(jobs.read_bytes(), jobs)) if source.is_dir() and jobs.is_file() else str(len(paths))
    if not paths or stated != str(len(paths)):
        raise UserError(f"{source} has {len(paths)} of {stated} archives ali.*.gz; copy all.")
    labels: dict[str, Ints] = {}
    for path in paths:
        part = read_int_vectors(path)
        if repeated := sorted(part.keys() & labels.keys()):
            fix = "remove archives of another split"
            raise UserError(f"{path}: {repeated[0]} has labels in another archive too; {fix}.")
        labels |= part
    return labels


def _of_transitions(ids: dict[str, Ints], model: HmmModel, source: Path) -> KaldiLabels:
    pdfs = pdfs_of(ids, id_to_pdf(model.transitions), source)
    return KaldiLabels(pdfs, ids, model.gmms.num_pdfs, source, model)


def pdfs_of(ids: dict[str, Ints], table: Ints, source: Path) -> dict[str, Ints]:
    """Pdf-ids of transition-ids, int32 by utterance. table: the pdf-id of each transition-id, as
    `id_to_pdf`.

    Raises UserError if an id is not in the table.
    """
    for utt, path in ids.items():
        if len(path) and not 1 <= path.min() <= path.max() < len(table):
            odd = int(path[(path < 1) | (path >= len(table))][0])
            raise UserError(
                f"{source}: {utt} has transition-id {odd}, final.mdl has 1 to {len(table) - 1};"
                " copy the final.mdl that made these alignments."
            )
    return {utt: table[path] for utt, path in ids.items()}
