"""What the align stage makes of labels made by Kaldi for the outputs of an imported network."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from asr_prune.corpus.datadir import read_lines
from asr_prune.errors import UserError, counted
from asr_prune.features.archive import read_matrices
from asr_prune.files import atomic_dir, present
from asr_prune.hmm.gmm import Ints
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.labels import write_labels
from asr_prune.hmm.mdl import read_transitions
from asr_prune.kaldi.labels import pdfs_of, read_archives
from asr_prune.kaldi.take_labels import TakenLabels
from asr_prune.kaldi_format import KaldiReader

log = logging.getLogger(__name__)


def take_output_labels(
    source: Path, outputs: int, stride: int, sets: Mapping[str, Path], out: Path, frame_shift: float
) -> None:
    """Writes the labels `source` of the set train to `out`, as a pass would leave them, one for each
    output.

    source: alignment directory (ali.*.gz, and a final.mdl whose transition model is that of the
    network; what follows it is not read), or an archive of pdf-ids; with a label for each output or
    for each frame of the features. outputs: pdfs of the network; stride: frames for an output;
    sets: feats.scp by set; frame_shift: seconds. Raises UserError if no utterance of train has
    labels, or they are those of other pdfs.
    """
    labels = _pdf_labels(source, outputs)
    frames = {utt: len(matrix) for utt, matrix in read_matrices(sets["train"])}
    others = {utt for part, scp in sets.items() if part != "train" for utt, _ in read_lines(scp)}
    counts = {utt: -(-count // stride) for utt, count in frames.items()}
    by_output = {utt: ids[::stride] if len(ids) == frames.get(utt) else ids for utt, ids in labels.items()}
    kept = {utt: by_output[utt] for utt in sorted(frames) if len(by_output.get(utt, ())) == counts[utt]}
    failed = sorted(frames.keys() - labels.keys())
    mismatched = sorted(frames.keys() & labels.keys() - kept.keys())
    unknown = sorted(labels.keys() - frames.keys() - others)
    if not kept:
        raise UserError(f"{source}: {_none_left(labels, frames, counts, mismatched)}")
    for utts, what in (
        (failed, "without labels: the original alone teaches"),
        (mismatched, "with another number of labels than frames or outputs: the original alone teaches"),
        (unknown, "labelled but in no set, left out"),
    ):
        if utts:
            log.warning("  %s %s (e.g. %s)", counted(utts, "utterance"), what, utts[0])
    total = sum(map(len, kept.values()))
    hours = round(total * stride * frame_shift / 3600, 4)
    taken = TakenLabels(out.name, outputs, 0, total, hours, len(kept), failed, mismatched, unknown)
    with atomic_dir(out) as partial:
        (partial / "summary.json").write_text(json.dumps(asdict(taken), indent=1))
    write_labels(out / "pdf", kept.items())
    log.info("  %s of train have labels: %d outputs, %d pdfs", counted(kept, "utterance"), total, outputs)


def _none_left(
    labels: Mapping[str, Ints], frames: Mapping[str, int], counts: Mapping[str, int], mismatched: list[str]
) -> str:
    if mismatched:
        utt = mismatched[0]
        has = f"{len(labels[utt])} labels, {frames[utt]} frames and {counts[utt]} outputs"
        return f"utterance {utt} has {has}; align the same audio with frames of this model's length."
    names = f"{min(labels, default='none')} there, {min(frames, default='none')} in train"
    return f"no utterance of train has labels ({names}); give those of train, with the same utterance ids."


def _pdf_labels(source: Path, outputs: int) -> dict[str, Ints]:
    if not present(source):
        raise UserError(f"hmm.labels: {source} does not exist; give an alignment directory or archive.")
    labels = read_archives(source)
    count = max((int(ids.max()) + 1 for ids in labels.values() if len(ids)), default=0)
    if source.is_dir():
        table = _table(source / "final.mdl")
        labels, count = pdfs_of(labels, table, source), int(table[1:].max()) + 1
    if count > outputs or (source.is_dir() and count < outputs):
        what = f"{source} has labels of {count} pdfs, and network.model has {outputs} outputs"
        raise UserError(f"{what}; align with the model that is made smaller, or with the GMM-HMM of its tree.")
    if any(len(ids) and ids.min() < 0 for ids in labels.values()):
        raise UserError(f"{source}: pdf-ids must be 0 to {outputs - 1}; give that model's archive.")
    return labels


def _table(path: Path) -> Ints:
    """The pdf-id of each transition-id of a final.mdl, GMM-HMM or network."""
    if not present(path):
        raise UserError(f"{path} is missing; copy the final.mdl that made these alignments there.")
    return id_to_pdf(read_transitions(KaldiReader(path.read_bytes(), path)))
