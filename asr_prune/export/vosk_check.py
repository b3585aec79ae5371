"""Whether an exported run has the words of its decode stage in Vosk, too."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from asr_prune.corpus.sound import Sound
from asr_prune.errors import UserError
from asr_prune.export.heard import alike_line, other_words
from asr_prune.export.scored import decoded_words
from asr_prune.export.vosk_words import words_in_vosk
from asr_prune.files import atomic
from asr_prune.run_dir import RunDir
from asr_prune.score.options import ScoreOptions


@dataclass(frozen=True)
class VoskCheck:
    """What check.json has.

    utterances: of test that Vosk has heard; other_best_path, other_usual: those whose words are not
    the decode stage's, normalised and equivalents merged, in the best path of whole utterances and
    in the usual result of speech that comes in; seconds: of CPU for the usual result; audio:
    seconds; skipped: utterances whose audio cannot be used, and why.
    """

    utterances: int
    other_best_path: list[str]
    other_usual: list[str]
    seconds: float
    audio: float
    skipped: dict[str, str]


def need_vosk() -> None:
    """Raises UserError if the package is not installed."""
    if not find_spec("vosk"):
        raise UserError("--check needs Vosk, which is not there; install it with: pip install vosk")


def check_vosk(run: RunDir, model: Path, sound: Sound, options: ScoreOptions) -> VoskCheck:
    """Lets Vosk decode `sound`, the test set, with the exported directory `model` twice, and adds
    check.json to it. Raises UserError as `words_in_vosk` and `decoded_words`.
    """
    ours = decoded_words(run)
    best, usual = words_in_vosk(model, sound, best_path=True), words_in_vosk(model, sound)
    others = other_words(ours, best, options), other_words(ours, usual, options)
    took = usual.seconds, usual.audio
    found = VoskCheck(len(best.words), *others, *took, usual.skipped)
    with atomic(model / "check.json") as file:
        json.dump(asdict(found), file, ensure_ascii=False, indent=1)
    return found


def format_vosk_check(found: VoskCheck) -> list[str]:
    """Lines for the terminal."""
    pairs = (("best path", found.other_best_path), ("usual result", found.other_usual))
    lines = [alike_line(f"Vosk's {name}", others, found.utterances) for name, others in pairs]
    return [*lines, f"{found.seconds:.1f} CPU seconds for {found.audio:.0f} s of speech"]
