"""Methods beside each other on the same seeds: `python tests/bench/paired.py recipes/an4/trials/epochs.yaml`.

In a project whose align stage, and graph stage for adapted features, are done; teachers that the
plan names are trained. Each part of the plan is settings and seeds; every method is trained with
each of them. Rows are added to a .csv beside the plan as they come, a seed of all parts after the
other; rows that it has are not repeated.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from functools import partial
from itertools import zip_longest
from pathlib import Path
from statistics import mean, median, stdev
from typing import Any

import yaml
from scipy.stats import t
from trials import as_set, recipe_of, run_all, run_trial

FIELDS = (
    *("method", "settings", "trial", "seed", "ce_choose", "ce_report", "ce_dev"),
    *("nodes", "per_layer", "params", "macs", "seconds"),
)


def rows_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows: the first seed of every part, then the second, and so on."""
    by_seed = zip_longest(*(list(_part(plan, dict(part))) for part in plan["parts"]))
    return [row for rows in by_seed for of_part in rows if of_part for row in of_part]


def _part(plan: dict[str, Any], part: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    for seed in part.pop("seeds"):
        yield [
            {"method": name, "trial": 0, "seed": seed, "settings": settings_of(plan, name, part)}
            for name in plan["methods"]
        ]


def settings_of(plan: dict[str, Any], method: str, part: dict[str, Any]) -> str:
    """What --set gets for a method in a part of the plan."""
    keys = {"prune.method": method.split()[0]} | plan["fixed"] | part | (plan["methods"][method] or {})
    return " ".join(map(as_set, keys.items()))


def table(plan: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """Dev cross-entropy of each method in each part, and how far the first method is below it,
    seed by seed, with the 95 % interval of Student's t.
    """
    first, *_ = plan["methods"]
    head = ["settings", "method", "seeds", "dev CE: mean, median [lowest, highest]", f"{first} less this one"]
    lines = [f"| {' | '.join(head)} |", "|" + " --- |" * len(head)]
    for part in plan["parts"]:
        own = {key: value for key, value in part.items() if key != "seeds"}
        scores = {name: _scores(rows, name, settings_of(plan, name, own)) for name in plan["methods"]}
        for name, of_seed in scores.items():
            if of_seed:
                beside = difference(scores[first], of_seed) if name != first else ""
                lines.append(f"| {' '.join(map(as_set, own.items()))} | `{name}` | {_summary(of_seed)} | {beside} |")
    return "\n".join(lines)


def _scores(rows: list[dict[str, Any]], method: str, settings: str) -> dict[int, tuple[float, float]]:
    """Cross-entropy and seconds by seed."""
    own = [row for row in rows if (row["method"], row["settings"]) == (method, settings)]
    return {int(row["seed"]): (float(row["ce_dev"]), float(row["seconds"])) for row in own}


def _summary(of_seed: dict[int, tuple[float, float]]) -> str:
    scores = [score for score, _ in of_seed.values()]
    spread = f"[{min(scores):.3f}, {max(scores):.3f}]"
    return f"{len(scores)} | {mean(scores):.3f}, {median(scores):.3f} {spread}"


def difference(first: dict[int, tuple[float, float]], other: dict[int, tuple[float, float]]) -> str:
    """Mean of first - other over the seeds of both, and its 95 % interval if there are two."""
    pairs = [first[seed][0] - other[seed][0] for seed in first.keys() & other.keys()]
    if len(pairs) < 2:
        return f"{pairs[0]:+.3f}" if pairs else ""
    half = float(t.ppf(0.975, len(pairs) - 1)) * stdev(pairs) / len(pairs) ** 0.5
    return f"{mean(pairs):+.3f} [{mean(pairs) - half:+.3f}, {mean(pairs) + half:+.3f}]"


def main() -> None:
    """Runs what is missing, prints each row, and at the end the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--recipe", help="by default the one in whose folder the plan is")
    parser.add_argument("--nj", type=int, default=1)
    parser.add_argument("--table", action="store_true", help="print the table of what is there, and run nothing")
    given = parser.parse_args()
    plan, path = yaml.safe_load(given.plan.read_text()), given.plan.with_suffix(".csv")
    if "parts" not in plan:
        parser.error(f"{given.plan} has no parts, so it is no plan of paired trials; its first lines say what reads it")
    rows: list[dict[str, Any]] = list(csv.DictReader(path.open())) if path.exists() else []
    if not given.table:
        done = {(row["method"], row["settings"], str(row["seed"])) for row in rows}
        todo = [row for row in rows_of(plan) if (row["method"], row["settings"], str(row["seed"])) not in done]
        work = partial(run_trial, recipe=given.recipe or recipe_of(given.plan))
        rows += run_all(todo, work, path, FIELDS, given.nj)
    print(table(plan, rows))


if __name__ == "__main__":
    main()
