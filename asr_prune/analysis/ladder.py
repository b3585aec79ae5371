"""The GMM-HMM passes themselves, decoded and scored: a ladder of one row per pass."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.hmm.network_features import pass_features
from asr_prune.hmm.options import PassOptions, SatOptions, pass_name
from asr_prune.stages.alignment import adapt, align
from asr_prune.stages.decoding import JUDGED, Words, graph_folder, make_pass_graph
from asr_prune.stages.scoring import score_grids
from asr_prune.workflow.context import Context

if TYPE_CHECKING:
    from asr_prune.decode.lattice_set import Point

log = logging.getLogger(__name__)


def ladder(context: Context) -> None:
    """Trains what is not trained yet, decodes dev and test with every pass, prints the table and writes
    align/ladder.json. Raises UserError where the labels are not of passes trained here.
    """
    if context.ctc:
        raise UserError("the ladder is of the GMM-HMM's passes, and CTC has none; set decode.type to hmm.")
    if context.recipe.hmm.labels:
        raise UserError(
            "the ladder is of the passes trained here, and hmm.labels names labels made elsewhere; unset it."
        )
    align(context)
    rows = [_row(context, own) for own in context.recipe.hmm.run]
    with atomic(context.align / "ladder.json") as file:
        json.dump(rows, file, indent=1)
    print(f"{'pass':10s}  pdfs  gaussians  WER dev (seen)  WER test  test, tuned on test  training")
    for row in rows:
        sizes = f"{row['pass']:10s}  {row['pdfs']:4d}  {row['gaussians']:9d}"
        wers = f"{row['wer_dev']:14.2f}  {row['wer_test']:8.2f}  {row['wer_test_tuned']:20.2f}"
        print(f"{sizes}  {wers}  {row['seconds']:6.0f} s")
    print("WER in %, equivalent words counted as one. The development speakers were heard in training.")


def _row(context: Context, own: PassOptions) -> dict[str, Any]:
    name = pass_name(own)
    folder = context.align / name
    make_pass_graph(context, name)
    if isinstance(own, SatOptions):
        adapt(context, own)
    found = {part: _words(context, name, part) for part in JUDGED}
    summary = json.loads((folder / "summary.json").read_text())
    row = {"pass": name, "pdfs": summary["pdfs"], "gaussians": summary["gaussians"]}
    return row | score_grids(context, found, folder) | {"seconds": summary["seconds"]}


def _words(context: Context, name: str, part: str) -> dict[Point, Words]:
    """Words of a set under one pass, by LM weight and penalty."""
    from asr_prune.decode.gmm import gmm_log_likelihoods
    from asr_prune.decode.lattice_set import grid, lattice_set

    options, folder = context.recipe.decode, context.align / name
    feats = pass_features(context.data / part, context.recipe.features.hmm, folder)
    loglikes = gmm_log_likelihoods(folder, feats)
    graph = graph_folder(context, name)
    return lattice_set(graph, loglikes, options, grid(options), context.nj).words
