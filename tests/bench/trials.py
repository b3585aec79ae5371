"""Settings tried, as many for each method, on frozen labels: `python tests/bench/trials.py
recipes/an4/trials/settings.yaml`.

In a project whose align stage, and graph stage for adapted features, are done. The development
speakers are divided: trials are compared on one half (every other speaker), and what the best one
reaches is read from the other half, which no choice has seen. Rows are added to settings.csv beside
the file as they come; trials that it has are not repeated.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.acoustic.evaluate import evaluate
from asr_prune.acoustic.network import Network, size_of
from asr_prune.acoustic.targets import frame_targets
from asr_prune.corpus.datadir import DataDir
from asr_prune.pruning.left_out import unheard
from asr_prune.pruning.removal import shrink
from asr_prune.pruning.teaching import Known, Labelled, load_teacher
from asr_prune.pruning.training import labelled_examples, train_run
from asr_prune.run_dir import RunDir
from asr_prune.workflow.experiment import Experiment, open_experiment

FIELDS = ("method", "settings", "trial", "seed", "ce_choose", "ce_report", "nodes", "params", "macs", "seconds")


def planned(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The trials: of each method its defaults, then `trials` - 1 points of the common space and of
    its own.
    """
    for name, own in plan["methods"].items():
        own = dict(own or {})
        fixed = {"prune.method": name.split()[0]} | plan["fixed"] | own.pop("fixed", {})
        space = {key: values for key, values in (plan["space"] | own).items() if values}
        for trial, point in enumerate(
            [{}, *points(space, plan["trials"] - 1, random.Random(f"{plan['seed']} {name}"))]
        ):
            yield {
                "method": name,
                "trial": trial,
                "seed": 1,
                "settings": " ".join(map(as_set, (fixed | point).items())),
            }


