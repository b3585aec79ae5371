"""What the align stage makes of labels made by Kaldi for the outputs of an imported network."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from asr_prune.corpus.datadir import read_lines
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices
from asr_prune.hmm.gmm import Ints
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.mdl import read_transitions
from asr_prune.kaldi.labels import KaldiLabels, pdfs_of, read_archives
from asr_prune.kaldi.take_labels import take_labels
from asr_prune.kaldi_format import KaldiReader

log = logging.getLogger(__name__)


def take_output_labels(
    source: Path, outputs: int, stride: int, sets: Mapping[str, Path], out: Path, frame_shift: float
) -> None:
    """Writes the labels `source` of the set train to `out`, as a pass would leave them, one for
    each output.

    source: alignment directory (ali.*.gz, and a final.mdl whose transition model is that of the
    network; what follows it is not read), or an archive of pdf-ids; with a label for each output or
    for each frame of the features. outputs: pdfs of the network; stride: frames for an output;
    sets: feats.scp by set; frame_shift: seconds. Raises UserError if no utterance of train has
    labels, or they are those of other pdfs.
    """
    labels = _pdf_labels(source, outputs)
    frames = {utt: len(matrix) for utt, matrix in read_matrices(sets["train"])}
    others = {utt for part, scp in sets.items() if part != "train" for utt, _ in read_lines(scp)}
    taken = {
        utt: pdfs[::stride] if len(pdfs) == frames.get(utt) else pdfs
        for utt, pdfs in labels.items()
        if utt in frames or utt not in others
    }
    lengths = {utt: -(-count // stride) for utt, count in frames.items()}
    log.info("  %s", take_labels(KaldiLabels(taken, None, outputs), lengths, out, out, frame_shift * stride))


def _pdf_labels(source: Path, outputs: int) -> dict[str, Ints]:
    if not source.exists():
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
    if not path.is_file():
        raise UserError(f"{path} is missing; copy the final.mdl that made these alignments there.")
    return id_to_pdf(read_transitions(KaldiReader(path.read_bytes(), path)))
