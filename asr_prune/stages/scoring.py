"""Stages 8 and 9: score, report."""

from __future__ import annotations

import json
import logging
import subprocess
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from asr_prune.corpus.datadir import DataDir
from asr_prune.files import atomic
from asr_prune.pruning.options import PruneOptions
from asr_prune.recipe.load import Run
from asr_prune.recipe.naming import compact, differing
from asr_prune.report.results import Result
from asr_prune.stages.decoding import JUDGED, Words, read_words, words_files
from asr_prune.workflow.context import Context, Work

if TYPE_CHECKING:
    from asr_prune.decode.options import Point
    from asr_prune.score.wer import Score

log = logging.getLogger(__name__)


def score(context: Context) -> None:
    """Stage 8: weight and penalty by dev, word errors on test, and the run's row of the report."""
    from asr_prune.score.write import score_files

    for run in context.loaded.runs():
        folder = context.run_folder(run)

        def do(_: bool, run: Run = run, folder: Path = folder) -> None:
            found = {part: read_words(folder / f"decode_{part}", context.recipe.decode) for part in JUDGED}
            row = result_row(context, run, score_grids(context, found, folder))
            with atomic(folder / "result.json") as file:
                json.dump(row.to_dict(), file, indent=1)
            low, high = row.wer_test_low, row.wer_test_high
            span = f" [{low:.2f}, {high:.2f}]" if low is not None else ""
            log.info("  dev %.2f  test %.2f%s  at %d nodes", row.wer_dev, row.wer_test, span, row.nodes)

        inputs = {folder / f"decode_{part}" / "info.json": "decode" for part in JUDGED}
        inputs |= {folder / "train.json": "train", folder / "shrunk/size.json": "shrink"}
        inputs |= {context.data / part / name: "corpus" for part in JUDGED for name in ("text", "utt2spk")}
        words = words_files(folder, context.recipe.decode)
        options = {"score": context.recipe.score, "decode": context.recipe.decode}
        outputs = [
            folder / "result.json",
            *(path for part in JUDGED for path in score_files(folder / f"score_{part}.json")),
        ]
        work = Work("score", "scoring", options, inputs, ["score"], do, outputs, words)
        context.once(work, run)


def score_grids(context: Context, found: dict[str, dict[Point, Words]], folder: Path) -> dict[str, Any]:
    """Figures of the grids of dev and test, tuned on dev; writes score_<set>.json beside them."""
    from asr_prune.score.tune import choose_point, grid_errors, tune
    from asr_prune.score.wer import score as score_words
    from asr_prune.score.write import write_score

    options = context.recipe.score
    sets = {part: DataDir.read(context.data / part) for part in JUDGED}
    point = tune(found["dev"], sets["dev"].text, options)
    made: dict[str, Score] = {}
    for part in JUDGED:
        made[part] = score_words(found[part][point], sets[part].text, sets[part].utt2spk, options)
        details = {"lm_weight": point[0], "penalty": point[1]}
        write_score(folder / f"score_{part}.json", made[part], details)
    best = choose_point(grid_errors(found["test"], sets["test"].text, options))
    tuned = score_words(found["test"][best], sets["test"].text, sets["test"].utt2spk, options)
    log.info("  %s (test, LM weight %d and penalty %g from dev)", made["test"].kaldi_line, *point)
    if options.test_tuned:
        log.info("  %s (test, LM weight %d and penalty %g from test itself)", tuned.kaldi_line, *best)
    return {
        "wer_dev": made["dev"].wer,
        "wer_test": made["test"].wer,
        "wer_test_low": made["test"].low,
        "wer_test_high": made["test"].high,
        "wer_raw_test": made["test"].wer_raw,
        "cer_dev": made["dev"].cer,
        "cer_test": made["test"].cer,
        "wer_test_tuned": tuned.wer,
        "wer_raw_test_tuned": tuned.wer_raw,
        "words_test": made["test"].words,
        "errors_test": made["test"].counts.as_errors(),
        "lm_weight": point[0],
        "penalty": point[1],
    }


def result_row(context: Context, run: Run, scores: dict[str, Any]) -> Result:
    """The run's row of results.json."""
    folder = context.run_folder(run)
    trained = json.loads((folder / "train.json").read_text())
    size = json.loads((folder / "shrunk/size.json").read_text())
    info = json.loads((folder / "decode_test/info.json").read_text())
    dense = trained.pop("nodes_per_layer_dense")
    figures = {f.name: trained.pop(f.name) for f in fields(Result) if f.name in trained}
    return Result(
        run=run.name,
        recipe=context.loaded.name,
        method=run.prune.method,
        vectors=getattr(run.prune, "vectors", None),
        variant=variant(run.prune),
        like=getattr(run.prune, "like", None),
        strength=run.prune.strength,
        keep_asked=run.prune.keep,
        sparsity_asked=run.prune.sparsity_asked,
        release=run.prune.fine_tune,
        seed=run.seed,
        hidden_layers=len(size["nodes"]),
        nodes_per_layer=size["nodes"],
        nodes=sum(size["nodes"]),
        nodes_dense=sum(dense),
        params=size["params"],
        macs_per_frame=size["macs"],
        nonzero_weights=size["nonzero"],
        **figures,
        extra=trained,
        **scores,
        rtf_decode=info["rtf_decode"],
        am_forward_seconds_per_hour=info["am_forward_seconds_per_hour"],
        commit=commit(),
        command=yaml.safe_load((folder / "recipe.yaml").read_text())["command"],
    )


def variant(prune: PruneOptions) -> str | None:
    """What is asked of a method besides its size and its vectors, where it is not the method's default."""
    usual = type(prune)(method=prune.method)
    settings = [f"{key} {compact(value)}" for key, value in differing(prune, usual) if key not in prune.COLUMNS]
    return ", ".join(settings) or None


def commit() -> str | None:
    """The checkout's commit, or None outside one."""
    try:
        done = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() or None


def report(context: Context) -> None:
    """Stage 9: all runs of the recipe, also those of earlier commands; the table is printed each time."""
    out, options = context.exp / "report", context.recipe.report
    shown = out / "table.txt"

    def do(_: bool) -> None:
        from asr_prune.report.runs import RunFiles
        from asr_prune.report.write import write_report

        runs = [RunFiles(each.name, *[each / name for name in (*kept, "model/before_cut.pt")]) for each in folders]
        table = write_report(runs, out, context.exp.resolve().name, options)
        with atomic(shown) as file:
            file.write(table)

    folders = sorted(path for path in context.exp.glob("runs/*") if path.is_dir())
    names = ("results.json", "results.csv", "wer_vs_nodes.png", "norms.png", "index.html", "table.txt")
    part = {"report": options, "runs": [folder.name for folder in folders]}
    kept = ("result.json", "norms.npz", "weights.npz", "widths.json")
    also = [folder / name for folder in folders for name in kept]
    context.once(Work("report", "drawing", part, {}, ["report"], do, [out / name for name in names], also))
    print(shown.read_text(encoding="utf-8"), flush=True)
    log.info("report: %s", out / "index.html")