def points(space: dict[str, list[Any]], count: int, draw: random.Random) -> list[dict[str, Any]]:
    """Different points of a space, in which the values of each key occur about equally often (a
    Latin hypercube).
    """
    while True:
        columns = [(values * (count // len(values) + 1))[:count] for values in space.values()]
        rows = list(zip(*(draw.sample(column, count) for column in columns), strict=True))
        if len(set(rows)) == count:
            return [dict(zip(space, row, strict=True)) for row in rows]


def as_set(item: tuple[str, Any]) -> str:
    """A key and its value as --set takes them, without blanks."""
    return f"{item[0]}={yaml.safe_dump(item[1], default_flow_style=True, width=1000).splitlines()[0].replace(' ', '')}"


def halves(names: list[str], speakers: dict[str, str]) -> tuple[list[str], list[str]]:
    """Utterances of every other speaker, in alphabetical order, and those of the rest."""
    order = sorted({speakers[name] for name in names})
    first = set(order[::2])
    return [n for n in names if speakers[n] in first], [n for n in names if speakers[n] not in first]


class Data(NamedTuple):
    """Labelled features: of the training set and of both halves of the development speakers; and
    the number of pdfs.
    """

    train: Labelled
    choose: Labelled
    report: Labelled
    pdfs: int


#: trains a run on `Data`; returns the shrunk network and its cross-entropy on `choose`
Train = Callable[[Experiment, Data], tuple[Network, float]]


def load(experiment: Experiment) -> Data:
    """What the networks of an experiment read."""
    layout, source = experiment.layout, experiment.features
    labels, pdfs = frame_targets(experiment.labels)
    train, dev = (source.load(layout.set(part), layout.align) for part in ("train", "dev"))
    halved = halves(sorted(dev.keys() & labels.keys()), DataDir.read(layout.set("dev")).utt2spk)
    choose, report = (({name: dev[name] for name in half}, labels) for half in halved)
    return Data((train, labels), choose, report, pdfs)


def train_own(experiment: Experiment, data: Data) -> tuple[Network, float]:
    """With the method of the recipe."""
    (run,) = experiment.runs
    with tempfile.TemporaryDirectory() as folder:
        target = RunDir(Path(folder))
        options, plain = (run.network, run.train, run.prune), experiment.features.plain()
        speakers = DataDir.read(experiment.layout.set("train")).utt2spk
        models = {name: load_teacher(name, experiment.layout.runs) for name in run.train.teachers}
        teachers = [Known(name, model, None, unheard(model.left_out, speakers)) for name, model in models.items()]
        figures = train_run(target, data.train, data.choose, data.pdfs, options, run.seed, plain, teachers)
        network, _ = shrink(load_model(target.network).network)
    return network, figures["dev_ce_final"]


def run_trial(row: dict[str, Any], recipe: str, train: Train = train_own) -> dict[str, Any]:
    """Trains one network and adds its figures to `row`."""
    sets = [*row["settings"].split(), f"seed={row['seed']}", "train.threads=1", "train.tensorboard=false"]
    experiment = open_experiment(recipe, sets)
    data, start = load(experiment), time.monotonic()
    network, ce_choose = train(experiment, data)
    shape, how, cpu = experiment.runs[0].network, experiment.runs[0].train, torch.device("cpu")
    rest = labelled_examples(data.report, shape, how, False, cpu, 0)
    chosen, reported = (sum(map(len, half[0].values())) for half in (data.choose, data.report))
    ce_report, size = evaluate(network, rest).cross_entropy, size_of(network)
    return row | {
        "ce_choose": round(ce_choose, 4),
        "ce_report": round(ce_report, 4),
        "ce_dev": round((ce_choose * chosen + ce_report * reported) / (chosen + reported), 4),
        "nodes": sum(size.nodes),
        "per_layer": "/".join(map(str, size.nodes)),
        "params": size.params,
        "macs": size.macs,
        "seconds": round(time.monotonic() - start),
    }


def table(rows: list[dict[str, Any]]) -> str:
    """For each method its defaults and the best of its trials, chosen on one half and reported on
    the other.
    """
    lines = ["| method | trials | defaults | best, chosen on | reported on | its settings |", "|" + " --- |" * 6]
    for name in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == name]
        usual = next((row for row in own if int(row["trial"]) == 0), None)
        best = min(own, key=lambda row: float(row["ce_choose"]))
        left = f"{float(usual['ce_choose']):.3f} / {float(usual['ce_report']):.3f}" if usual else "-"
        scores = f"{float(best['ce_choose']):.3f} | **{float(best['ce_report']):.3f}**"
        lines.append(f"| `{name}` | {len(own)} | {left} | {scores} | `{best['settings']}` |")
    return "\n".join(lines)


def main() -> None:
    """Runs what is missing, prints each trial, and at the end the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--recipe", help="by default the one in whose folder the plan is")
    parser.add_argument("--methods", nargs="*", help="only these rows of the plan")
    parser.add_argument("--nj", type=int, default=2)
    parser.add_argument("--table", action="store_true", help="print the table of what is there, and run nothing")
    given = parser.parse_args()
    path = given.plan.with_suffix(".csv")
    rows = list(csv.DictReader(path.open())) if path.exists() else []
    if not given.table:
        done = {(row["method"], row["settings"]) for row in rows}
        todo = [
            row
            for row in planned(yaml.safe_load(given.plan.read_text()))
            if (row["method"], row["settings"]) not in done
        ]
        todo = [row for row in todo if not given.methods or row["method"] in given.methods]
        work = partial(run_trial, recipe=given.recipe or recipe_of(given.plan))
        rows += run_all(todo, work, path, FIELDS, given.nj)
    print(table(rows))


def recipe_of(plan: Path) -> str:
    """The folder of the recipe that a plan belongs to: the nearest above it with a recipe.yaml."""
    folders = (folder for folder in plan.absolute().parents if (folder / "recipe.yaml").is_file())
    found = next(folders, None)
    if found is None:
        raise SystemExit(f"{plan} is in no recipe's folder; name the recipe by --recipe.")
    return str(found)


def run_all(
    todo: list[dict[str, Any]],
    work: Callable[[dict[str, Any]], dict[str, Any]],
    path: Path,
    fields: Sequence[str],
    nj: int,
) -> list[dict[str, Any]]:
    """Runs trials in `nj` processes; each row is written as it comes."""
    rows = []
    with ProcessPoolExecutor(nj, get_context("spawn")) as pool:
        asked = {pool.submit(work, row): f"{row['method']}  {row['settings']}" for row in todo}
        for future in as_completed(asked):
            if error := future.exception():
                print(f"failed: {asked[future]}: {error}", flush=True)
                continue
            rows.append(row := future.result())
            new = not path.exists()
            with path.open("a", newline="") as file:
                writer = csv.DictWriter(file, fields, extrasaction="ignore", lineterminator="\n")
                writer.writerows([*([dict(zip(fields, fields, strict=True))] if new else []), row])
            scores = f"{row['ce_choose']:.3f} {row['ce_report']:.3f}"
            print(f"{len(rows)}/{len(todo)}  {scores}  {asked[future]}", flush=True)
    return rows


if __name__ == "__main__":
    main()
