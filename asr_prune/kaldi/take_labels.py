"""Puts labels made by Kaldi where the stages look for those of a pass of ours."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.features.archive import kaldi_io, write_matrices
from asr_prune.files import atomic_dir
from asr_prune.hmm.kaldi_model import phones_of
from asr_prune.hmm.labels import write_labels
from asr_prune.kaldi.labels import PASS, KaldiLabels
from asr_prune.kaldi.lang import spoken_phones

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Taken:
    """Labels taken over, with the keys of a pass's summary. Left out are: failed, utterances without labels;
    mismatched, with another number of frames than the features; unknown, labelled and in no set.
    """

    name: str
    pdfs: int
    gaussians: int
    frames: int
    hours: float
    utterances: int
    failed: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    align_prob: float | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        left = f"{len(self.failed)} without labels, {len(self.mismatched)} of another length, {len(self.unknown)}"
        head = f"{self.utterances} utterances, {self.frames} frames, {self.pdfs} pdfs"
        return f"{head}; left out: {left} labelled but in no set"


def take_labels(labels: KaldiLabels, lengths: Mapping[str, int], lang: Path, out: Path, frame_shift: float) -> Taken:
    """Writes `out` as a pass of ours writes its folder, whole or not at all, as far as Kaldi made its parts.

    lengths: frames of the features by utterance; lang: whose phones the model must have; frame_shift: seconds. Raises
    UserError where no utterance is left or the phones are others.
    """
    _compare_phones(labels, lang)
    kept = [utt for utt in sorted(lengths) if utt in labels.pdfs and len(labels.pdfs[utt]) == lengths[utt]]
    taken = _taken(labels, lengths, kept, out.name, frame_shift)
    with atomic_dir(out) as partial:
        for path in [labels.hmm / name for name in PASS] if labels.hmm else []:
            if path.is_file():
                shutil.copyfile(path, partial / path.name)
        (partial / "summary.json").write_text(json.dumps(asdict(taken), indent=1))
    if labels.hmm:
        _take_transforms(labels.hmm, out)
    if labels.ids is not None:
        write_labels(out / "ali", ((utt, labels.ids[utt]) for utt in kept))
    write_labels(out / "pdf", ((utt, labels.pdfs[utt]) for utt in kept))
    return taken


def _taken(labels: KaldiLabels, lengths: Mapping[str, int], kept: list[str], name: str, frame_shift: float) -> Taken:
    mismatched = sorted(utt for utt in lengths.keys() & labels.pdfs.keys() if len(labels.pdfs[utt]) != lengths[utt])
    lists = {
        "without labels": sorted(lengths.keys() - labels.pdfs.keys()),
        "of another length than their features": mismatched,
        "labelled but in no set": sorted(labels.pdfs.keys() - lengths.keys()),
    }
    for what, utts in lists.items():
        if utts:
            log.warning("  %d utterances %s, left out (%s, for one)", len(utts), what, utts[0])
    if not kept:
        raise UserError(_none_left(labels, lengths, mismatched))
    frames = sum(lengths[utt] for utt in kept)
    gaussians = labels.model.gmms.num_gauss if labels.model else 0
    hours = round(frames * frame_shift / 3600, 4)
    failed, mismatched, unknown = lists.values()
    return Taken(name, labels.num_pdfs, gaussians, frames, hours, len(kept), failed, mismatched, unknown)


def _none_left(labels: KaldiLabels, lengths: Mapping[str, int], mismatched: list[str]) -> str:
    if mismatched:
        utt = mismatched[0]
        return (
            f"no utterance has as many labels as frames ({utt}: {len(labels.pdfs[utt])} and {lengths[utt]}); "
            "make features with the frame shift and edges that the labels were made with."
        )
    names = f"{min(labels.pdfs, default='none')} there, {min(lengths, default='none')} here"
    return f"no labelled utterance is in train or dev ({names}); name them alike in both."


def _compare_phones(labels: KaldiLabels, lang: Path) -> None:
    """The graph joins the model's phones and those of lang/L.fst by number."""
    if labels.hmm is None or labels.model is None:
        return
    ours = spoken_phones(lang / "phones.txt")
    table = labels.hmm / "phones.txt"
    theirs = (
        spoken_phones(table) if table.is_file() else {i: ours.get(i, "") for i in phones_of(labels.model.transitions)}
    )
    if theirs != ours:
        odd = min(i for i in theirs.keys() | ours.keys() if theirs.get(i) != ours.get(i))
        raise UserError(
            f"phone {odd} is {theirs.get(odd) or 'none'} in {labels.hmm} and {ours.get(odd) or 'none'} in "
            f"{lang}/phones.txt; make the lang of the same lexicon (lang.position_dependent, lang.silence_phones), "
            "or take only pdf-ids from a file."
        )


def _take_transforms(source: Path, out: Path) -> None:
    """trans.1, trans.2, ... as one archive trans.{ark,scp}."""
    parts = [path for path in sorted(source.glob("trans.*")) if re.fullmatch(r"trans\.(\d+|ark)", path.name)]
    try:
        found = {speaker: matrix for path in parts for speaker, matrix in kaldi_io.read_mat_ark(str(path))}
    except (OSError, AssertionError, ValueError, IndexError, kaldi_io.UnknownMatrixHeader) as error:
        raise UserError(f"{source}: trans.* are damaged ({error}); copy them again.") from error
    if found:
        write_matrices(out / "trans", sorted(found.items()))
