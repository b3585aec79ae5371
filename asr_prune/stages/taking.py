"""Stage 3 with labels made by Kaldi in place of passes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.hmm.network_features import feature_folder
from asr_prune.stages.feats import feature_inputs, network_features
from asr_prune.workflow.context import Context, Work

log = logging.getLogger(__name__)


def take(context: Context, parts: tuple[str, ...]) -> None:
    """Labels of `hmm.labels` for the utterances of some sets, as a pass would leave them."""
    from asr_prune.kaldi.labels import archives, hmm_folder, model_files

    options, out, features = context.recipe.hmm, context.labels, network_features(context)
    source = options.labels or Path()
    hmm = hmm_folder(source, options.model)

    def do(_: bool) -> None:
        from asr_prune.kaldi.labels import read_kaldi_labels
        from asr_prune.kaldi.take_labels import take_labels

        labels = read_kaldi_labels(source, options.model, options.pdfs)
        scps = [feature_folder(context.data / part, features.kind) / "feats.scp" for part in parts]
        lengths: dict[str, int] = {}
        for scp, part in zip(scps, parts, strict=True):
            lengths |= _lengths(scp, part, source, labels.pdfs)
        log.info("  %s", take_labels(labels, lengths, context.lang, out, features.frame_shift))

    part = {"labels": source, "model": options.model, "pdfs": options.pdfs, "shift": features.frame_shift}
    inputs = feature_inputs(context, parts, features.kind) | {context.lang / "phones.txt": "lang"}
    also = [*archives(source), *(model_files(hmm) if hmm else [])]
    names = ["pdf.ark", "summary.json"] + (["final.mdl", "tree"] if hmm else [])
    names += ["ali.ark"] if source.is_dir() else []
    says, outputs = f"taking the labels of {source}", [out / name for name in names]
    context.once(Work("align", says, part, inputs, ["hmm", "kaldi"], do, outputs, also, piece=out.name))


def _lengths(scp: Path, part: str, source: Path, labelled: Mapping[str, object]) -> dict[str, int]:
    """Frames of the utterances of a set. Raises UserError where none of them is labelled."""
    from asr_prune.features.archive import read_matrices

    own = {utt: len(matrix) for utt, matrix in read_matrices(scp)}
    if not own.keys() & labelled.keys():
        names = f"{min(labelled, default='none')} there, {min(own, default='none')} here"
        raise UserError(
            f"{source} labels no utterance of {part} ({names}); name them alike, or align {part} too, whose labels "
            f"{'train' if part == 'train' else 'judge'} networks."
        )
    return own


def can_decode(context: Context) -> bool:
    """Whether the labels come with an HMM; those of our passes do, and CTC needs none."""
    return context.ctc or not context.recipe.hmm.labels or (context.labels / "final.mdl").is_file()


def need_hmm(context: Context, hmm: Path) -> None:
    """Raises UserError where `hmm` holds labels that came without an HMM."""
    if (hmm / "pdf.ark").is_file() and hmm == context.labels and not can_decode(context):
        raise UserError(
            f"{context.recipe.hmm.labels} holds pdf-ids without an HMM, which a decoding graph needs; let hmm.model "
            "name the folder of their final.mdl and tree, or stop after the stage shrink."
        )
