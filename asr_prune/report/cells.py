"""The columns that the terminal table and the page share, and how their cells read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asr_prune.pruning.budget import UNITS, BudgetOptions
from asr_prune.report.results import Result, finite
from asr_prune.report.runs import NestedWidth

ABSENT = "-"
#: marks the method of a run that learned from a teacher
TAUGHT = " +T"
#: marks the method of a former run
FORMER = " (*)"
_Value = Callable[[Result], float | None]


@dataclass(frozen=True)
class Column:
    """A column of the table.

    head: two lines; cell: text of a result; gap: spaces before it; left: aligned to the left;
    value: the number by which cells are sorted; None: their text.
    """

    head: tuple[str, str]
    cell: Callable[[Result], str]
    gap: int = 1
    left: bool = False
    value: _Value | None = None

    @property
    def title(self) -> str:
        """The head on one line."""
        return " ".join(self.head).replace("- ", "").replace("/ ", "/").strip()


def three_digits(value: float | None) -> str:
    """Three significant digits with k, M or G: 1234567 -> 1.23M."""
    if value is None:
        return ABSENT
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            scaled = value / (1e3 if unit == "k" else size)
            return f"{scaled:.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f}{unit}"
    return f"{value:.0f}"


def decimals(value: float | None, digits: int) -> str:
    """`value` with so many decimals; a dash if it is missing or not finite."""
    value = finite(value)
    return ABSENT if value is None else f"{value:.{digits}f}"


def _fixed(head: tuple[str, str], value: _Value, digits: int) -> Column:
    return Column(head, lambda row: decimals(value(row), digits), value=value)


def _count(head: tuple[str, str], value: _Value, gap: int = 1) -> Column:
    return Column(head, lambda row: three_digits(finite(value(row))), gap, value=value)


def target(row: Result) -> str:
    """Requested size: nodes to keep, a budget, z= fraction of zero weights, or s= penalty
    strength.
    """
    if row.budget_asked:
        return row.budget_asked.replace(" ", "=")
    keep, sparsity, strength = map(finite, (row.keep_asked, row.sparsity_asked, row.strength))
    if keep is not None or sparsity is not None:
        return f"{keep:g}" if keep is not None else f"z={sparsity:g}"
    return ABSENT if strength is None else f"s={strength:g}"


def _asked(row: Result) -> float | None:
    """The number of `target`."""
    if row.budget_asked:
        kind, _, amount = row.budget_asked.partition(" ")
        return BudgetOptions(**{kind: amount if amount[-1:] in UNITS else float(amount)}).amount
    asked = row.keep_asked, row.sparsity_asked, row.strength
    return next((value for value in map(finite, asked) if value is not None), None)


def layers(row: Result | NestedWidth) -> str:
    """Surviving nodes of each layer: 4x512, or 300/280/250/194."""
    widths = [round(width) for width in row.nodes_per_layer or ()]  # those of folds are means
    if len(widths) > 1 and len(set(widths)) == 1:
        return f"{len(widths)}x{widths[0]}"
    return "/".join(map(str, widths)) or ABSENT


def interval_cell(row: Result | NestedWidth) -> str:
    """Test WER with its 95 % interval."""
    low, high, value = finite(row.wer_test_low), finite(row.wer_test_high), finite(row.wer_test)
    text = decimals(value, 2)
    return text if None in (low, high, value) else f"{text} [{low:4.1f},{high:5.1f}]"


def _mass(row: Result) -> str:
    mass = finite(row.norm_mass_removed)
    return ABSENT if mass is None else f"{100 * mass:.{1 if mass < 0.0995 else 0}f}%"


def convergence(rows: Sequence[Result]) -> str:
    """Whether runs with a penalty have converged: yes, NO, or of how many it is NO."""
    known = [row.converged for row in rows if row.converged is not None]
    if not known:
        return ABSENT
    lost = known.count(False)
    return f"NO: {lost} of {len(known)}" if 0 < lost < len(known) else "NO" if lost else "yes"


def _converged(row: Result) -> str:
    return convergence([row])


def _entropies(row: Result) -> str:
    """Dev cross-entropy before the cut, after it, and at the end; one number if nothing was cut."""
    values = row.dev_ce_before_cut, row.dev_ce_after_cut, row.dev_ce_final
    before, after, final = (decimals(value, 2) for value in values)
    return final if before == after == ABSENT else f"{before}/{after}/{final}"


def _agreed(row: Result) -> float | None:
    """Word edits in % of the dense network's words."""
    found = row.agreement_test
    return 100 * found["edits"] / found["words"] if found.get("words") else None


