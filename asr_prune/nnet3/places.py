"""Where the directory of a model keeps the model itself."""

from __future__ import annotations

from pathlib import Path

from asr_prune.errors import UserError

#: Vosk's layout; its older one, and Kaldi's
MODELS = ("am/final.mdl", "final.mdl")
#: Vosk knows a model by one of these pairs (its src/model.cc), and opens it if it has a graph
_VOSK = (("am/final.mdl", "conf/model.conf"), ("final.mdl", "mfcc.conf"))
_GRAPHS = ("graph/HCLG.fst", "graph/HCLr.fst", "HCLG.fst", "HCLr.fst")


def is_of_vosk(folder: Path) -> bool:
    """Whether the directory of a model has Vosk's newer or its older layout."""
    return any(all((folder / name).is_file() for name in pair) for pair in _VOSK)


def opens_in_vosk(folder: Path) -> bool:
    """Whether it also has a decoding graph."""
    return is_of_vosk(folder) and any((folder / graph).is_file() for graph in _GRAPHS)


def model_file(place: Path) -> Path:
    """The file of a model: `place`, or the one in this directory. Raises UserError if there is none."""
    if place.is_file():
        return place
    found = [place / name for name in MODELS if (place / name).is_file()]
    if not found:
        raise UserError(f"{place} has no {' or '.join(MODELS)}; give the directory of a Kaldi or Vosk model.")
    return found[0]
