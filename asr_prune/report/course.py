"""Lines on the course of a run's training: its teachers, and what the cut cost."""

from __future__ import annotations

import json
from typing import Any

import yaml

from asr_prune.integrity import checked
from asr_prune.report.unfinished import is_imported
from asr_prune.run_dir import RunDir


def taught(run: RunDir) -> list[str]:
    """The teachers of a run and how much they counted; nothing without one."""
    recipe = run.recipe
    asked = yaml.safe_load(checked(recipe).read_bytes())["train"] if recipe.is_file() else {}
    names = asked.get("teacher") or []
    if not names:
        return []
    names = [names] if isinstance(names, str) else names
    weight = f"weight {asked['teacher_weight']:g} beside the labels"
    how = "without the labels" if asked["teacher_weight"] == 1 else weight
    how += f", temperature {asked['temperature']:g}"
    lines = [f"teacher: {', '.join(names)} ({how})"]
    if heard := _figures(run).get("taught_unheard"):
        lines.append(f"{heard} training utterances were taught by those that had not heard them")
    return lines


def _figures(run: RunDir) -> dict[str, Any]:
    """What train.json has; nothing before it is there."""
    return json.loads(checked(run.train).read_text(encoding="utf-8")) if run.train.is_file() else {}


def cut_verdict(run: RunDir) -> list[str]:
    """What the cut of a steered run removed and cost, and whether the run converged."""
    figures = _figures(run)
    if figures.get("converged") is None:
        return []
    before, after = figures["dev_ce_before_cut"], figures["dev_ce_after_cut"]
    verdict = "converged" if figures["converged"] else "not converged"
    removed = f"{100 * figures['norm_mass_removed']:.1f} % of the norm mass (at most 5 %)"
    loss = "distance" if is_imported(run) else "cross-entropy"
    cost = f"dev {loss} {before:.3f} -> {after:.3f}, {100 * (after / before - 1):+.1f} % (at most +10 %)"
    return [f"cut: {removed}; {cost}: {verdict}"]
