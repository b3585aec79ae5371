"""The runs of an imported model: how small they are, and how near its outputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asr_prune.integrity import Damaged, checked
from asr_prune.report.cells import FORMER, FORMER_LEGEND, decimals
from asr_prune.report.former import former_runs
from asr_prune.run_dir import RunDir

_HEAD = "          nodes      parameters      MACs/frame     bytes   distance  same best"
_IN_VOSK = "  other words  utterances alike   ms/s"
_LEGEND = (
    "other words: edits between the words of test that Vosk finds with the run and with the original, in %;"
    " ms/s: milliseconds of one core per second of speech, in all of Vosk"
)
_NO_VOSK = "words are compared if the package vosk is installed and the model is a directory that Vosk opens"


def imported_lines(runs: Sequence[RunDir]) -> list[str]:
    """A table of the runs that are trained and shrunk, against the original network; a damaged one
    is named below it.

    distance: on dev, see acoustic/untranscribed.py; same best: share of dev's frames whose best
    class is the original's. Words are those of test in Vosk.
    """
    made = [run for run in runs if run.train.is_file() and run.size.is_file()]
    former, damaged, found = former_runs(made), [], {}
    for run in made:
        try:
            found[f"{run.name}{FORMER if run in former else ''}"] = _row(run), _heard(run)
        except (Damaged, ValueError, OSError) as error:
            damaged.append(f"{run.name}: damaged ({error})")
    if not found:
        return [*damaged, "no run is trained and shrunk"]
    return [*_table(found), *damaged, *([FORMER_LEGEND] if former else [])]


def _table(found: dict[str, tuple[str, dict[str, Any] | None]]) -> list[str]:
    """Heading, a line for each run and legend. found: figures of each, and those of its words, if
    they were compared.
    """
    wide = max(map(len, found))
    first = next((words for _, words in found.values() if words), None)
    head, rows = _HEAD, [f"{name:{wide}}{row}{_words(words)}" for name, (row, words) in found.items()]
    if not first:
        return [f"{'run':{wide}}{head}", *rows, _NO_VOSK]
    head += _IN_VOSK + ("       WER" if first["words_spoken"] else "")
    return [f"{'run':{wide}}{head}", *rows, _original(first), _LEGEND]


def imported_figures(run: RunDir) -> str:
    """One run in words: distance, frames with the same best class, multiply-adds and, if they were
    compared, words of test. Raises Damaged if its files are.
    """
    train, size, heard = _read(run.train), _read(run.size), _heard(run)
    figures = [
        f"distance {train['dev_ce_final']:.4f}",
        f"same best {100 * train['frame_accuracy_dev']:.1f} %",
        *([_other(heard)] if heard else []),
        f"{size['macs'] / train['macs_dense']:.2f} of the multiply-adds",
    ]
    return ", ".join(figures)


def _heard(run: RunDir) -> dict[str, Any] | None:
    """How its words in Vosk differ; None if they were not compared."""
    found: dict[str, Any] | None = _read(run.vosk) if run.vosk.is_file() else None
    return found


def _other(found: dict[str, Any]) -> str:
    """In words; an original that finds no words has none that could differ."""
    if (share := _share(found)) is None:
        return f"{found['edits']} words where the original has none"
    return f"other words {share:.2f} %"


def _share(found: dict[str, Any]) -> float | None:
    return 100 * found["edits"] / found["words"] if found["words"] else None


def _words(found: dict[str, Any] | None) -> str:
    if not found:
        return ""
    alike = f"{found['utterances_alike']} of {found['utterances']}"
    share = decimals(_share(found), 2)
    return f"  {share:>10}  {alike:>17}  {1000 * found['rtf']:5.1f}{_wer(found, 'errors')}"


def _wer(found: dict[str, Any], key: str) -> str:
    return f"  {100 * found[key] / found['words_spoken']:8.2f}" if found["words_spoken"] else ""


def _original(found: dict[str, Any]) -> str:
    wer = f", WER {_wer(found, 'errors_original').strip()}" if found["words_spoken"] else ""
    return f"the original: {found['words']} words, {1000 * found['rtf_original']:.1f} ms/s{wer}"


def _read(path: Path) -> Any:
    return json.loads(checked(path).read_text(encoding="utf-8"))


def _row(run: RunDir) -> str:
    train, size = _read(run.train), _read(run.size)
    nodes = f"{sum(size['nodes'])} of {sum(train['nodes_per_layer_dense'])}"
    share, cost = (f"{size[key]} ({size[key] / train[f'{key}_dense']:.2f})" for key in ("params", "macs"))
    near = f"{train['dev_ce_final']:9.4f}  {100 * train['frame_accuracy_dev']:7.1f} %"
    return f"  {nodes:>13}  {share:>14}  {cost:>14}  {run.shrunk.stat().st_size:>8}  {near}"
