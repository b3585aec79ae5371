"""The GMM-HMM passes themselves, decoded and scored: one row per pass."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from asr_prune.decode.gmm import gmm_log_likelihoods
from asr_prune.decode.lattice_set import Words, kept_searched, kept_words
from asr_prune.decode.pace import SetSearch
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.hmm.network_features import FEATURE_FILES, feature_folder, pass_features, transform_file
from asr_prune.hmm.options import PassOptions, SatOptions, pass_name
from asr_prune.integrity import checked
from asr_prune.layout import SCORED_SETS
from asr_prune.report.cells import decimals
from asr_prune.score.grids import score_grids
from asr_prune.stages.align import works as align_works
from asr_prune.stages.graph import adaptation, pass_graph
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.ledger import Hashes
from asr_prune.workflow.runner import Runner


def ladder(experiment: Experiment, runner: Runner) -> None:
    """Trains what is not trained yet, decodes dev and test with every pass, prints the table and
    writes ladder.json.

    Raises UserError if the labels are not of passes trained here.
    """
    if experiment.ctc:
        raise UserError("the ladder decodes the GMM-HMM's passes, and CTC has none; set decode.type to hmm.")
    if experiment.recipe.hmm.labels:
        raise UserError("the ladder decodes the passes trained here, and hmm.labels names other labels; unset it.")
    runner.run(align_works(experiment))
    rows = [_row(experiment, runner, options) for options in experiment.recipe.hmm.run]
    with atomic(experiment.layout.ladder) as file:
        json.dump(rows, file, indent=1)
    shutil.rmtree(experiment.layout.climbing, ignore_errors=True)
    print("\n".join(format_ladder(rows)))


def format_ladder(rows: list[dict[str, Any]]) -> list[str]:
    """Lines for the terminal."""
    lines = [f"{'pass':10s}  pdfs  gaussians  WER dev (seen)  WER test  test, tuned on test  training"]
    for row in rows:
        sizes = f"{row['pass']:10s}  {row['pdfs']:4d}  {row['gaussians']:9d}"
        test, tuned = (decimals(row.get(key), 2) for key in ("wer_test", "wer_test_tuned"))
        wers = f"{row['wer_dev']:14.2f}  {test:>8}  {tuned:>20}"
        lines.append(f"{sizes}  {wers}  {row['seconds']:6.0f} s")
    return [*lines, "WER in %, equivalent words counted as one. The passes were trained on dev too."]


def _row(experiment: Experiment, runner: Runner, options: PassOptions) -> dict[str, Any]:
    layout, name = experiment.layout, pass_name(options)
    folder = layout.hmm(name)
    works = [pass_graph(experiment, name)]
    works += [adaptation(experiment, options)] if isinstance(options, SatOptions) else []
    runner.run(works)
    words = {part: _words(experiment, folder, part) for part in SCORED_SETS}
    summary = json.loads(checked(folder / "summary.json").read_text(encoding="utf-8"))
    row = {"pass": name, "pdfs": summary["pdfs"], "gaussians": summary["gaussians"]}
    sets = {part: layout.set(part) for part in SCORED_SETS}
    outs = {part: layout.pass_score(name, part) for part in SCORED_SETS}
    return row | score_grids(words, sets, outs, experiment.recipe.score) | {"seconds": summary["seconds"]}


def _words(experiment: Experiment, folder: Path, part: str) -> Words:
    """Words of a set under one pass, by LM weight and penalty."""
    recipe = experiment.recipe
    feats = pass_features(experiment.layout.set(part), recipe.features.hmm, folder)
    graph, shift = experiment.graph_of(folder.name), recipe.features.hmm.frame_shift_ms / 1000
    search = SetSearch(f"decoding {part} with {folder.name}", recipe.decode)
    kept = kept_searched(_kept(experiment, folder, part), feats, shift)
    return kept_words(graph, lambda names: gmm_log_likelihoods(folder, feats.only(names)), search, experiment.nj, kept)


def _kept(experiment: Experiment, folder: Path, part: str) -> Path:
    """Where an interrupted ladder keeps what it found in a set with a pass: a folder for these
    files and options.
    """
    scps = [feature_folder(experiment.layout.set(part), "hmm") / name for name in FEATURE_FILES]
    transforms = transform_file(folder, part).with_suffix(".ark")
    graph = experiment.graph_of(folder.name) / "HCLG.fst"
    files = [*scps, transforms, graph, folder / "final.mdl", folder / "final.mat"]
    hashes = Hashes(experiment.layout.hashes)
    told = [hashes.of(path) for path in files], repr(experiment.recipe.decode)
    hashes.save()
    return experiment.layout.climbing / hashlib.sha256(repr(told).encode()).hexdigest()[:16]
