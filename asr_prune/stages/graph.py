"""Stage graph: the decoding graph; and, decoded with it, transforms for the speakers of dev and
test.
"""

from __future__ import annotations

from pathlib import Path

from asr_prune.hmm.network_features import adapting, transform_file
from asr_prune.hmm.options import LdaMlltOptions, PassOptions, SatOptions, pass_name
from asr_prune.hmm.pass_files import pass_files
from asr_prune.layout import SCORED_SETS
from asr_prune.stages.inputs import feature_inputs, front_end_files, network_inputs, noisy_sets, token_inputs
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Files, Work

#: the silence phones, whose frames count little when speakers are adapted
_SILENCE = "phones/silence.int"
#: what a graph is made of
_LANG = ("L_disambig.fst", "G.fst", "phones.txt", "words.txt", "phones/disambig.int")
GRAPH_FILES = ("HCLG.fst", "words.txt", "pdfs.txt", "size.json", "disambig_tid.int")
KALDI_GRAPH_FILES = ("HCLG.fst", "words.txt", "num_pdfs", "disambig_tid.int")
#: options of nothing but the decoding passes before transforms are estimated
ADAPTATION = (
    "adapt_lm_weight",
    "adapt_lattice_beam",
    "adapt_silence",
    "first_beam",
    "first_max_active",
)
#: options of these passes
FIRST_PASSES = (*ADAPTATION, "beam", "max_active", "min_active", "beam_delta", "prune_interval")


def works(experiment: Experiment) -> list[Work]:
    """The graph of the networks, unless they are decoded greedily or cannot be decoded; and the
    adaptation, if networks read the features of a speaker-adaptive pass. How long the steps before
    the networks take is measured once for all.
    """
    if experiment.ctc:
        made = [] if experiment.greedy else [_token_graph(experiment)]
        return [*made, *_front_end(experiment)]
    if not experiment.has_hmm:
        return []
    made = [pass_graph(experiment, experiment.labels.name)]
    if experiment.sat:
        sets = filter(None, (SCORED_SETS, noisy_sets(experiment)))
        made += [adaptation(experiment, experiment.sat, parts) for parts in sets]
    return [*made, *_front_end(experiment)]


def _front_end(experiment: Experiment) -> list[Work]:
    """How long the steps before the network take; nothing if features are taken from elsewhere."""
    layout, corpus, source = experiment.layout, experiment.recipe.corpus, experiment.features
    if source.read[0].archives:
        return []
    options, inputs = experiment.recipe.decode, network_inputs(experiment, ["test"])
    search, graph = None, experiment.graph
    if experiment.sat and graph:
        search = {key: getattr(options, key) for key in FIRST_PASSES}
        inputs |= {graph / "HCLG.fst": "graph", layout.lang / _SILENCE: "lang"}
    return [
        Work(
            stage="graph",
            piece="front-end",
            says="timing the steps before the network",
            job="asr_prune.decode.front_end_time:time_front_end",
            arguments={
                "out": layout.front_end,
                "search": search,
                "longest": corpus.longest,
                "channel": corpus.channel,
            },
            uncounted={"decoding": experiment.decoding},
            inputs=inputs | {layout.set("test") / "wav.scp": "corpus"},
            outputs=[layout.front_end],
            optional=front_end_files(experiment),
            home=layout.exp,
        )
    ]


def pass_graph(experiment: Experiment, name: str) -> Work:
    """HCLG of a pass: Kaldi's, if the recipe names one and the pass labels the networks."""
    layout, options = experiment.layout, experiment.recipe.decode
    hmm, out = layout.hmm(name), experiment.graph_of(name)
    source = options.graph if out == layout.graph else None
    inputs = {hmm / "final.mdl": "align", hmm / "tree": "align"}
    lang = {layout.lang / file: "lang" for file in _LANG}
    scales = {
        "transition_scale": options.transition_scale,
        "self_loop_scale": options.self_loop_scale,
    }
    common = {"hmm": hmm, "out": out}
    return Work(
        stage="graph",
        piece="" if out == layout.graph else name,
        says=f"taking {source}" if source else "making HCLG",
        job=f"asr_prune.decode.make_graph:{'take' if source else 'make'}_pass_graph",
        arguments=common | ({"source": source} if source else {"lang": layout.lang, "scales": scales}),
        inputs=inputs | ({} if source else lang),
        outputs=[out / file for file in GRAPH_FILES],
        optional=[Files(source, KALDI_GRAPH_FILES)] if source else [],
        home=layout.exp,
    )


def adaptation(experiment: Experiment, options: SatOptions, parts: tuple[str, ...] = SCORED_SETS) -> Work:
    """Transforms for the speakers of dev and test, or of test sets with noise, under a speaker-adaptive pass."""
    layout, recipe, name = experiment.layout, experiment.recipe, pass_name(options)
    hmm, graph = layout.hmm(name), experiment.graph_of(name)
    scps = [transform_file(hmm, part) for part in parts]
    return Work(
        stage="graph",
        piece=f"{name}-adapt" if parts == SCORED_SETS else f"{name}-adapt-noise",
        says=f"adapting to the speakers of {' and '.join(parts)}, pass {name}",
        job="asr_prune.decode.make_graph:adapt_speakers",
        arguments={
            "sets": {part: layout.set(part) for part in parts},
            "lang": layout.lang,
            "hmm": hmm,
            "graph": graph,
            "search": {key: getattr(recipe.decode, key) for key in FIRST_PASSES},
            "features": recipe.features.hmm,
            "min_frames": options.fmllr_min_frames,
        },
        uncounted={"nj": experiment.nj},
        inputs=feature_inputs(experiment, parts, "hmm")
        | dict.fromkeys(pass_files(hmm, options, _before(experiment, hmm, options)), "align")
        | {graph / file: "graph" for file in GRAPH_FILES}
        | {layout.lang / _SILENCE: "lang"},
        outputs=[*scps, *(scp.with_suffix(".ark") for scp in scps)],
        home=layout.exp,
        unfinished=[adapting(hmm)],
    )


def _before(experiment: Experiment, hmm: Path, options: SatOptions) -> list[PassOptions]:
    """The passes before a speaker-adaptive one; for a pass that Kaldi trained, one of its kind of
    front end.
    """
    if experiment.recipe.hmm.labels:
        return [LdaMlltOptions()] if (hmm / "final.mat").is_file() else []
    passes = experiment.recipe.hmm.run
    return list(passes[: passes.index(options)])


def _token_graph(experiment: Experiment) -> Work:
    layout = experiment.layout
    out = layout.token_graph
    return Work(
        stage="graph",
        says="making the graph of tokens and words",
        job="asr_prune.decode.make_graph:make_ctc_graph",
        arguments={"lang": layout.lang, "out": out},
        inputs=token_inputs(experiment) | {layout.lang / name: "lang" for name in ("words.txt", "G.fst")},
        outputs=[out / name for name in GRAPH_FILES if name != "disambig_tid.int"],
        home=layout.exp,
    )
