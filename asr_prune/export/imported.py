"""The directory of an imported Kaldi or Vosk model with the smaller network of a run."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from asr_prune.acoustic.graph_model import cut_model
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.errors import UserError, counted, first_few
from asr_prune.export.places import export_dir
from asr_prune.export.trained_run import TrainedRun
from asr_prune.files import files_below
from asr_prune.nnet3.graph import needed_nodes
from asr_prune.nnet3.model import Nnet3, read_nnet3, write_nnet3
from asr_prune.nnet3.places import is_of_vosk, opens_in_vosk

log = logging.getLogger(__name__)


def export_imported(trained: TrainedRun, out: Path, kind: str) -> None:
    """Writes `out`, whole or not at all: a copy of the imported directory whose final.mdl has the
    widths and the weights of the run's shrunk network.

    kind: nnet3, or vosk for a directory that Vosk opens. Raises UserError if the model has changed
    since, if it is no directory of that kind, or if `out` is something other than an earlier export,
    or in the imported directory, or around it.
    """
    source, path = Path(trained.imported_from), trained.imported_file
    inside = path.relative_to(source) if source.is_dir() else Path(path.name)
    if kind == "vosk" and not opens_in_vosk(source):
        what = "has no decoding graph" if is_of_vosk(source) else "is no model directory of Vosk"
        raise UserError(f"{source} {what}; export the run with --nnet3.")
    _refuse_overlap(out, source)
    model, network = read_nnet3(path), trained.model.network
    assert isinstance(network, GraphNetwork)
    _check_same(path, model, network)
    with export_dir(out, kind) as partial:
        _copy(source, partial)
        small = cut_model(model, network, trained.model.kept)
        write_nnet3(partial / inside, small)
    sizes = path.stat().st_size, (out / inside).stat().st_size
    log.info(
        "%s: nodes %s, %d of %d bytes",
        out / inside,
        "/".join(map(str, network.widths)),
        *sizes[::-1],
    )


def _copy(source: Path, partial: Path) -> None:
    """Contents alone: a model may be protected from writing, and its folders may be links."""
    for path in files_below(source) if source.is_dir() else ():
        place = partial / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    if lost := sorted(str(path) for path in source.rglob("*") if path.is_symlink() and not path.exists()):
        log.warning("%s left out: %s", counted(lost, "dangling link"), first_few(lost))


def _refuse_overlap(out: Path, source: Path) -> None:
    place, there = source.resolve(), out.resolve()
    if place in (there, *there.parents) or there in place.parents:
        raise UserError(f"{out} overlaps {source}, the imported model, which stays as it is; name another folder.")


def _check_same(path: Path, model: Nnet3, network: GraphNetwork) -> None:
    if network.lines != [node.line() for node in needed_nodes(model, path)]:
        raise UserError(f"{path} is not the model that the run was made from; train the run again.")
