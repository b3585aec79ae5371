"""Import of labels from Kaldi, written like the output of a GMM-HMM pass."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from asr_prune.errors import UserError, counted
from asr_prune.features.archive import kaldi_io, write_matrices
from asr_prune.files import atomic_dir, present
from asr_prune.hmm.kaldi_model import phones_of
from asr_prune.hmm.labels import write_labels
from asr_prune.integrity import checked
from asr_prune.kaldi.labels import PASS, KaldiLabels
from asr_prune.kaldi.lang import spoken_phones

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TakenLabels:
    """Imported labels, with the keys of a pass's summary.

    Utterances left out: failed: without labels; mismatched: with another number of frames than
    their features; unknown: labelled but in no set.
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
        size = f"{self.utterances} utterances, {self.frames} frames, {self.pdfs} pdfs"
        failed, mismatched, unknown = map(len, (self.failed, self.mismatched, self.unknown))
        left_out = f"{failed} without labels, {mismatched} of another length, {unknown} in no set"
        return f"{size}; left out: {left_out}"


def take_labels(
    labels: KaldiLabels, lengths: Mapping[str, int], lang: Path, out: Path, frame_shift: float
) -> TakenLabels:
    """Writes the folder `out` like a pass, as far as `labels` has its parts.

    lengths: frames of the features by utterance; lang: its phones must be those of the model;
    frame_shift: seconds. Raises UserError if no utterance is left or the phones differ.
    """
    _compare_phones(labels, lang)
    frames = {utt: len(pdfs) for utt, pdfs in labels.pdfs.items()}
    kept = [utt for utt in sorted(lengths) if frames.get(utt) == lengths[utt]]
    taken = _taken(labels, lengths, kept, out.name, frame_shift)
    with atomic_dir(out) as partial:
        for path in [labels.hmm / name for name in PASS] if labels.hmm else []:
            if present(path):
                shutil.copyfile(checked(path), partial / path.name)
        (partial / "summary.json").write_text(json.dumps(asdict(taken), indent=1))
    if labels.hmm:
        _take_transforms(labels.hmm, out)
    if labels.ids is not None:
        write_labels(out / "ali", ((utt, labels.ids[utt]) for utt in kept))
    write_labels(out / "pdf", ((utt, labels.pdfs[utt]) for utt in kept))
    return taken


def _taken(
    labels: KaldiLabels, lengths: Mapping[str, int], kept: list[str], name: str, frame_shift: float
) -> TakenLabels:
    both = lengths.keys() & labels.pdfs.keys()
    mismatched = sorted(utt for utt in both if len(labels.pdfs[utt]) != lengths[utt])
    lists = {
        "without labels": sorted(lengths.keys() - labels.pdfs.keys()),
        "of another length than their features": mismatched,
        "labelled but in no set": sorted(labels.pdfs.keys() - lengths.keys()),
    }
    for what, utts in lists.items():
        if utts:
            log.warning("  %s %s, left out (e.g. %s)", counted(utts, "utterance"), what, utts[0])
    if not kept:
        raise UserError(_none_left(labels, lengths, mismatched))
    frames = sum(lengths[utt] for utt in kept)
    gaussians = labels.model.gmms.num_gauss if labels.model else 0
    hours = round(frames * frame_shift / 3600, 4)
    failed, mismatched, unknown = lists.values()
    size = labels.num_pdfs, gaussians, frames, hours, len(kept)
    return TakenLabels(name, *size, failed, mismatched, unknown)


def _none_left(labels: KaldiLabels, lengths: Mapping[str, int], mismatched: list[str]) -> str:
    if mismatched:
        utt = mismatched[0]
        return (
            "no utterance has as many labels as frames"
            f" ({utt}: {len(labels.pdfs[utt])} and {lengths[utt]});"
            " compute features with the frame shift and edges of the labels."
        )
    labelled, corpus = min(labels.pdfs, default="none"), min(lengths, default="none")
    names = f"e.g. {labelled} in the labels, {corpus} in the corpus"
    return f"no labelled utterance is in train or dev ({names}); use the same utterance ids."


def _compare_phones(labels: KaldiLabels, lang: Path) -> None:
    """Raises UserError if phone numbers differ between the model and lang/L.fst."""
    if labels.hmm is None or labels.model is None:
        return
    ours = spoken_phones(lang / "phones.txt")
    table = labels.hmm / "phones.txt"
    if table.is_file():
        theirs = spoken_phones(table)
    else:
        theirs = {i: ours.get(i, "") for i in phones_of(labels.model.transitions)}
    if theirs != ours:
        odd = min(i for i in theirs.keys() | ours.keys() if theirs.get(i) != ours.get(i))
        raise UserError(
            f"phone {odd} is {theirs.get(odd) or 'none'} in {labels.hmm} and"
            f" {ours.get(odd) or 'none'} in {lang}/phones.txt; build the lang from the same lexicon"
            " (lang.position_dependent, lang.silence_phones), or use a file of pdf-ids."
        )


def _take_transforms(source: Path, out: Path) -> None:
    """Joins trans.1, trans.2, ... into trans.{ark,scp}."""
    paths = sorted(source.glob("trans.*"))
    parts = [str(checked(path)) for path in paths if re.fullmatch(r"trans\.(\d+|ark)", path.name)]
    try:
        transforms = {k: matrix for part in parts for k, matrix in kaldi_io.read_mat_ark(part)}
    except (OSError, AssertionError, ValueError, IndexError, kaldi_io.UnknownMatrixHeader) as error:
        raise UserError(f"{source}: trans.* are damaged ({error}); copy them again.") from error
    if transforms:
        write_matrices(out / "trans", sorted(transforms.items()))
