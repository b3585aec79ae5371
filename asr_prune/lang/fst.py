"""Building, reading and writing FSTs; the lexicon transducers L and L_disambig."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import kaldifst

from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.lang.lexicon import Entry
from asr_prune.lang.native import silenced

Fst: TypeAlias = kaldifst.StdVectorFst


def read_fst(path: Path, made_by: str) -> Fst:
    """Reads a binary vector FST that stage `made_by` makes. Raises UserError where it is missing or damaged."""
    if not path.is_file():
        raise UserError(f"there is no {path}; the {made_by} stage makes it.")
    with silenced():
        fst = Fst.read(str(path)) if path.stat().st_size else None
    if fst is None:
        raise UserError(f"{path} is not an FST of OpenFst's `vector` type; run the {made_by} stage again.")
    return fst


def write_fst(fst: Fst, path: Path) -> None:
    """Writes a binary vector FST, whole or not at all. Raises UserError where it cannot."""
    with atomic(path, "wb") as file:
        if not fst.write(file.name):
            raise UserError(
                f"cannot write {path}; free space or choose another folder, then run the same command again."
            )


@dataclass
class Draft:
    """An FST being put together as text; state 0 is the start."""

    lines: list[str] = field(default_factory=list)
    states: int = 1

    def state(self) -> int:
        self.states += 1
        return self.states - 1

    def arc(self, source: int, target: int, ilabel: int, olabel: int, cost: float) -> None:
        self.lines.append(f"{source} {target} {ilabel} {olabel} {cost!r}")

    def fst(self, finals: Iterable[int]) -> Fst:
        """The finished FST; each of `finals` is final at no cost."""
        return kaldifst.compile("\n".join([*self.lines, *map(str, finals), ""]))


def lexicon_fst(
    entries: list[Entry],
    phones: dict[str, int],
    words: dict[str, int],
    sil_prob: float,
    silence: str,
    sil_disambig: str | None = None,
    loop_disambig: tuple[int, int] | None = None,
) -> Fst:
    """Phones to words, any number of words, with silence at each boundary at probability `sil_prob` (0: none).

    With `sil_disambig` a boundary's silence is followed by that symbol; with `loop_disambig` = ids of #0 among phones
    and words, #0 passes from G at any word boundary and before each word. Sorted by output label. Kaldi:
    make_lexicon_fst.py.
    """
    draft = Draft()
    loop, into = _boundary(draft, phones, sil_prob, silence, sil_disambig)
    for word, pronunciation in entries:
        state = loop
        for i, phone in enumerate(pronunciation):
            olabel = words[word] if i == 0 else 0
            if i < len(pronunciation) - 1:
                target = draft.state()
                draft.arc(state, target, phones[phone], olabel, 0.0)
                state = target
                continue
            for target, cost in into:
                draft.arc(state, target, phones[phone], olabel, cost)
    fst = draft.fst([loop])
    if loop_disambig:
        kaldifst.add_self_loops(fst, [loop_disambig[0]], [loop_disambig[1]])
    kaldifst.arcsort(fst, "olabel")
    return fst


def _boundary(
    draft: Draft, phones: dict[str, int], sil_prob: float, silence: str, sil_disambig: str | None
) -> tuple[int, list[tuple[int, float]]]:
    """The state where words begin and the (state, cost) pairs where they may end."""
    if sil_prob == 0:
        return 0, [(0, 0.0)]
    loop, pause = draft.state(), draft.state()
    into = [(loop, -math.log(1 - sil_prob)), (pause, -math.log(sil_prob))]
    for target, cost in into:
        draft.arc(0, target, 0, 0, cost)
    after = pause
    if sil_disambig:
        after = draft.state()
        draft.arc(after, loop, phones[sil_disambig], 0, 0.0)
        draft.arc(pause, after, phones[silence], 0, 0.0)
    else:
        draft.arc(pause, loop, phones[silence], 0, 0.0)
    return loop, into
