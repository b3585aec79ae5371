"""Histograms: every node is in one of them, and the scale fits the heaps."""

from __future__ import annotations

import io

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.report.norms_plot import MOST_PANELS, bin_edges, norms_plot, panels_shown
from asr_prune.report.runs import FinishedRun, Norms

from .conftest import invented


def run(name: str, nodes: int, method: str = "l2", norms: bool = True) -> FinishedRun:
    values = np.random.default_rng(nodes).lognormal(0, 0.3, 1024)
    return FinishedRun(
        invented(name, method, nodes, 10.0), Norms(values, values >= np.sort(values)[-nodes]) if norms else None
    )


@given(st.lists(st.one_of(st.just(0.0), st.floats(1e-30, 1e6)), min_size=1, max_size=50))
def test_every_norm_falls_into_a_bin(values: list[float]) -> None:
    norms = np.array(values)
    bins, logarithmic = bin_edges(norms)
    assert (np.diff(bins) > 0).all()
    assert np.histogram(np.maximum(norms, bins[0]), bins)[0].sum() == len(norms)
    assert logarithmic == (bins[0] > 0)


def test_far_heaps_are_logarithmic_and_near_ones_linear() -> None:
    assert bin_edges(np.array([1e-4] * 50 + [1.0] * 50))[1]
    assert not bin_edges(np.array([0.0] * 50 + [0.8, 1.0, 1.4] * 20))[1]


def test_too_many_runs_leave_the_smallest_of_each_method_and_dense() -> None:
    runs = [
        run("dense", 1024, "none"),
        *(run(f"{m}-{n}", n, m) for m in ("l1", "l2", "map") for n in (512, 256, 128, 64)),
    ]
    assert len(runs) == MOST_PANELS + 1
    assert [each.result.run for each in panels_shown(runs)] == ["dense", "l1-64", "l2-64", "map-64"]
    assert "9 more runs not drawn" in norms_plot(runs, "demo").get_supxlabel()
    assert len(panels_shown(runs[:MOST_PANELS])) == MOST_PANELS


def test_panels_and_their_counts() -> None:
    figure = norms_plot([run("a", 256), run("b", 128), run("c", 64, norms=False)], "demo")
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == ["a", "b"]
    assert "256 of 1,024 nodes kept" in figure.axes[0].texts[0].get_text()
    figure.savefig(io.BytesIO(), dpi=50)


def test_no_norms_at_all() -> None:
    assert "no run has stored its node norms" in norms_plot([run("a", 256, norms=False)], "demo").texts[-1].get_text()
