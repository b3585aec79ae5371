"""Pruning by other libraries beside the project's own: `python tests/bench/peers.py
recipes/an4/trials/peers.yaml`.

In a project whose align stage, and graph stage for adapted features, are done. Every row has the
same network, features, labels, epochs, optimiser, learning rates and fine-tuning, and as many
trials of its settings on one half of the development speakers. Rows are added to peers.csv beside
the file as they come; rows that it has are not repeated.
"""

from __future__ import annotations

import argparse
import csv
import platform
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
import yaml
from peer_methods import Enough, GroupNorm, GrowingReg, Peer, TorchPruning
from peer_pat import Pat, PatConstraint, find_strength
from trials import Data, planned, recipe_of, run_all, run_trial, train_own

from asr_prune.acoustic.examples import Examples
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.train import Trainer
from asr_prune.errors import UserError
from asr_prune.process import torch_threads
from asr_prune.pruning.removal import shrink
from asr_prune.pruning.training import both_sets, build
from asr_prune.recipe.blocks import Run
from asr_prune.run_dir import RunDir
from asr_prune.workflow.experiment import Experiment

#: by the names that a plan has, with the packages that they need
PEERS: dict[str, tuple[type[Peer], str]] = {
    "torch_pruning group_norm": (GroupNorm, "torch-pruning"),
    "torch_pruning group_norm global": (GroupNorm, "torch-pruning"),
    "torch_pruning growing_reg": (GrowingReg, "torch-pruning"),
    "torch_pruning magnitude": (TorchPruning, "torch-pruning"),
    "torchao pat": (Pat, "torchao"),
    "torchao pat searched": (Pat, "torchao"),
    "torchao pat constraint": (PatConstraint, "torchao"),
}
#: what was tested
VERSIONS = {"torch-pruning": "1.6.1", "torchao": "0.18.0"}
#: for path.sh: an environment of its own that also sees the packages of .venv
ENVIRONMENT = "ASR_PRUNE_VENV=.venv-peers ASR_PRUNE_TORCH=system PYTHON=.venv/bin/python"
FIELDS = (
    *("method", "keep", "settings", "trial", "seed", "ce_choose", "ce_report", "ce_dev"),
    *("nodes", "per_layer", "params", "macs", "seconds", "version", "cpu", "note"),
)
COLUMNS = (
    *("method", "keep", "dev CE", "of the other half", "nodes (per layer)", "params", "MACs", "seconds"),
    *("settings", "version"),
)


