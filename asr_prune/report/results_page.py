"""RESULTS.md of a recipe: medians and ranges over seeds, where they were computed, and the command of each row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from asr_prune.errors import UserError
from asr_prune.report.cells import ABSENT, convergence, decimals, three_digits
from asr_prune.report.results import Result, finite

#: the picture beside the page
PLOT = "results.png"
#: the command that writes the page
WRITES = "Written by `asr-prune results`; edits are lost."
RESULT_HEADS = (
    "runs",
    "seeds",
    "nodes",
    "params",
    "MACs/frame",
    "WER dev",
    "WER test",
    "CE dev",
    "conv.",
    "alike",
)
#: those of pages that earlier versions have written
_FORMER_HEADS = tuple(head for head in RESULT_HEADS if head != "conv.")
#: of rows, by their name
_Commands = dict[str, tuple[str, ...]]
_SEED = re.compile(r"\bseed([:=]\s*)\d+")
_ROW = re.compile(r"^\| `([^`]+)` \|(.*)\|$")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_COUNT = re.compile(r"[0-9]{1,10}")
#: of `three_digits`
_UNITS = {"k": 1e3, "M": 1e6, "G": 1e9}
#: stands for a seed in commands that differ in nothing else
OTHER_SEEDS = "the other seeds: the same command with their number."
_READING = (
    "Figures are medians of the runs of a row, which differ in their seed alone; in brackets the lowest and the"
    " highest. WER: word error rate in %, LM weight and word penalty chosen on dev; CE: cross-entropy in nats."
    " Rows that share a letter under *alike* cannot be told apart on this test set, all pairs of rows"
    " corrected together (Holm); `asr-prune compare` corrects the differences from the dense network"
    " by themselves, too, which are fewer. Other processors round differently, which can move the"
    " labels and with them all figures."
)
_CONVERGED = (
    "*conv.*: whether the penalty had brought the nodes to zero when they were cut. Runs that have"
    " not converged (NO) were cut by magnitude, whatever their method is called."
)


@dataclass(frozen=True)
class PageRow:
    """A row as the page has it: medians, and the commands that make its runs.

    nodes: as printed, for instance 256, or 1014 [1011, 1016] where runs differ.
    """

    name: str
    seeds: tuple[int, ...]
    nodes: str
    wer_test: float | None
    ce_dev: float | None
    commands: tuple[str, ...]


def results_page(
    title: str,
    sets: Mapping[str, Sequence[Result]],
    letters: Mapping[str, str],
    facts: Mapping[str, str],
) -> str:
    """The page, as Markdown.

    sets: runs that differ in their seed alone, by name; letters: of sets that cannot be told apart;
    facts: what was computed where and on what, in words.
    """
    lines = [f"# Results of {title}", "", WRITES, "", "| | |", "| --- | --- |"]
    lines += [f"| {key} | {value} |" for key, value in facts.items()]
    lines += [
        "",
        f"![word error rate against nodes]({PLOT})",
        "",
        f"| set | {' | '.join(RESULT_HEADS)} |",
    ]
    lines += ["| --- " * (len(RESULT_HEADS) + 1) + "|"]
    lines += [_row(name, rows, letters.get(name, ABSENT)) for name, rows in sets.items()]
    lines += ["", _READING, "", _CONVERGED, "", "## Commands"]
    for name, rows in sets.items():
        lines += ["", f"`{name}`:", "", *_commands(rows)]
    return "\n".join(lines) + "\n"


def _row(name: str, rows: Sequence[Result], letters: str) -> str:
    cells = [
        str(len(rows)),
        " ".join(str(row.seed) for row in rows),
        _spread(rows, lambda row: row.nodes, three_digits),
        _spread(rows, lambda row: row.params, three_digits),
        _spread(rows, lambda row: row.macs_per_frame, three_digits),
        _spread(rows, lambda row: row.wer_dev, lambda value: decimals(value, 2)),
        _spread(rows, lambda row: row.wer_test, lambda value: decimals(value, 2)),
        _spread(rows, lambda row: row.dev_ce_final, lambda value: decimals(value, 3)),
        convergence(rows),
        letters or ABSENT,
    ]
    return f"| `{name}` | {' | '.join(cells)} |"


def _spread(
    rows: Sequence[Result],
    value: Callable[[Result], float | None],
    text: Callable[[float | None], str],
) -> str:
    """The median and, in brackets, the range, if the runs differ."""
    values = [number for row in rows if (number := finite(value(row))) is not None]
    if not values:
        return ABSENT
    low, middle, high = (text(number) for number in (min(values), median(values), max(values)))
    return middle if low == high else f"{middle} [{low}, {high}]"


def _commands(rows: Sequence[Result]) -> list[str]:
    """One of them if they differ in the seed alone."""
    commands = list(dict.fromkeys(row.command for row in rows))
    if len(commands) > 1 and len({_SEED.sub(r"seed\1N", command) for command in commands}) == 1:
        return [f"    {commands[0]}", "", OTHER_SEEDS]
    return [f"    {command}" for command in commands]


def read_results_page(text: str, path: str) -> list[PageRow]:
    """The rows of a page that `results_page` has written. path: its name, for messages.

    Raises UserError if it is not such a page, or a row has no command.
    """
    lines = text.splitlines()
    kinds = {f"| set | {' | '.join(heads)} |": heads for heads in (RESULT_HEADS, _FORMER_HEADS)}
    head = next((line for line in lines if line in kinds), "")
    if WRITES not in lines or not head:
        raise UserError(
            f"{path} was not written by this version of asr-prune results; write it again with that command."
        )
    commands, rows = _listed_commands(lines), []
    for number, line in enumerate(lines[lines.index(head) + 2 :], lines.index(head) + 3):
        if not line.startswith("|"):
            break
        rows.append(_read_row(line, f"{path} line {number}", kinds[head], commands))
    return rows


def _listed_commands(lines: Sequence[str]) -> _Commands:
    """The commands under the name of each row."""
    found: dict[str, tuple[str, ...]] = {}
    name = ""
    for line in lines:
        if matched := re.fullmatch(r"`([^`]+)`:", line):
            name = matched[1]
        elif name and line.startswith("    "):
            found[name] = (*found.get(name, ()), line.removeprefix("    "))
    return found


def _read_row(line: str, where: str, heads: Sequence[str], commands: _Commands) -> PageRow:
    matched = _ROW.match(line)
    cells = [cell[1:-1] for cell in matched[2].split("|")] if matched else []
    if not matched or len(cells) != len(heads):
        raise UserError(f"{where} is not a row of results; write the page again with asr-prune results.")
    name, told = matched[1], dict(zip(heads, cells, strict=True))
    seeds = told["seeds"].split(" ")
    if name not in commands or told["runs"] != str(len(seeds)) or not all(map(_COUNT.fullmatch, seeds)):
        raise UserError(f"{where}: {name} has no command or not as many seeds as runs; write the page again.")
    wer, entropy = (_first_number(told[key]) for key in ("WER test", "CE dev"))
    return PageRow(name, tuple(map(int, seeds)), told["nodes"], wer, entropy, commands[name])


def _first_number(cell: str) -> float | None:
    matched = _NUMBER.match(cell)
    return float(matched[0]) if matched else None


def differences(page: Sequence[PageRow], made: Mapping[str, Sequence[Result]]) -> list[str]:
    """Where runs that were made here are not what the page says, a sentence for each row.

    Nodes must be the same, or in the range of the page. Rounding moves labels and so all else: the
    page's WER must be in the 95 % interval over speakers of a run, or in the range of the runs, and
    its cross-entropy within 5 %.
    """
    rows = [(row, made[row.name]) for row in page if row.name in made]
    return [f"{row.name}: {what}" for row, runs in rows if (what := _difference(row, runs))]


def _spans(cell: str, value: float) -> bool:
    """Whether a cell of `_spread` has this number, or one below and one above it."""
    texts = re.findall(r"[\d.]+[kMG]?", cell)
    ends = [float(text.rstrip("kMG")) * _UNITS.get(text[-1], 1.0) for text in texts]
    low, high = min(ends, default=value), max(ends, default=value)
    return three_digits(value) in texts or low < value < high


def _difference(row: PageRow, runs: Sequence[Result]) -> str:
    nodes = median(run.nodes for run in runs)
    if not _spans(row.nodes, nodes):
        return f"{three_digits(nodes)} nodes, and not {row.nodes}"
    lows = [x for run in runs for x in (finite(run.wer_test_low), finite(run.wer_test)) if x is not None]
    highs = [x for run in runs for x in (finite(run.wer_test_high), finite(run.wer_test)) if x is not None]
    if row.wer_test is None and lows:
        return f"WER of test {median(highs):.2f}, and no figure on the page"
    if row.wer_test is not None and lows and not min(lows) - 0.005 <= row.wer_test <= max(highs) + 0.005:
        return f"WER of test from {min(lows):.2f} to {max(highs):.2f}, and not {row.wer_test:.2f}"
    entropy = median(run.dev_ce_final for run in runs)
    if row.ce_dev is None:
        return f"cross-entropy of dev {entropy:.3f}, and no figure on the page"
    if abs(entropy - row.ce_dev) > 0.05 * row.ce_dev + 0.0005:
        return f"cross-entropy of dev {entropy:.3f}, and not {row.ce_dev:.3f}"
    return ""
