"""Stage 3: the passes of the GMM-HMM, and transforms for the speakers that it is to meet."""

from __future__ import annotations

import logging
from functools import reduce
from operator import or_
from pathlib import Path
from typing import Any

from asr_prune.corpus.datadir import DataDir
from asr_prune.hmm.network_features import base_features, pass_features, transform_file
from asr_prune.hmm.options import PassOptions, SatOptions, pass_name
from asr_prune.stages.feats import feature_inputs
from asr_prune.stages.taking import take
from asr_prune.workflow.context import Context, Work

log = logging.getLogger(__name__)

#: sets that train the GMM-HMM: the development speakers' labels judge networks; they never train one
LABELLED = ("train", "dev")
UNKNOWN = ("dev", "test")
LABELS = ("ali.ark", "pdf.ark", "summary.json")


def align(context: Context) -> None:
    """Stage 3: the passes of the `hmm:` block over train and dev together, or labels made by Kaldi; and a pdf-id for
    every frame.
    """
    if context.ctc:
        return log.info("align: CTC needs no alignment")
    if context.recipe.hmm.labels:
        return _take(context)
    before = None
    for own in context.recipe.hmm.run:
        _train(context, own, before)
        before = own
    if isinstance(before, SatOptions) and context.recipe.features.network.type == "hmm":
        adapt(context, before)


def _take(context: Context) -> None:
    take(context, LABELLED)
    own = SatOptions(name=context.labels.name)
    adapted = all(path.is_file() for path in pass_files(context.labels, own))
    if adapted and context.recipe.features.network.type == "hmm":
        adapt(context, own)


def pass_files(folder: Path, own: PassOptions) -> list[Path]:
    """What `train_pass` writes."""
    linear = own.type in ("lda_mllt", "sat")
    names = ["final.mdl", "tree", "cmvn_opts", *LABELS, *(("final.mat", "splice_opts") if linear else ())]
    names += ["final.alimdl", "trans.ark", "trans.scp"] if own.type == "sat" else []
    return [folder / name for name in names]


def _train(context: Context, own: PassOptions, before: PassOptions | None) -> None:
    folder, recipe = context.align / pass_name(own), context.recipe
    last = own == recipe.hmm.run[-1]
    earlier = context.align / pass_name(before) if before else None

    def do(_: bool) -> None:
        from asr_prune.hmm.passes import Speech, train_pass

        sets = [DataDir.read(context.data / part) for part in LABELLED]
        options = recipe.features.hmm
        speech = Speech(
            feats=reduce(or_, (base_features(made.path, options) for made in sets)),
            text={utt: words for made in sets for utt, words in made.text.items()},
            speakers={utt: speaker for made in sets for utt, speaker in made.utt2spk.items()},
            deltas=options.deltas,
            variance=options.cmvn_variance,
            frame_shift=options.frame_shift_ms / 1000,
        )
        train_pass(context.lang, speech, folder, own, earlier, recipe.seed, last)

    inputs = feature_inputs(context, LABELLED, "hmm") | {context.data / part / "text": "corpus" for part in LABELLED}
    inputs |= {context.lang / name: "lang" for name in ("L.fst", "topo", "phones.txt", "words.txt")}
    inputs |= dict.fromkeys(pass_files(earlier, before), "align") if earlier and before else {}
    part: dict[str, Any] = {"hmm": own, "features": recipe.features.hmm, "seed": recipe.seed}
    part |= {"labels": "of all utterances"} if last and (own.shortest or own.utterances) else {}
    says = f"training the GMM-HMM, pass {pass_name(own)}"
    work = Work("align", says, part, inputs, ["hmm"], do, pass_files(folder, own), piece=pass_name(own))
    context.once(work)


def adapt(context: Context, own: SatOptions) -> None:
    """Transforms for the speakers of dev and test from what is recognised, never from the transcripts."""
    from asr_prune.stages.decoding import GRAPH, graph_folder, make_pass_graph

    hmm, options = context.align / pass_name(own), context.recipe.decode
    make_pass_graph(context, pass_name(own))
    graph = graph_folder(context, pass_name(own))

    def do(_: bool) -> None:
        from asr_prune.decode.adapt import Adapter
        from asr_prune.features.archive import write_matrices
        from asr_prune.lang.lang import Lang

        adapter = Adapter(hmm, graph, Lang.read(context.lang).silence, options, context.nj)
        for part in UNKNOWN:
            feats = dict(pass_features(context.data / part, context.recipe.features.hmm, hmm, adapt=False))
            speakers = DataDir.read(context.data / part).utt2spk
            found = adapter.transforms(feats, speakers, own.fmllr_min_frames)
            write_matrices(transform_file(hmm, part).with_suffix(""), sorted(found.items()))
            log.info("  %s: transforms for %d speakers", part, len(found))

    inputs = feature_inputs(context, UNKNOWN, "hmm") | dict.fromkeys(pass_files(hmm, own), "align")
    inputs |= {graph / name: "graph" for name in GRAPH}
    search = [options.adapt_lm_weight, options.beam, options.max_active, options.first_beam, options.first_max_active]
    part = {"search": search, "least": own.fmllr_min_frames, "features": context.recipe.features.hmm}
    made = [transform_file(hmm, part) for part in UNKNOWN]
    outputs = [*made, *(path.with_suffix(".ark") for path in made)]
    says = f"adapting to the speakers of dev and test, pass {pass_name(own)}"
    context.once(Work("align", says, part, inputs, ["hmm", "decode"], do, outputs, piece=f"{pass_name(own)}-adapt"))
