"""Where the directory of a model keeps the model itself."""

from __future__ import annotations

from pathlib import Path

from asr_prune.errors import UserError

#: Vosk's layout; its older one, and Kaldi's
MODELS = ("am/final.mdl", "final.mdl")


def model_file(place: Path) -> Path:
    """The file of a model: `place`, or the one in this directory. Raises UserError if there is none."""
    if place.is_file():
        return place
    found = [place / name for name in MODELS if (place / name).is_file()]
    if not found:
        raise UserError(f"{place} has no {' or '.join(MODELS)}; give the directory of a Kaldi or Vosk model.")
    return found[0]
