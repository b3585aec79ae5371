"""The page's charts as Bokeh's JSON; the page fills their data sources."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from bokeh.core.json_encoder import serialize_json
from bokeh.embed import json_item
from bokeh.layouts import column, row
from bokeh.models import (
    ColumnDataSource,
    CustomJS,
    DataRange1d,
    FactorRange,
    FixedTicker,
    HoverTool,
    LayoutDOM,
    LinearAxis,
    NoOverlap,
    NumeralTickFormatter,
    Range1d,
    SingleIntervalTicker,
    TapTool,
)
from bokeh.plotting import figure

#: columns of the sources, by name
_SOURCES = {
    "runs": "x y run wer size cost seed colour marker alpha",
    "intervals": "x low high colour",
    "lines": "xs ys colour dash",
    "front": "x y",
    "bands": "low high colour",
    "dense": "y colour dash",
    "layers": "layer dense kept",
    "norms": "left right kept top",
    "curves": "epoch train_ce dev_ce nodes",
    "speakers": "speaker wer dense",
}
_HOVER = [("", "@run"), ("test WER", "@wer"), ("size", "@size"), ("", "@cost"), ("seed", "@seed")]
KEPT, CUT = "#3B8FC4", "#D5703A"
_Sources = dict[str, ColumnDataSource]


def main_chart(y_range: Sequence[float]) -> str:
    """JSON of the chart of WER (%), within `y_range`, against cost: a linear and a logarithmic one,
    of which the page shows one. A click on a run calls `openRun` of the page with its name.
    """
    sources = _sources("runs", "intervals", "lines", "front", "bands", "dense")
    plots = [_wer_figure(scale, sources, y_range) for scale in ("linear", "log")]
    return _stable(column(*plots, sizing_mode="stretch_width"))


def panel_charts() -> str:
    """JSON of a run's charts: nodes of its layers, norms before the cut, curves, speakers. The page
    hides those that a run has nothing for, and the other one of the row takes its place.
    """
    sources = _sources("layers", "norms", "curves", "speakers")
    plots = [draw(sources) for draw in (_layers, _norms, _curves, _speakers)]
    rows = [row(*pair, sizing_mode="stretch_width") for pair in (plots[:2], plots[2:])]
    return _stable(column(*rows, sizing_mode="stretch_width"))


def _sources(*names: str) -> _Sources:
    empty: dict[str, Any] = {name: {key: [] for key in _SOURCES[name].split(" ")} for name in names}
    return {name: ColumnDataSource(data, name=name) for name, data in empty.items()}


def _stable(model: LayoutDOM) -> str:
    """Bokeh's JSON with ids counted from 1, so that equal charts give equal text."""
    text = serialize_json(json_item(model))
    names = dict.fromkeys(re.findall(r'"id":"(p\d+)"', text))
    numbers = {name: f"p{place}" for place, name in enumerate(names, 1)}
    return re.sub(r'"(p\d+)"', lambda found: json.dumps(numbers.get(found[1], found[1])), text)


def _wer_figure(scale: str, sources: _Sources, y_range: Sequence[float]) -> figure:
    tools = "pan,box_zoom,wheel_zoom,reset,save"
    plot = figure(
        name=scale,
        x_axis_type=scale,
        y_range=Range1d(*y_range),
        height=460,
        sizing_mode="stretch_width",
        tools=tools,
        y_axis_label="test WER (%)",
        x_axis_label="hidden nodes",
        visible=scale == "log",
    )
    plot.toolbar.logo = None
    plot.xaxis.formatter = NumeralTickFormatter(format="0.[00]a")
    plot.hstrip("low", "high", source=sources["bands"], color="colour", alpha=0.08)
    plot.hspan("y", source=sources["dense"], line_color="colour", line_dash="dash")
    broad = {"color": "#B08000", "line_width": 5, "alpha": 0.45}
    plot.step("x", "y", source=sources["front"], mode="after", **broad)
    plot.segment("x", "low", "x", "high", source=sources["intervals"], color="colour", alpha=0.45)
    look = {"color": "colour", "line_dash": "dash", "line_width": 1.8}
    plot.multi_line("xs", "ys", source=sources["lines"], **look)
    _add_runs(plot, sources["runs"])
    return plot


