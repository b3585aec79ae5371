"""Stage 3 with labels made by Kaldi in place of passes."""

from __future__ import annotations

import logging
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.stages.context import Context, Work
from asr_prune.stages.feats import NetworkFeatures, feature_folder, feature_inputs

log = logging.getLogger(__name__)


def take(context: Context, parts: tuple[str, ...]) -> None:
    """Labels of `hmm.labels` for the utterances of some sets, as a pass would leave them."""
    from asr_prune.interop.labels import archives, hmm_folder, model_files

    options, out = context.recipe.hmm, context.labels
    assert options.labels is not None
    source, features = options.labels, NetworkFeatures.of(context)
    hmm = hmm_folder(source, options.model)

    def do(_: bool) -> None:
        from asr_prune.features.archive import read_matrices
        from asr_prune.interop.labels import read_kaldi_labels
        from asr_prune.interop.take_labels import take_labels

        labels = read_kaldi_labels(source, options.model, options.pdfs)
        lengths: dict[str, int] = {}
        for part in parts:
            scp = feature_folder(context.data / part, features.kind) / "feats.scp"
            own = {utt: len(matrix) for utt, matrix in read_matrices(scp)}
            if not own.keys() & labels.pdfs.keys():
                names = f"{min(labels.pdfs, default='none')} there, {min(own)} here"
                mend = f"name them alike, or align {part} too"
                raise UserError(f"{source} labels no utterance of {part} ({names}); {mend}.")
            lengths |= own
        log.info("  %s", take_labels(labels, lengths, context.lang, out, features.frame_shift))

    part = {"labels": source, "model": options.model, "pdfs": options.pdfs, "shift": features.frame_shift}
    inputs = feature_inputs(context, parts, features.kind) | {context.lang / "phones.txt": "lang"}
    also = [*archives(source), *(model_files(hmm) if hmm else [])]
    names = [
        "pdf.ark",
        "summary.json",
        *(("final.mdl", "tree") if hmm else ()),
        *(("ali.ark",) if source.is_dir() else ()),
    ]
    says = f"taking the labels of {source}"
    outputs = [out / name for name in names]
    context.once(Work("align", says, part, inputs, ["hmm", "interop"], do, outputs, also, piece=out.name))


def can_decode(context: Context) -> bool:
    """Whether the labels come with an HMM; those of our passes do."""
    return not context.recipe.hmm.labels or (context.labels / "final.mdl").is_file()


def need_hmm(context: Context, hmm: Path) -> None:
    """Raises UserError where `hmm` holds labels that came without an HMM."""
    if (hmm / "pdf.ark").is_file() and hmm == context.labels and not can_decode(context):
        raise UserError(
            f"{context.recipe.hmm.labels} holds pdf-ids without an HMM, which a decoding graph needs; let hmm.model "
            "name the folder of their final.mdl and tree, or stop after the stage shrink."
        )