def rows_of(plan: dict[str, Any], trials: int | None, methods: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    """The rows of a plan, each once: for each keep its trials, for each of these the seeds."""
    seen = set()
    for keep in plan["keeps"]:
        at_keep = plan | {"fixed": plan["fixed"] | {"prune.keep": keep}, "trials": trials or plan["trials"]}
        for row in planned(at_keep):
            if (methods and row["method"] not in methods) or (row["method"], row["settings"]) in seen:
                continue
            seen.add((row["method"], row["settings"]))
            kept = _values(row["settings"])["prune.keep"]
            yield from (row | {"keep": 1 if kept is None else kept, "seed": seed} for seed in plan["seeds"])


def _values(settings: str) -> dict[str, Any]:
    pairs = (word.split("=", 1) for word in settings.split())
    return {key: yaml.safe_load(value) for key, value in pairs}


def check_installed(methods: Sequence[str]) -> None:
    """Raises UserError if a library that one of `methods` needs is not installed."""
    needed = sorted({PEERS[name][1] for name in methods if name in PEERS})
    missing = [package for package in needed if _version(package) is None]
    if missing:
        pinned = " ".join(f"{package}=={VERSIONS[package]}" for package in VERSIONS)
        raise UserError(
            f"this comparison needs {' and '.join(missing)}: make an environment for it with "
            f"`{ENVIRONMENT} . ./path.sh && pip install {pinned}`, or name other --methods."
        )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def run_row(row: dict[str, Any], recipe: str) -> dict[str, Any]:
    """Trains one network and adds its figures to `row`. Raises UserError if it misses the requested
    nodes.
    """
    words = row["settings"].split()
    own = {key[5:]: value for key, value in _values(row["settings"]).items() if key.startswith("peer.")}
    notes: list[str] = []
    train = partial(train_peer, row["method"], own, notes) if row["method"] in PEERS else train_own
    plain = " ".join(word for word in words if not word.startswith("peer."))
    done = run_trial(row | {"settings": plain}, recipe, train) | {"settings": row["settings"]}
    package = PEERS[row["method"]][1] if row["method"] in PEERS else "torch"
    return done | {"version": f"{package} {version(package)}", "cpu": cpu(), "note": "; ".join(notes)}


def train_peer(
    name: str, own: dict[str, Any], notes: list[str], experiment: Experiment, data: Data
) -> tuple[Network, float]:
    """With another library; what is to be said of the run is added to `notes`."""
    (run,) = experiment.runs
    if run.network.type != "feed_forward":
        raise UserError(f"{name} is compared on network.type feed_forward only, not {run.network.type}.")
    make, device = PEERS[name][0], torch.device("cpu")
    with torch_threads(run.train.threads):
        sets = both_sets(data.train, data.choose, run.network, run.train, False, device)
        if own.get("strength") == "search":
            target = round((run.prune.keep or 1) * sum(run.network.hidden))
            press = partial(_left_by, make, own, run, sets, data.pdfs)
            strength, tried = find_strength(press, target, own["first"])
            own = own | {"strength": strength}
            notes.append(f"strength {strength:.3g}, found in {tried} trainings up to the cut")
        peer = make(run.prune, own)
        network, cross_entropy = _trained(peer, run, sets, data.pdfs)
    notes += [peer.note] if peer.note else []
    check_nodes(name, network.widths, peer.target)
    return network, cross_entropy


def check_nodes(name: str, widths: list[int], target: int) -> None:
    """Raises UserError if `widths` differ from `target` by more than 2 % and one node."""
    if abs(sum(widths) - target) > max(1, 0.02 * target):
        raise UserError(f"{name} ended with {sum(widths)} nodes {widths}, not the {target} that were requested.")


def _trained(peer: Peer, run: Run, sets: tuple[Examples, Examples], pdfs: int) -> tuple[Network, float]:
    network = build(run.network, sets[0], pdfs, run.seed)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(network, run.train, *sets, peer, run.seed, RunDir(Path(folder)))
        trainer.optimiser = peer.optimiser
        trainer.run_dir.models.mkdir(parents=True)
        quality = trainer.run()
    return shrink(network)[0], quality.cross_entropy


def _left_by(
    make: type[Peer], own: dict[str, Any], run: Run, sets: tuple[Examples, Examples], pdfs: int, strength: float
) -> int:
    try:
        _trained(make(run.prune, own | {"strength": strength}, only_press=True), run, sets, pdfs)
    except Enough as end:
        return int(end.args[0])
    raise AssertionError("the cut is within the run")


def cpu() -> str:
    """The model of this machine's CPU."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def table(rows: list[dict[str, Any]], fixed: Sequence[str]) -> str:
    """Of each method at each keep the trial that is best on the choosing half, best first; means
    over seeds.

    fixed: settings that all rows have, which are not repeated.
    """
    best = {}
    for place in dict.fromkeys((float(row["keep"]), row["method"]) for row in rows):
        own = [row for row in rows if (float(row["keep"]), row["method"]) == place]
        trials = [[row for row in own if row["settings"] == s] for s in dict.fromkeys(r["settings"] for r in own)]
        best[place] = min(trials, key=lambda trial: mean(float(row["ce_choose"]) for row in trial))
    order = sorted(best, key=lambda place: (-place[0], mean(float(row["ce_dev"]) for row in best[place])))
    cpus = ", ".join(dict.fromkeys(row["cpu"] for row in rows))
    head = [f"| {' | '.join(COLUMNS)} |", "|" + " --- |" * len(COLUMNS)]
    lines = [*head, *(_line(best[place], fixed) for place in order)]
    return "\n".join([*lines, "", f"CPU: {cpus}."])


def _line(trial: list[dict[str, Any]], fixed: Sequence[str]) -> str:
    row, scores = trial[0], [float(row["ce_dev"]) for row in trial]
    spread = f" ({min(scores):.3f} to {max(scores):.3f}, {len(scores)} seeds)" if len(scores) > 1 else ""
    other = mean(float(row["ce_report"]) for row in trial)
    pairs = (word.split("=", 1) for word in row["settings"].split())
    settings = ", ".join(f"{k.split('.')[1]} {v}" for k, v in pairs if k not in fixed) or "defaults"
    return (
        f"| `{row['method']}` | {row['keep']} | **{mean(scores):.3f}**{spread} | {other:.3f} "
        f"| {row['nodes']} ({row['per_layer']}) | {row['params']} | {row['macs']} "
        f"| {median(float(row['seconds']) for row in trial):.0f} "
        f"| {'; '.join(filter(None, [settings, row['note']]))} | {row['version']} |"
    )


def main() -> None:
    """Runs what is missing, prints each row, and at the end the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--recipe", help="by default the one in whose folder the plan is")
    parser.add_argument("--methods", nargs="*", help="only these of the plan")
    parser.add_argument("--trials", type=int, help="settings tried for each method, the first being its defaults")
    parser.add_argument("--nj", type=int, default=1, help="rows at once; more than one slow each other")
    parser.add_argument("--table", action="store_true", help="print the table of what is there, and run nothing")
    given = parser.parse_args()
    try:
        run(given)
    except UserError as error:
        raise SystemExit(str(error)) from None


def run(given: argparse.Namespace) -> None:
    """Raises UserError for a plan or a method that does not exist, missing libraries, and after
    rows that failed.
    """
    if not given.plan.is_file():
        raise UserError(f"there is no plan {given.plan}; recipes/an4/trials/peers.yaml is one.")
    plan, path = yaml.safe_load(given.plan.read_text()), given.plan.with_suffix(".csv")
    if unknown := [name for name in given.methods or () if name not in plan["methods"]]:
        raise UserError(f"{given.plan} has no row {unknown[0]!r}; its rows are {', '.join(plan['methods'])}.")
    rows: list[dict[str, Any]] = list(csv.DictReader(path.open())) if path.exists() else []
    todo: list[dict[str, Any]] = []
    if not given.table:
        check_installed(given.methods or list(plan["methods"]))
        done = {(row["method"], row["settings"], str(row["seed"])) for row in rows}
        todo = list(rows_of(plan, given.trials, given.methods))
        todo = [row for row in todo if (row["method"], row["settings"], str(row["seed"])) not in done]
    work = partial(run_row, recipe=given.recipe or recipe_of(given.plan))
    made = run_all(todo, work, path, FIELDS, given.nj)
    print(table(rows + made, ["prune.method", "prune.keep", *plan["fixed"]]))
    if failed := len(todo) - len(made):
        raise UserError(
            f"{failed} of {len(todo)} rows failed, for the reasons above; the same command tries them again."
        )


if __name__ == "__main__":
    main()
