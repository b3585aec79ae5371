"""The report as one self-contained HTML page."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from asr_prune.report.cells import Column, columns, interval_cell, layers, legend
from asr_prune.report.remarks import remarks
from asr_prune.report.results import Result, finite, is_dense, references
from asr_prune.report.runs import FinishedRun, NestedWidth
from asr_prune.report.series import median_run
from asr_prune.report.sets import SetComparison
from asr_prune.report.sets_page import sets_section

_STYLE = """
:root { color-scheme: light; --ink: #1f2933; --soft: #5f6b76; --line: #e3e7eb; --tint: #f6f8fa;
  --accent: #0072B2; }
body { margin: 0 auto; padding: 2.2rem 1.6rem 4rem; max-width: 1320px; color: var(--ink);
  background: #fff;
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .3rem; } h2 { font-size: 1.15rem; margin: 2.4rem 0 .7rem; }
.lead { color: var(--soft); font-size: 1.05rem; margin: 0 0 1.6rem; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 13px;
  font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .5rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th { background: var(--tint); font-weight: 600; color: var(--soft); vertical-align: bottom;
  line-height: 1.25; white-space: normal; }
th.left, td.left { text-align: left; } tr:last-child td { border-bottom: 0; }
tr.dense td { background: #fbfaf3; }
tbody tr:hover td { background: #eef5fa; } td.no { color: #b34700; font-weight: 600; }
img { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 8px; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px;
  padding: .6rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; margin: .35rem 0 1rem; }
ul { padding-left: 1.2rem; } li { margin: .25rem 0; }
.soft { color: var(--soft); font-size: 13px; } a { color: var(--accent); }
"""

_READING = (
    "Each point of the first figure is one run: a network trained, pruned, shrunk, decoded and"
    " scored. Further left is smaller, lower is better. The dashed line is the dense network, the"
    " band its 95 % interval.",
    "Nodes are not all that a network costs: the first and the last map stay as wide outside as"
    " they are. Compare the speed of networks by multiply-adds, their files by parameters.",
    "If the bars of two points overlap widely, this test set cannot separate them. Compare methods"
    " at the same node count.",
    "LM weight and word insertion penalty were chosen on dev and applied to test unchanged.",
    "A method that separates nodes to keep from nodes to cut shows two peaks in its histogram, the"
    " cut nodes near zero. A single peak that the cut divides means that the cut, not training,"
    " removed the nodes; the cross-entropies before and after the cut then differ.",
)
_COSTS = "Test word error rate and dev cross-entropy against nodes, parameters and multiply-adds"
_NESTED = (
    "Networks cut, without retraining, from one run as it was before its cut: the first"
    " nodes of each layer. Nodes that have no effect are not counted."
)


@dataclass(frozen=True)
class Pictures:
    """PNG files of the report; None if there is nothing to draw."""

    wer: bytes
    costs: bytes
    norms: bytes
    weights: bytes | None = None
    matrices: bytes | None = None


def summary(rows: Sequence[Result]) -> str:
    """The dense network's WER, and the smallest network whose WER lies inside its interval.

    Of several dense runs the median one counts; runs with other teachers than its own do not.
    """
    scored = [row for row in rows if finite(row.wer_test) is not None]
    if rows and all(row.words_test == 0 for row in rows):
        return f"{len(rows)} runs; the test set has no transcripts, so none has a word error rate."
    if not any(map(is_dense, scored)):
        return f"{len(rows)} runs; none of them is a scored dense network to compare with."
    dense = median_run(references(scored))
    nodes = finite(dense.nodes) or 0
    size = f"The dense network ({nodes:,.0f} hidden nodes)"
    text = f"{size} has a test WER of {dense.wer_test:.2f} %."
    high = finite(dense.wer_test_high) or dense.wer_test
    alike = [row for row in scored if row.teachers == dense.teachers]
    pruned = [row for row in alike if not is_dense(row) and finite(row.nodes)]
    inside = [row for row in pruned if row.wer_test <= high]
    if not inside:
        return text
    least = min(inside, key=lambda row: (row.nodes, row.wer_test))
    share = 100 * least.nodes / (finite(least.nodes_dense) or nodes or least.nodes)
    light = min(inside, key=lambda row: (finite(row.params) or math.inf, row.wer_test))
    by_params = f" By parameters it is {light.run}: {light.params:,} at {light.wer_test:.2f} %."
    return (
        f"{text} The smallest network whose WER is not above the dense one's interval is"
        f" {least.run}: {least.nodes:,} nodes ({share:.3g} %) at {least.wer_test:.2f} %."
        f"{by_params if light.run != least.run and finite(light.params) else ''}"
    )


def _class(left: bool, text: str) -> str:
    names = [*(["left"] if left else []), *(["no"] if text == "NO" else [])]
    return f' class="{" ".join(names)}"' if names else ""


def _head(column: Column) -> str:
    words = " ".join(column.head).replace("- ", "").replace("/ ", "/").strip()
    return f"<th{_class(column.left, '')}>{escape(words)}</th>"


def _table_row(row: Result, every: Sequence[Column]) -> str:
    texts = [(column.left, column.cell(row)) for column in every]
    cells = "".join(f"<td{_class(left, text)}>{escape(text)}</td>" for left, text in texts)
    dense = ' class="dense"' if is_dense(row) else ""
    return f"<tr{dense}>{cells}</tr>"


def _wide_table(head: str, body: str) -> str:
    rows = f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
    return f'<div class="wide"><table>{rows}</table></div>'


def _image(png: bytes, alt: str) -> str:
    data = base64.b64encode(png).decode()
    return f'<img alt="{escape(alt)}" src="data:image/png;base64,{data}">'


def _command(row: Result) -> str:
    facts = {"seed": row.seed, "commit": row.commit}
    shown = ", ".join(f"{key} {value}" for key, value in facts.items() if value is not None)
    details = f' <span class="soft">{escape(shown)}</span>' if shown else ""
    command = escape(row.command or "not recorded")
    return f"<div><strong>{escape(row.run)}</strong>{details}<pre>{command}</pre></div>"


def _nested_row(row: NestedWidth) -> str:
    figures = (
        f"{row.width:g}",
        f"{row.nodes:,}",
        layers(row),
        f"{row.dev_ce:.3f}",
        f"{row.wer_dev:.2f}",
        interval_cell(row),
    )
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in figures)}</tr>"


def _nested_table(run: FinishedRun) -> str:
    names = ("share of each layer", "nodes", "per layer", "dev CE", "WER dev", "WER test")
    head = "".join(f"<th>{name}</th>" for name in names)
    body = "".join(map(_nested_row, run.nested))
    return f"<h3>{escape(run.result.run)}</h3>{_wide_table(head, body)}"


def _bullets(sentences: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences) + "</ul>"


def _picture(title: str, png: bytes | None, alt: str) -> list[str]:
    return [f"<h2>{title}</h2>", _image(png, alt)] if png else []


def _sections(
    runs: Sequence[FinishedRun],
    title: str,
    pictures: Pictures,
    skipped: Sequence[str],
    warning: str,
    comparison: SetComparison | None,
) -> list[str]:
    rows, nested = [run.result for run in runs], [run for run in runs if run.nested]
    sampled = [f"{run.result.run}: {run.sampled}." for run in runs if run.sampled]
    every = columns(rows)
    norms = "Histograms of node norms before the cut, kept and cut nodes"
    matrices = "Magnitudes of weights before the cut"
    return [
        f"<h1>{escape(title)}</h1>",
        f'<p class="lead">{escape(summary(rows))}</p>',
        _image(pictures.wer, "Test word error rate against surviving hidden nodes, by method"),
        *_picture("Errors against nodes, parameters and multiply-adds", pictures.costs, _COSTS),
        "<h2>Runs</h2>",
        _wide_table("".join(map(_head, every)), "".join(_table_row(row, every) for row in rows)),
        '<p class="soft">With all columns: <a href="results.csv">results.csv</a>,'
        ' <a href="results.json">results.json</a>.</p>',
        *([f"<p>{escape(warning)}</p>"] if warning else []),
        *sets_section(comparison),
        *([_bullets(found)] if (found := [*sampled, *remarks(rows)]) else []),
        *([f"<h2>Skipped: {len(skipped)}</h2>{_bullets(skipped)}"] if skipped else []),
        f"<h2>How to read it</h2>{_bullets([*_READING, *legend(rows)])}",
        *_picture("Node norms", pictures.norms, norms),
        *([f'<h2>Nested widths</h2><p class="soft">{_NESTED}</p>'] if nested else []),
        *map(_nested_table, nested),
        *_picture("Weights before the cut", pictures.matrices, matrices),
        *_picture("Weights", pictures.weights, "Histograms of weights at the ends of the phases"),
        "<h2>Commands of the runs</h2>",
        *map(_command, rows),
    ]


def page(
    runs: Sequence[FinishedRun],
    title: str,
    pictures: Pictures,
    skipped: Sequence[str],
    warning: str = "",
    comparison: SetComparison | None = None,
) -> str:
    """HTML of the whole report with its pictures; `runs` in the order of the table.

    skipped: a sentence for each unfinished or damaged run; warning: one about the test set;
    comparison: of the runs as sets.
    """
    body = "\n".join(_sections(runs, title, pictures, skipped, warning, comparison))
    viewport = '<meta name="viewport" content="width=device-width">'
    head = f'<meta charset="utf-8">{viewport}<title>{escape(title)}</title><style>{_STYLE}</style>'
    html = f'<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>'
    return f"<!doctype html>\n{html}\n"
