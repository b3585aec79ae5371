"""The GMM-HMM passes themselves, decoded and scored: one row per pass, of one or more seeds."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from asr_prune.analysis.ladder_table import format_ladder, format_spread, over_seeds
from asr_prune.analysis.rung import Rung
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.hmm.network_features import transform_file
from asr_prune.hmm.options import PassOptions, SatOptions, pass_name
from asr_prune.integrity import checked
from asr_prune.layout import SCORED_SETS
from asr_prune.recipe.blocks import check_seed
from asr_prune.stages.align import works as align_works
from asr_prune.stages.graph import adaptation, pass_graph
from asr_prune.stages.inputs import FRONT_END, GRAPH_READ, feature_inputs
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.runner import Runner
from asr_prune.workflow.work import Work

log = logging.getLogger(__name__)

Rows = list[dict[str, Any]]
_DECODES = "the ladder decodes the"


def ladder(experiment: Experiment, runner: Runner) -> None:
    """Trains what is not trained yet, decodes dev and test with every pass, prints the table and
    writes ladder.json.

    Raises UserError if the labels are not of passes trained here.
    """
    print("\n".join(format_ladder(climb(experiment, runner))))


def seeds_ladder(experiment: Experiment, runner: Runner, count: int) -> None:
    """The ladder of `count` seeds, beginning with the recipe's; prints medians and ranges and
    writes ladder_seeds.json.

    Data, language model and features are those of the recipe's seed. What is done is not done
    again. Raises UserError as `ladder`, and if a seed is too large.
    """
    first = experiment.recipe.seed
    seeds = range(first, first + count)
    _check_last(seeds[-1])
    rows: dict[int, Rows] = {}
    for number, seed in enumerate(seeds, 1):
        log.info("seed %d, %d of %d", seed, number, count)
        rows[seed] = climb(experiment if seed == first else experiment.of_seed(seed), runner)
    passes = over_seeds(list(rows.values()))
    with atomic(experiment.layout.seeds_ladder) as file:
        json.dump({"seeds": list(rows), "passes": passes}, file, indent=1)
    print("\n".join(format_spread(passes, list(rows))))


def _check_last(seed: int) -> None:
    try:
        check_seed(seed)
    except ValueError as error:
        raise UserError(f"the last {error}; set a smaller seed or ask for fewer.") from None


def climb(experiment: Experiment, runner: Runner) -> Rows:
    """A row for each pass, as `score_pass` writes them; they are also written to ladder.json.

    Raises UserError as `ladder`.
    """
    layout = experiment.layout
    runner.run(works(experiment))
    names = [pass_name(options) for options in experiment.recipe.hmm.run]
    texts = (checked(layout.rung(name)).read_text(encoding="utf-8") for name in names)
    rows = [json.loads(text) for text in texts]
    with atomic(layout.ladder) as file:
        json.dump(rows, file, indent=1)
    return rows


def works(experiment: Experiment) -> list[Work]:
    """The passes, and for each its graph, the adaptation if it is speaker-adaptive, and its row.

    Raises UserError as `ladder`.
    """
    if experiment.ctc:
        raise UserError(f"{_DECODES} GMM-HMM's passes, and CTC has none; set decode.type to hmm.")
    if experiment.recipe.hmm.labels:
        raise UserError(f"{_DECODES} passes trained here, and hmm.labels names other labels; unset it.")
    if experiment.folds:
        raise UserError(f"{_DECODES} passes of one division of the corpus; set corpus.folds to 0.")
    made = align_works(experiment)
    for options in experiment.recipe.hmm.run:
        adapted = isinstance(options, SatOptions)
        made.append(pass_graph(experiment, pass_name(options)))
        made += [adaptation(experiment, options)] if adapted else []  # type: ignore[arg-type]
        made.append(_rung(experiment, options))
    return made


def _rung(experiment: Experiment, options: PassOptions) -> Work:
    layout, recipe, name = experiment.layout, experiment.recipe, pass_name(options)
    outs = {part: layout.pass_score(name, part) for part in SCORED_SETS}
    hmm, graph = layout.hmm(name), experiment.graph_of(name)
    kept = layout.climbing(name)
    return Work(
        stage="ladder",
        piece=name,
        says=f"decoding and scoring pass {name}",
        job="asr_prune.analysis.rung:score_pass",
        arguments={
            "rung": Rung(hmm, graph, recipe.features.hmm, recipe.decode),
            "sets": {part: layout.set(part) for part in SCORED_SETS},
            "outs": outs,
            "score": recipe.score,
            "out": layout.rung(name),
        },
        uncounted={"kept": kept, "nj": experiment.nj},
        inputs=_inputs(experiment, options),
        outputs=[layout.rung(name), *outs.values()],
        optional=[hmm / file for file in FRONT_END],
        home=layout.exp,
        unfinished=[kept],
    )


def _inputs(experiment: Experiment, options: PassOptions) -> dict[Path, str]:
    layout, name = experiment.layout, pass_name(options)
    inputs = feature_inputs(experiment, SCORED_SETS, "hmm")
    inputs |= {layout.set(part) / "text": "corpus" for part in SCORED_SETS}
    model = ("final.mdl", "cmvn_opts", "summary.json")
    inputs |= {layout.hmm(name) / file: "align" for file in model}
    inputs |= {experiment.graph_of(name) / file: "graph" for file in GRAPH_READ}
    if isinstance(options, SatOptions):
        scps = [transform_file(layout.hmm(name), part) for part in SCORED_SETS]
        inputs |= {path: "graph" for scp in scps for path in (scp, scp.with_suffix(".ark"))}
    return inputs
