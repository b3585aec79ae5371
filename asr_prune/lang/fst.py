"""Building, reading and writing FSTs; the lexicon transducers L and L_disambig."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import kaldifst

from asr_prune.errors import UserError
from asr_prune.files import Readable, atomic
from asr_prune.integrity import checked
from asr_prune.lang.binary import Parts, read_parts, to_bytes
from asr_prune.lang.lexicon import Entry
from asr_prune.layout import made_by
from asr_prune.scratch import scratch_file

Fst: TypeAlias = kaldifst.StdVectorFst
#: the ids of input and output labels by symbol
LabelTables: TypeAlias = tuple[Mapping[str, int], Mapping[str, int]]


def read_fst(path: Readable, stage: str, tables: LabelTables | None = None) -> Fst:
    """Reads a binary FST of `stage`, `vector` or `const`.

    tables: which its input and output labels must be in. Raises UserError if it is missing or
    damaged.
    """
    return to_fst(read_fst_parts(path, stage, tables))


def read_fst_parts(path: Readable, stage: str, tables: LabelTables | None = None) -> Parts:
    """As `read_fst`, in arrays: some damage would end the process if the library read it."""
    if not path.is_file():
        raise UserError(f"there is no {path}; {made_by(path, stage)}.")
    try:
        parts = read_parts(io.BytesIO(checked(path).read_bytes()))
        _check_labels(parts, tables)
        return parts
    except ValueError as error:
        raise UserError(f"{path} is not a usable FST: {error}; run the {stage} stage again.") from error


def _check_labels(parts: Parts, tables: LabelTables | None) -> None:
    for name, table in zip(("ilabel", "olabel"), tables or (), strict=False):
        if parts.arcs[name].max(initial=0) > max(table.values(), default=0):
            raise ValueError("it has a label that its symbol table lacks")


def to_fst(parts: Parts) -> Fst:
    """An FST of the library, not for lattices. No property is claimed, so that the library finds
    them itself.
    """
    with scratch_file() as path:
        path.write_bytes(to_bytes(parts))
        return Fst.read(str(path))


def write_fst(fst: Fst, path: Path) -> None:
    """Writes a binary vector FST atomically. Raises UserError if that fails."""
    with atomic(path, "wb") as file:
        if not fst.write(file.name):
            message = f"cannot write {path}; free space or choose another folder"
            raise UserError(f"{message}, then run the same command again.")


@dataclass
class Draft:
    """An FST under construction, as text; state 0 is the start."""

    lines: list[str] = field(default_factory=list)
    states: int = 1

    def state(self) -> int:
        """Adds a state."""
        self.states += 1
        return self.states - 1

    def arc(self, source: int, target: int, ilabel: int, olabel: int, cost: float) -> None:
        self.lines.append(f"{source} {target} {ilabel} {olabel} {cost!r}")

    def fst(self, finals: Iterable[int | tuple[int, float]]) -> Fst:
        """The finished FST; final states have a cost or none."""
        pairs = (final if isinstance(final, tuple) else (final,) for final in finals)
        lines = (" ".join(map(repr, pair)) for pair in pairs)
        return kaldifst.compile("\n".join([*self.lines, *lines, ""]))


def lexicon_fst(
    entries: list[Entry],
    phones: dict[str, int],
    words: dict[str, int],
    sil_prob: float,
    silence: str,
    sil_disambig: str | None = None,
    loop_disambig: tuple[int, int] | None = None,
    costs: Sequence[float] = (),
) -> Fst:
    """Phones to word sequences, sorted by output label (Kaldi: make_lexicon_fst.py).

    sil_prob: probability of silence at each word boundary, 0 for none; sil_disambig: symbol that
    follows this silence; loop_disambig: ids of #0 among phones and words, which lets #0 of G pass
    at word boundaries; costs: of each entry, on its first arc, by default 0.
    """
    draft = Draft()
    loop, ends = _boundary(draft, phones, sil_prob, silence, sil_disambig)
    for (word, pronunciation), cost in zip(entries, costs or [0.0] * len(entries), strict=True):
        ids = [phones[phone] for phone in pronunciation]
        _add_word(draft, loop, ends, ids, words[word], cost)
    return finished(draft, [loop], loop_disambig)


def finished(draft: Draft, finals: Iterable[int | tuple[int, float]], loop_disambig: tuple[int, int] | None) -> Fst:
    """A drafted lexicon with loops for the symbols `loop_disambig`, sorted by output label."""
    fst = draft.fst(finals)
    if loop_disambig:
        kaldifst.add_self_loops(fst, [loop_disambig[0]], [loop_disambig[1]])
    kaldifst.arcsort(fst, "olabel")
    return fst


def _add_word(
    draft: Draft,
    loop: int,
    ends: list[tuple[int, float]],
    phones: list[int],
    word: int,
    first: float,
) -> None:
    """A path from `loop` to each of `ends`; the first arc has the word and the cost `first`."""
    state = loop
    for i, phone in enumerate(phones):
        targets = ends if i == len(phones) - 1 else [(draft.state(), 0.0)]
        for target, cost in targets:
            draft.arc(state, target, phone, 0 if i else word, cost if i else cost + first)
        state = targets[0][0]


def _boundary(
    draft: Draft, phones: dict[str, int], sil_prob: float, silence: str, sil_disambig: str | None
) -> tuple[int, list[tuple[int, float]]]:
    """The state where words begin, and the (state, cost) pairs where they end."""
    if sil_prob == 0:
        return 0, [(0, 0.0)]
    loop, pause = draft.state(), draft.state()
    ends = [(loop, -math.log(1 - sil_prob)), (pause, -math.log(sil_prob))]
    for target, cost in ends:
        draft.arc(0, target, 0, 0, cost)
    if sil_disambig:
        after = draft.state()
        draft.arc(after, loop, phones[sil_disambig], 0, 0.0)
        draft.arc(pause, after, phones[silence], 0, 0.0)
    else:
        draft.arc(pause, loop, phones[silence], 0, 0.0)
    return loop, ends
