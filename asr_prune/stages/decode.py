"""Stage decode: the words of dev and test under the shrunk networks, at every LM weight and word penalty."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from asr_prune.decode.options import DecodeOptions
from asr_prune.layout import SCORED_SETS
from asr_prune.run_dir import RunDir, decode_info, lattices_file, portions_of, words_file
from asr_prune.stages import in_vosk
from asr_prune.stages.graph import ADAPTATION
from asr_prune.stages.inputs import decoding_inputs, front_end_files, noisy_sets
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.work import Work

#: options of the words that are taken from lattices
GRID = ("lm_weights", "penalties")
#: options of making the graph and of adapting to speakers, which the search does not read;
#: ctc_lm_weights are among lm_weights by now
ELSEWHERE = ("graph", "transition_scale", "self_loop_scale", *ADAPTATION, "ctc_lm_weights")


def works(experiment: Experiment) -> list[Work]:
    """One work for each run, and one for its test sets with noise; with kept lattices two of each,
    so that another grid of weights needs no search. An imported model is decoded in Vosk.
    """
    if experiment.imported:
        return in_vosk.works(experiment)
    experiment.need_hmm()
    folders = [experiment.run_dir(run) for run in experiment.runs]
    keep = experiment.recipe.decode.lattice
    return [
        make(experiment, folder, parts)
        for folder in folders
        for parts in filter(None, (SCORED_SETS, noisy_sets(experiment)))
        for make in (_decode, *([_sweep] if keep else []))
    ]


def _decode(experiment: Experiment, run: RunDir, parts: tuple[str, ...]) -> Work:
    options = experiment.recipe.decode
    outs = {part: run.decoded(part) for part in parts}
    made = [lattices_file(out) for out in outs.values()] if options.lattice else words_files(run, options, parts)
    return Work(
        stage="decode",
        piece="" if parts == SCORED_SETS else "noise",
        run=run.name,
        says="decoding",
        job="asr_prune.decode.decode_run:decode_run",
        arguments={"network": run.shrunk, "outs": outs, "options": search_options(options)},
        uncounted={"decoding": experiment.decoding, "nj": experiment.nj},
        inputs={run.shrunk: "shrink"} | decoding_inputs(experiment, parts),
        outputs=[*(decode_info(out) for out in outs.values()), *made],
        optional=front_end_files(experiment),
        home=run.path,
        unfinished=[portions_of(out) for out in outs.values()],
    )


def _sweep(experiment: Experiment, run: RunDir, parts: tuple[str, ...]) -> Work:
    options, graph = experiment.recipe.decode, experiment.graph
    outs = {part: run.decoded(part) for part in parts}
    assert graph is not None
    return Work(
        stage="decode",
        piece="words" if parts == SCORED_SETS else "words-noise",
        run=run.name,
        says="weighting lattices",
        job="asr_prune.decode.decode_run:sweep_run",
        arguments={"graph": graph, "outs": outs, **{key: getattr(options, key) for key in GRID}},
        uncounted={"nj": experiment.nj},
        inputs=dict.fromkeys((lattices_file(out) for out in outs.values()), "decode") | {graph / "words.txt": "graph"},
        outputs=words_files(run, options, parts),
        home=run.path,
    )


def search_options(options: DecodeOptions) -> DecodeOptions:
    """What decoding depends on, everything else at its default; the grid counts only if lattices are not kept."""
    default = DecodeOptions()
    others = (*ELSEWHERE, *(GRID if options.lattice else ()))
    return replace(options, **{key: getattr(default, key) for key in others})


def words_files(run: RunDir, options: DecodeOptions, parts: tuple[str, ...] = SCORED_SETS) -> list[Path]:
    """A file of words for each set, LM weight and penalty."""
    return [
        words_file(run.decoded(part), weight, penalty)
        for weight in options.lm_weights
        for penalty in options.penalties
        for part in parts
    ]
