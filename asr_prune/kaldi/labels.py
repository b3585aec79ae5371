"""Labels made by Kaldi: an alignment directory, or pdf-ids in an archive of their own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Ints
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.model import HmmModel
from asr_prune.kaldi.vectors import read_int_vectors

HMM = ("final.mdl", "tree")
#: copied as they are, where they are there: models, and how features are made for them
PASS = (*HMM, "final.alimdl", "final.mat", "cmvn_opts", "splice_opts", "delta_opts")
#: read, to see that all belongs together
BESIDES = ("phones.txt", "num_jobs")


@dataclass(frozen=True)
class KaldiLabels:
    """Labels as read. pdfs, ids: pdf-ids and transition-ids, int32 [frames] by utterance; num_pdfs: pdf-ids are below
    it; hmm: folder of the final.mdl and tree that they belong to, or None; model: of that folder.
    """

    pdfs: dict[str, Ints]
    ids: dict[str, Ints] | None
    num_pdfs: int
    hmm: Path | None = None
    model: HmmModel | None = None


def hmm_folder(source: Path, hmm: Path | None) -> Path | None:
    """Where the HMM of labels lies: in the alignment directory itself, or, for pdf-ids, in `hmm`."""
    return source if source.is_dir() else hmm


def archives(source: Path) -> list[Path]:
    """The archives of labels `source`: itself, or ali.1.gz, ali.2.gz, ... or ali.ark of a folder, in that order."""
    if not source.is_dir():
        return [source]
    numbered = {path: re.fullmatch(r"ali\.(\d+)\.gz", path.name) for path in source.iterdir()}
    jobs = sorted((int(match[1]), path) for path, match in numbered.items() if match)
    return [path for _, path in jobs] or [path for path in [source / "ali.ark"] if path.is_file()]


def model_files(hmm: Path) -> list[Path]:
    """What is taken of a Kaldi folder besides its labels, where it is there."""
    named = (hmm / name for name in (*PASS, *BESIDES))
    return sorted(path for path in (*named, *hmm.glob("trans.*")) if path.is_file())


def read_kaldi_labels(source: Path, hmm: Path | None = None, pdfs: int | None = None) -> KaldiLabels:
    """Reads a Kaldi alignment directory (ali.*.gz, final.mdl, tree), or a file of pdf-ids, text or binary.

    hmm: for a file, the folder with final.mdl and tree of these pdf-ids; pdfs: for a file without one, how many there
    are, by default the highest id and one more. Raises UserError where a file is missing or damaged, or an id is not
    of the model.
    """
    if not source.exists():
        raise UserError(f"hmm.labels names {source}, which is not there; name a Kaldi alignment directory or archive.")
    model_folder = hmm_folder(source, hmm)
    model = _read_hmm(model_folder) if model_folder else None
    found = _read_archives(source)
    if source.is_dir():
        assert model is not None
        return _of_transitions(found, model, source)
    highest = max((int(own.max()) for own in found.values() if len(own)), default=-1)
    count = model.gmms.num_pdfs if model else pdfs or highest + 1
    if highest >= count or any(len(own) and own.min() < 0 for own in found.values()):
        raise UserError(f"{source}: pdf-ids must be from 0 to {count - 1}; give the archive that belongs to the model.")
    return KaldiLabels(found, None, count, model_folder, model)


def _read_hmm(folder: Path) -> HmmModel:
    for name in HMM:
        if not (folder / name).is_file():
            raise UserError(
                f"{folder}/{name} is missing; labels need the final.mdl and tree that made them, so copy them there, "
                "or let hmm.labels name a file of pdf-ids."
            )
    return HmmModel.load(folder)


def _read_archives(source: Path) -> dict[str, Ints]:
    paths = archives(source)
    jobs = source / "num_jobs"
    stated = jobs.read_text().strip() if source.is_dir() and jobs.is_file() else str(len(paths))
    if not paths or stated != str(len(paths)):
        raise UserError(f"{source} holds {len(paths)} of {stated} archives ali.*.gz; copy all of them there.")
    found: dict[str, Ints] = {}
    for path in paths:
        own = read_int_vectors(path)
        if twice := sorted(own.keys() & found.keys()):
            raise UserError(f"{path}: {twice[0]} has labels in another archive too; remove archives of another split.")
        found |= own
    return found


def _of_transitions(ids: dict[str, Ints], model: HmmModel, source: Path) -> KaldiLabels:
    table = id_to_pdf(model.transitions)
    for utt, own in ids.items():
        if len(own) and not 1 <= own.min() <= own.max() < len(table):
            odd = int(own[(own < 1) | (own >= len(table))][0])
            raise UserError(
                f"{source}: {utt} holds the transition-id {odd} and final.mdl has 1 to {len(table) - 1}; "
                "copy the final.mdl that made these alignments."
            )
    return KaldiLabels({utt: table[own] for utt, own in ids.items()}, ids, model.gmms.num_pdfs, source, model)
