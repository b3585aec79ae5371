"""How one row reads: the columns that the terminal and the page share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from asr_prune.report.rows import Row, number

ABSENT = "-"


@dataclass(frozen=True)
class Column:
    """head: two lines; cell: what it shows of a row; gap: spaces before it; left: aligned to the left."""

    head: tuple[str, str]
    cell: Callable[[Row], str]
    gap: int = 1
    left: bool = False


def compact(value: float | None) -> str:
    """Three significant digits with k, M or G: 1234567 -> 1.23M."""
    if value is None:
        return ABSENT
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            scaled = value / (1e3 if unit == "k" else size)
            return f"{scaled:.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f}{unit}"
    return f"{value:.0f}"


def _fixed(key: str, digits: int) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        value = number(row, key)
        return ABSENT if value is None else f"{value:.{digits}f}"

    return cell


def _count(key: str) -> Callable[[Row], str]:
    return lambda row: compact(number(row, key))


def asked(row: Row) -> str:
    """What the run was asked for: a fraction of nodes to keep, z= and the share of weights to be zero, or s= and the
    strength of the penalty.
    """
    keep, sparsity, strength = (number(row, key) for key in ("keep_asked", "sparsity_asked", "strength"))
    if keep is not None or sparsity is not None:
        return f"{keep:g}" if keep is not None else f"z={sparsity:g}"
    return ABSENT if strength is None else f"s={strength:g}"


def layers(row: Row) -> str:
    """Surviving nodes of each layer: 4x512, or 300/280/250/194."""
    widths = row.get("nodes_per_layer") or []
    if len(widths) > 1 and len(set(widths)) == 1:
        return f"{len(widths)}x{widths[0]}"
    return "/".join(map(str, widths)) or ABSENT


def interval(row: Row) -> str:
    """Test WER with its 95 % interval."""
    low, high = number(row, "wer_test_low"), number(row, "wer_test_high")
    value = _fixed("wer_test", 2)(row)
    return value if low is None or high is None or value == ABSENT else f"{value} [{low:4.1f},{high:5.1f}]"


def _mass(row: Row) -> str:
    mass = number(row, "norm_mass_removed")
    return ABSENT if mass is None else f"{100 * mass:.{1 if mass < 0.0995 else 0}f}%"


def converged(row: Row) -> str:
    answer = row.get("converged")
    return ABSENT if answer is None else "yes" if answer else "NO"


def entropies(row: Row) -> str:
    """Dev cross-entropy before the cut, after it, and at the end; one number where nothing was cut."""
    found = [number(row, f"dev_ce_{when}") for when in ("before_cut", "after_cut", "final")]
    cells = [ABSENT if value is None else f"{value:.2f}" for value in found]
    return cells[2] if found[:2] == [None, None] else "/".join(cells)


COLUMNS = (
    Column(("", "run"), lambda row: str(row["run"]), left=True),
    Column(("", "method"), lambda row: str(row["method"]), gap=2, left=True),
    Column(("keep", "asked"), asked, gap=2),
    Column(("", "nodes"), _count("nodes")),
    Column(("", "per layer"), layers, left=True),
    Column(("para-", "ms"), _count("params"), gap=2),
    Column(("MACs/", "frame"), _count("macs_per_frame")),
    Column(("non-", "zero"), _count("nonzero_weights")),
    Column(("WER", "dev"), _fixed("wer_dev", 2), gap=2),
    Column(("WER test", "[95 % interval]"), interval),
    Column(("CE: before/", "after cut/end"), entropies, gap=2),
    Column(("mass", "cut"), _mass, gap=2),
    Column(("con-", "v'd"), converged),
    Column(("train", "s"), _fixed("train_seconds", 0)),
)

LEGEND = (
    "WER in %, equivalent words counted as one; in brackets: 95 % of resamplings of the test speakers fall there.",
    "keep asked: fraction of hidden nodes (s=: strength; z=: share of zero weights). CE: on dev, nats per frame.",
    "mass cut: share of the node norms that the cut removed; above 5 % a steered run has not converged (NO): it was"
    " magnitude pruning.",
)
