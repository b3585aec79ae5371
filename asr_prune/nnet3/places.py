"""Where the directory of a model keeps the model itself."""

from __future__ import annotations

from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import present

#: Vosk's layout; its older one, and Kaldi's
MODELS = ("am/final.mdl", "final.mdl")
#: Vosk knows a model by one of these pairs, and the folder of its graph by them (its src/model.cc)
_VOSK = {("am/final.mdl", "conf/model.conf"): "graph", ("final.mdl", "mfcc.conf"): ""}
#: the graph, or the two that are composed while it decodes and what goes with them
_GRAPH, _GRAPHS = "HCLG.fst", ("HCLr.fst", "Gr.fst", "disambig_tid.int")


def is_of_vosk(folder: Path) -> bool:
    """Whether the directory of a model has Vosk's newer or its older layout."""
    return _graph_folder(folder) is not None


def _graph_folder(folder: Path) -> Path | None:
    for pair, place in _VOSK.items():
        if all((folder / name).is_file() for name in pair):
            return folder / place
    return None


def opens_in_vosk(folder: Path) -> bool:
    """Whether it also has a decoding graph. Raises UserError as `check_graph`."""
    check_graph(folder)
    return any(path.is_file() for path in graph_files(folder))


def graph_files(folder: Path) -> list[Path]:
    """Where a directory of Vosk's has its graph: HCLG.fst, else HCLr.fst, Gr.fst and
    disambig_tid.int; none if it is no directory of Vosk's. Raises UserError as `present`.
    """
    place = _graph_folder(folder)
    whole = [place / _GRAPH] if place else []
    return whole if place is None or present(whole[0]) else [place / name for name in _GRAPHS]


def check_graph(folder: Path) -> None:
    """Raises UserError if a graph in several files misses one."""
    files = graph_files(folder)
    missing = [path for path in files if not present(path)]
    if missing and len(missing) < len(files):
        has = next(path for path in files if path.is_file()).name
        what = f"{missing[0]} is missing, which Vosk reads beside {has}"
        raise UserError(f"{what}; copy the model again.")


def model_file(place: Path) -> Path:
    """The file of a model: `place`, or the one in this directory. Raises UserError if there is none."""
    if place.is_file():
        return place
    found = [place / name for name in MODELS if present(place / name)]
    if not found:
        raise UserError(f"{place} has no {' or '.join(MODELS)}; give the directory of a Kaldi or Vosk model.")
    return found[0]
