"""The stages of a recipe walked through without doing anything: what is up to date and what would be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.recipe.load import Run
from asr_prune.stages import STAGES, find_stage
from asr_prune.workflow.context import Context, Work
from asr_prune.workflow.ledger import Ledger

#: stages whose work is that of one run, so that other runs do not wait for it
OF_RUNS = ("train", "shrink", "decode", "score")


@dataclass(frozen=True)
class Piece:
    """One thing that a stage does: of a run, or of all; piece: what of the stage it is, where that does several."""

    stage: str
    piece: str
    run: Run | None
    says: str
    up_to_date: bool


@dataclass
class Survey(Context):
    """A context in which nothing is done: `pieces` lists what would be."""

    pieces: list[Piece] = field(default_factory=list)

    def need(self, inputs: Mapping[Path, str]) -> None:
        """Nothing: what is missing will have been made."""

    def once(self, work: Work, run: Run | None = None) -> None:
        """Notes the work and whether it is up to date, which it is not where what it reads is still to be made."""
        self._note(Piece(work.stage, work.piece, run, work.says, not self._waits(run) and self._is_done(work, run)))

    def _note(self, piece: Piece) -> None:
        """A piece is listed once, by the stage that comes to it first."""
        if all((piece.stage, piece.piece, piece.run) != (old.stage, old.piece, old.run) for old in self.pieces):
            self.pieces.append(piece)

    def _waits(self, run: Run | None) -> bool:
        """Whether something before is still to be done, for all or for this run."""
        before = [piece for piece in self.pieces if not piece.up_to_date]
        return any(piece.run is None or piece.run == run for piece in before)

    def _is_done(self, work: Work, run: Run | None) -> bool:
        if not all(path.is_file() for path in work.inputs):
            return False
        ledger = Ledger(self.run_folder(run) if run else self.exp, self.hashes)
        return ledger.is_done(
            work.entry, ledger.fingerprint(work.entry, work.part, [*work.inputs, *work.also], work.code)
        )

    def walk(self) -> list[Piece]:
        """All pieces of all stages. A stage that cannot even be looked at, for want of what comes before it, is one
        piece to be done. Raises UserError for a recipe that asks for something impossible.
        """
        for name, help_text in STAGES.items():
            if name == "report":
                self._note(Piece(name, "", None, help_text, not any(not piece.up_to_date for piece in self.pieces)))
            elif not (name == "graph" and self.recipe.decode.search == "greedy"):
                self._look_at(name, help_text)
        return self.pieces

    def _look_at(self, name: str, help_text: str) -> None:
        before = len(self.pieces)
        try:
            find_stage(name)(self)
        except UserError:
            if (self.data / "train/text").is_file():
                raise
        if len(self.pieces) > before or (name == "align" and self.ctc):
            return
        for run in self.loaded.runs() if name in OF_RUNS else [None]:
            self._note(Piece(name, "", run, help_text, False))