def _add_runs(plot: figure, source: ColumnDataSource) -> None:
    look = {"line_color": "colour", "fill_color": "colour"}
    look |= {"fill_alpha": "alpha", "marker": "marker"}
    points = plot.scatter("x", "y", source=source, size=10, nonselection_alpha=1, **look)
    plot.x_range = DataRange1d(renderers=[points], range_padding=0.06)
    plot.add_tools(HoverTool(renderers=[points], tooltips=_HOVER, point_policy="follow_mouse"))
    opened = CustomJS(code="openRun(cb_data.source.data.run[cb_data.source.selected.indices[0]])")
    plot.add_tools(TapTool(renderers=[points], callback=opened))


_look = {"height": 210, "sizing_mode": "stretch_width", "toolbar_location": None}
_panel = partial(figure, tools="", min_border_right=12, **_look)


def _layers(sources: _Sources) -> figure:
    plot = _panel(name="layers_plot", title="Nodes kept, by layer", x_axis_label="hidden layer")
    plot.vbar("layer", 0.8, "dense", source=sources["layers"], fill_alpha=0.12, color=KEPT)
    plot.vbar("layer", 0.8, "kept", source=sources["layers"], color=KEPT, fill_alpha=0.85)
    plot.xaxis.ticker = SingleIntervalTicker(interval=1, num_minor_ticks=0)
    plot.y_range.start = 0
    plot.add_tools(HoverTool(tooltips=[("layer", "@layer"), ("kept", "@kept of @dense")]))
    return plot


def _norms(sources: _Sources) -> figure:
    axis = {"x_axis_label": "norm of the node"}
    axis |= {"y_axis_type": "log", "y_range": DataRange1d(start=0.7)}
    plot = _panel(name="norms_plot", title="Norms before the cut", **axis)
    edges = {"left": "left", "right": "right", "bottom": 0.5, "source": sources["norms"]}
    plot.quad(top="top", color=CUT, line_width=0, **edges)
    plot.quad(top="kept", color=KEPT, line_width=0, **edges)
    plot.xaxis.ticker = FixedTicker(ticks=[], name="norm_ticks")
    plot.xaxis[0].name = "norm_axis"
    plot.add_tools(HoverTool(tooltips=[("nodes", "@top"), ("kept", "@kept")]))
    return plot


def _curves(sources: _Sources) -> figure:
    labels = {"x_axis_label": "epoch", "y_axis_label": "CE (nats)"}
    plot = _panel(name="curves_plot", title="Cross-entropy and nodes", **labels)
    curves = sources["curves"]
    look = {"source": curves, "line_width": 2}
    lines = [plot.line("epoch", key, color=colour, **look) for key, colour in _CURVES.items()]
    plot.y_range.renderers = lines
    plot.extra_y_ranges = {"nodes": DataRange1d(start=0)}
    plot.add_layout(LinearAxis(y_range_name="nodes", axis_label="nodes"), "right")
    grey = {"color": "#8A8A8A", "line_width": 2, "line_dash": "dotted", "mode": "after"}
    nodes = plot.step("epoch", "nodes", source=curves, y_range_name="nodes", **grey)
    plot.extra_y_ranges["nodes"].renderers = [nodes]
    facts = [("epoch", "@epoch"), ("train", "@train_ce"), ("dev", "@dev_ce"), ("nodes", "@nodes")]
    plot.add_tools(HoverTool(renderers=lines[1:], tooltips=facts, mode="vline"))
    return plot


_CURVES = {"train_ce": KEPT, "dev_ce": CUT}


def _speakers(sources: _Sources) -> figure:
    axis = {"x_range": FactorRange(name="speaker_range"), "y_axis_label": "test WER (%)"}
    plot = _panel(name="speakers_plot", title="WER by speaker", **axis)
    plot.vbar("speaker", 0.7, "wer", source=sources["speakers"], color=KEPT, fill_alpha=0.85)
    dash = {"marker": "dash", "size": 16, "line_width": 3, "color": CUT}
    plot.scatter("speaker", "dense", source=sources["speakers"], **dash)
    plot.xaxis[0].name = "speaker_axis"
    plot.xaxis.major_label_policy = NoOverlap()
    plot.y_range.start = 0
    plot.add_tools(HoverTool(tooltips=[("", "@speaker"), ("WER", "@wer"), ("dense", "@dense")]))
    return plot
