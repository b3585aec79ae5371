"""The runs of an imported model: how small they are, and how near its outputs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from asr_prune.integrity import checked
from asr_prune.run_dir import RunDir

_HEAD = "run                            nodes          parameters   MACs/frame      bytes  distance  same best"
_IN_VOSK = "  other words  utterances alike   ms/s"
_LEGEND = (
    "other words: edits between the words of test that Vosk finds with the run and with the original, in %;"
    " ms/s: milliseconds of one core per second of speech, in all of Vosk"
)
_NO_VOSK = "words are compared if the package vosk is installed and the model is a directory that Vosk opens"


def imported_lines(runs: Sequence[RunDir]) -> list[str]:
    """A table of the runs that are trained and shrunk, against the original network.

    distance: on dev, see acoustic/untranscribed.py; same best: share of dev's frames whose best
    class is the original's. Words are those of test in Vosk.
    """
    made = [run for run in runs if run.train.is_file() and run.size.is_file()]
    if not made:
        return ["no run is trained and shrunk"]
    heard = {run.name: _read(run.vosk) for run in made if run.vosk.is_file()}
    if not heard:
        return [_HEAD, *map(_row, made), _NO_VOSK]
    first = next(iter(heard.values()))
    spoken = "       WER" if first["words_spoken"] else ""
    rows = [_row(run) + _words(heard.get(run.name)) for run in made]
    return [_HEAD + _IN_VOSK + spoken, *rows, _original(first), _LEGEND]


def _words(found: dict[str, Any] | None) -> str:
    if not found:
        return ""
    share = 100 * found["edits"] / max(found["words"], 1)
    alike = f"{found['utterances_alike']} of {found['utterances']}"
    return f"  {share:10.2f}  {alike:>17}  {1000 * found['rtf']:5.1f}{_wer(found, 'errors')}"


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
    return f"{run.path.name:28}  {nodes:>13}  {share:>14}  {cost:>14}  {run.shrunk.stat().st_size:>8}  {near}"