def _agreement(row: Result) -> str:
    return decimals(_agreed(row), 2)


COLUMNS = (
    Column(("", "run"), lambda row: row.run, left=True),
    Column(
        ("", "method"),
        lambda row: f"{row.method}{TAUGHT if row.teachers else ''}{FORMER if row.former else ''}",
        gap=2,
        left=True,
    ),
    Column(("", "target"), target, value=_asked),
    _count(("", "nodes"), lambda row: row.nodes),
    Column(("", "per layer"), layers, left=True, value=lambda row: row.nodes),
    _count(("para-", "ms"), lambda row: row.params, gap=2),
    _count(("MACs/", "frame"), lambda row: row.macs_per_frame),
    _count(("non-", "zero"), lambda row: row.nonzero_weights),
    _fixed(("WER", "dev"), lambda row: row.wer_dev, 2),
    Column(("WER test", "[95 % interval]"), interval_cell, value=lambda row: row.wer_test),
    _fixed(("CER", "test"), lambda row: row.cer_test, 2),
    Column(("CE: before/", "after cut/end"), _entropies, value=lambda row: row.dev_ce_final),
    Column(("mass", "cut"), _mass, value=lambda row: row.norm_mass_removed),
    Column(("", "conv."), _converged),
    _fixed(("train", "s"), lambda row: row.train_seconds, 0),
)

#: stands beside the WER of test where a test set has no transcripts
AGREEMENT = Column(("edits from", "dense, %"), _agreement, gap=2, value=_agreed)


#: stand after the nodes where the input or the output layer was pruned
INPUTS = _count(("in-", "puts"), lambda row: row.inputs, gap=2)
RANK = _count(("out", "rank"), lambda row: row.output_rank)


def columns(rows: Sequence[Result]) -> list[Column]:
    """The columns that `rows` need."""
    ends = [INPUTS] if any(row.inputs_dense and row.inputs != row.inputs_dense for row in rows) else []
    ends += [RANK] if any(row.output_rank for row in rows) else []
    words = [AGREEMENT] if any(row.agreement_test for row in rows) else []
    after = {"per layer": ends, "[95 % interval]": words}
    return [each for column in COLUMNS for each in (column, *after.get(column.head[1], []))]


def legend(rows: Sequence[Result]) -> list[str]:
    """What the columns of `rows` mean, a sentence or two each."""
    shown, legends = columns(rows), list(LEGEND)
    legends += [ENDS_LEGEND] if INPUTS in shown or RANK in shown else []
    legends += [AGREEMENT_LEGEND] if AGREEMENT in shown else []
    legends += [TAUGHT_LEGEND] if any(row.teachers for row in rows) else []
    return legends + ([FORMER_LEGEND] if any(row.former for row in rows) else [])


FORMER_LEGEND = (
    "(*): the labels, features, graph or transcripts of the run have been made anew since. It is in this table alone;"
    " compare it with runs of the same mark at most."
)


TAUGHT_LEGEND = (
    "+T: the run learned from the posteriors of other networks, its teachers, beside the labels; compare it with"
    " runs of the same teachers."
)


ENDS_LEGEND = (
    "inputs: coefficients of the spliced frame that the network reads. out rank: of an output layer in two maps;"
    " a dash: it is one map. Neither counts as nodes; compare such runs by parameters or multiply-adds."
)

AGREEMENT_LEGEND = (
    "edits from dense: the test set has no transcripts, so it has no WER; words substituted, inserted or deleted to get"
    " from the dense network's words to the run's, in % of the dense network's words. It does not say which is right."
)

LEGEND = (
    "WER: word error rate in %, equivalent words merged; in brackets its 95 % bootstrap interval over test speakers."
    " CER: character error rate in %, spaces between words included.",
    "target: fraction of hidden nodes to keep, s= penalty strength, z= fraction of zero weights, or a budget."
    " CE: cross-entropy on dev, nats per frame.",
    "mass cut: share of the node norms that the cut removed. Above 5 %, or if the cut raised the CE by more than a"
    " tenth, a penalty method has not converged (conv. NO): the cut was magnitude pruning.",
)
