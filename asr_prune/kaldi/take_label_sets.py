"""What the align stage makes of labels made by Kaldi."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices
from asr_prune.hmm.frontend import FrontEnd, check_columns
from asr_prune.kaldi.labels import PASS, read_kaldi_labels
from asr_prune.kaldi.take_labels import take_labels

log = logging.getLogger(__name__)


def take_label_sets(
    source: Path,
    model: Path | None,
    pdfs: int | None,
    scps: Mapping[str, Path],
    lang: Path,
    out: Path,
    frame_shift: float,
    read: bool = False,
) -> list[Path]:
    """Writes the labels `source` of some sets to `out`, as a pass would leave them.

    model, pdfs: as `read_kaldi_labels`; scps: feats.scp by set, whose utterances are labelled; frame_shift: seconds;
    read: networks read these features through the front end of the labels' GMM-HMM. Returns further files that it
    wrote. Raises UserError if a set has no labelled utterance, and as `take_labels`; with `read`, as `check_columns`.
    """
    labels = read_kaldi_labels(source, model, pdfs)
    if read and labels.hmm and labels.model:
        front, dim = FrontEnd.load(labels.hmm), labels.model.gmms.dim
        for scp in scps.values():
            for _, matrix in islice(read_matrices(scp), 1):
                check_columns(labels.hmm, front, matrix.shape[1], dim)
    lengths: dict[str, int] = {}
    for part, scp in scps.items():
        lengths |= _lengths(scp, part, source, labels.pdfs)
    log.info("  %s", take_labels(labels, lengths, lang, out, frame_shift))
    names: Sequence[str] = ("ali.ark", *PASS, "trans.ark", "trans.scp")
    return [path for name in names if (path := out / name).is_file()]


def _lengths(scp: Path, part: str, source: Path, labelled: Mapping[str, object]) -> dict[str, int]:
    """Frames of the utterances of a set. Raises UserError if none of them is labelled."""
    lengths = {utt: len(matrix) for utt, matrix in read_matrices(scp)}
    if not lengths.keys() & labelled.keys():
        names = f"{min(labelled, default='none')} there, {min(lengths, default='none')} here"
        raise UserError(
            f"{source} labels no utterance of {part} ({names}); give both the same utterance ids, or align {part} too: "
            f"its labels {'train' if part == 'train' else 'judge'} the networks."
        )
    return lengths
