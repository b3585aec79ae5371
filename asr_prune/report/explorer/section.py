"""The HTML of the part that can be explored: switches, legend, chart and panels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bokeh.resources import Resources

from asr_prune.report.explorer.charts import main_chart, panel_charts
from asr_prune.report.explorer.costs import COSTS
from asr_prune.report.explorer.details import Details
from asr_prune.report.explorer.panel_script import PANEL_SCRIPT
from asr_prune.report.explorer.panels import panel_data
from asr_prune.report.explorer.points import MIDDLES, chart_data
from asr_prune.report.explorer.script import SCRIPT
from asr_prune.report.explorer.words import word_table
from asr_prune.report.results import of_now
from asr_prune.report.runs import FinishedRun

#: how the legend shows Bokeh's markers
_SIGNS = {
    **{"circle": "●", "square": "■", "triangle": "▲", "diamond": "◆", "inverted_triangle": "▼"},
    **{
        "plus": "✚",
        "square_x": "⊠",
        "square_pin": "✦",
        "triangle_pin": "▶",
        "hex": "⬢",
        "star": "★",
        "asterisk": "✳",
        "x": "✕",
        "cross": "┼",
        "y": "Y",
    },
}
_CAPTION = (
    "A point is a run, a line joins the medians, or means, over seeds; at one node count, methods"
    " stand side by side. Bars and band: 95 % interval by speaker. Hollow: not converged. Dashed:"
    " the median dense network; dashes and dots: one with a teacher, beside others; dotted: small"
    " networks trained from scratch. Click a point, or a name in the table, to open the run; Escape"
    " closes it."
)


_ALT = "Test word error rate against cost; the table has the figures"
_PANEL_CAPTION = (
    "Norms: blue nodes were kept, orange ones cut. Cross-entropy: blue is training, orange dev; dotted"
    " grey is the node count. Speakers: the orange dash is the dense network."
)


def explorer(runs: Sequence[FinishedRun], details: Mapping[str, Details]) -> str:
    """Switches, legend, chart and empty panels of `runs`, with all their data; former ones have no
    point in the chart.

    details: of each run by its name.
    """
    rows = [run.result for run in runs]
    chart = chart_data(of_now(rows), details)
    words = word_table({row.run: details[row.run].utterances for row in rows})
    parts = [
        '<section class="screen" aria-label="Explore the runs">',
        _choices("cost", "against", {cost.key: cost.short for cost in COSTS if cost.key in chart["costs"]}, "nodes"),
        _choices("scale", "axis", {"log": "logarithmic", "linear": "linear"}, "log"),
        _choices("line", "lines join", {key: f"{key}s" for key in MIDDLES}, "median"),
        f'<div id="chart" role="img" aria-label="{_ALT}"></div>',
        _legend(chart["series"]),
        f'<p class="soft">{escape(_CAPTION)}</p>',
        f'<div id="panels">{_panel("a", _beside([row.run for row in rows]))}{_panel("b", "")}</div>',
        '<div id="changes" aria-live="polite"></div></section>',
        _json("chart-data", json.dumps(chart, allow_nan=False)),
        _json("run-data", json.dumps(panel_data(runs, details), allow_nan=False)),
        _json("word-data", json.dumps(words, ensure_ascii=False)),
        _json("main-chart", main_chart(chart["range"])),
        _json("panel-charts", panel_charts()),
    ]
    return "\n".join(parts)


def scripts() -> str:
    """Bokeh and what moves the page, for the end of its body."""
    library = Resources(mode="inline", components=["bokeh"], log_level="error").js_raw
    texts = (*library, SCRIPT + PANEL_SCRIPT + "start();")
    return "".join(f"<script>{text}</script>\n" for text in texts)


def _json(name: str, text: str) -> str:
    safe = text.replace("</", "<\\/").replace("<!--", "<\\u0021--")
    return f'<script type="application/json" id="{name}">{safe}</script>'


def download(name: str, text: str, kind: str) -> str:
    """A link that saves `text`, of MIME type `kind`, as the file `name`; the page carries the text,
    and without its script the link leads to the file beside the page.
    """
    stored = f'<span hidden id="{name}">{escape(text, quote=False)}</span>'
    return f'<a href="{name}" download="{name}" type="{kind}" data-from="{name}">{name}</a>{stored}'


def _choices(name: str, title: str, labels: Mapping[str, str], first: str) -> str:
    """Radio buttons; arrow keys move between them."""
    boxes = "".join(
        f'<label><input type="radio" name="{name}" value="{key}"{" checked" * (key == first)}> {label}</label>'
        for key, label in labels.items()
    )
    return f"<fieldset><legend>{title}</legend>{boxes}</fieldset>"


def _legend(series: Sequence[Mapping[str, Any]]) -> str:
    """A box for each series, and for intervals and the Pareto front."""
    entries = [(x["name"], _SIGNS[x["marker"]], x["colour"], x["dark"]) for x in series]
    entries += [("intervals", "│", "#55616c", "#a9b4be"), ("front", "━", "#B08000", "#B08000")]
    boxes = "".join(
        f'<label><input type="checkbox" name="series" value="{escape(name)}" checked>'
        f' <span class="mark" style="--look:{colour};--look-dark:{dark}" aria-hidden="true">'
        f"{sign}</span>"
        f" {escape({'front': 'Pareto front'}.get(name, name))}</label>"
        for name, sign, colour, dark in entries
    )
    return f'<fieldset id="legend"><legend>shown</legend>{boxes}</fieldset>'


def _beside(names: Sequence[str]) -> str:
    options = "".join(f'<option value="{escape(name)}">{escape(name)}</option>' for name in names)
    none = '<option value="">no other run</option>'
    return f'<label>beside it: <select id="beside">{none}{options}</select></label>'


def _panel(slot: str, more: str) -> str:
    return (
        f'<article class="panel" id="panel-{slot}" aria-labelledby="title-{slot}" hidden>'
        f'<header><h3 id="title-{slot}"></h3>'
        f'<button class="close" type="button">close</button></header>{more}'
        '<dl class="facts"></dl><div class="made soft"></div><div class="charts"></div>'
        f'<p class="soft">{escape(_PANEL_CAPTION)}</p>'
        '<p class="confusions soft"></p><div class="words"></div></article>'
    )
