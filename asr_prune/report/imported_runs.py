"""The runs of an imported model: how small they are, and how near its outputs."""

from __future__ import annotations

import json
from collections.abc import Sequence

from asr_prune.integrity import checked
from asr_prune.run_dir import RunDir

_HEAD = "run                            nodes          parameters   MACs/frame      bytes  distance  same best"


def imported_lines(runs: Sequence[RunDir]) -> list[str]:
    """A table of the runs that are trained and shrunk, against the original network.

    distance: on dev, see acoustic/untranscribed.py; same best: share of dev's frames whose best
    class is the original's.
    """
    rows = [_row(run) for run in runs if run.train.is_file() and run.size.is_file()]
    return [_HEAD, *rows] if rows else ["no run is trained and shrunk"]


def _row(run: RunDir) -> str:
    train, size = (json.loads(checked(path).read_text(encoding="utf-8")) for path in (run.train, run.size))
    nodes = f"{sum(size['nodes'])} of {sum(train['nodes_per_layer_dense'])}"
    share, cost = (f"{size[key]} ({size[key] / train[f'{key}_dense']:.2f})" for key in ("params", "macs"))
    near = f"{train['dev_ce_final']:9.4f}  {100 * train['frame_accuracy_dev']:7.1f} %"
    return f"{run.path.name:28}  {nodes:>13}  {share:>14}  {cost:>14}  {run.shrunk.stat().st_size:>8}  {near}"
