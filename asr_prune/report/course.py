"""Lines on the course of a run's training: its teachers, and what the cut cost."""

from __future__ import annotations

import json

import yaml

from asr_prune.integrity import checked
from asr_prune.run_dir import RunDir


def taught(run: RunDir) -> list[str]:
    """The teachers of a run and how much they counted; nothing without one."""
    recipe = run.recipe
    asked = yaml.safe_load(checked(recipe).read_bytes())["train"] if recipe.is_file() else {}
    names = asked.get("teacher") or []
    if not names:
        return []
    names = [names] if isinstance(names, str) else names
    how = f"weight {asked['teacher_weight']:g} beside the labels, temperature {asked['temperature']:g}"
    return [f"teacher: {', '.join(names)} ({how})"]


def cut_verdict(run: RunDir) -> list[str]:
    """What the cut of a steered run removed and cost, and whether the run converged."""
    figures = json.loads(checked(run.train).read_text(encoding="utf-8")) if run.train.is_file() else {}
    if figures.get("converged") is None:
        return []
    before, after = figures["dev_ce_before_cut"], figures["dev_ce_after_cut"]
    verdict = "converged" if figures["converged"] else "not converged"
    removed = f"{100 * figures['norm_mass_removed']:.1f} % of the norm mass (at most 5 %)"
    cost = f"dev cross-entropy {before:.3f} -> {after:.3f}, {100 * (after / before - 1):+.1f} % (at most +10 %)"
    return [f"cut: {removed}; {cost}: {verdict}"]
