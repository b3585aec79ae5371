"""The directory of an imported Kaldi or Vosk model with the smaller network of a run."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from asr_prune.acoustic.graph_model import cut_model
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.errors import UserError
from asr_prune.export.places import refuse_other_folder
from asr_prune.export.trained_run import TrainedRun
from asr_prune.files import atomic_dir
from asr_prune.nnet3.graph import needed_nodes
from asr_prune.nnet3.model import Nnet3, read_nnet3, write_nnet3
from asr_prune.nnet3.places import model_file

log = logging.getLogger(__name__)

#: files by which Vosk knows a model directory, of its newer and its older layout
_VOSK = ("am/final.mdl", "mfcc.conf")


def export_imported(trained: TrainedRun, out: Path, kind: str) -> None:
    """Writes `out`, whole or not at all: a copy of the imported directory whose final.mdl has the
    widths and the weights of the run's shrunk network.

    kind: nnet3, or vosk for a directory that Vosk opens. Raises UserError if the model has changed
    since, if it is no directory of that kind, or if `out` is something other than an earlier export.
    """
    source = Path(trained.imported_from)
    path = model_file(source)
    inside = path.relative_to(source) if source.is_dir() else Path(path.name)
    if kind == "vosk" and not any((source / name).is_file() for name in _VOSK):
        raise UserError(f"{source} is no model directory of Vosk; export the run with --nnet3.")
    refuse_other_folder(out, kind, str(inside))
    model, network = read_nnet3(path), trained.model.network
    assert isinstance(network, GraphNetwork)
    _check_same(path, model, network)
    with atomic_dir(out) as partial:
        if source.is_dir():
            shutil.copytree(source, partial, dirs_exist_ok=True)
        small = cut_model(model, network, trained.model.kept)
        write_nnet3(partial / inside, small)
    sizes = path.stat().st_size, (out / inside).stat().st_size
    log.info(
        "%s: nodes %s, %d of %d bytes",
        out / inside,
        "/".join(map(str, network.widths)),
        *sizes[::-1],
    )


def _check_same(path: Path, model: Nnet3, network: GraphNetwork) -> None:
    if network.lines != [node.line() for node in needed_nodes(model, path)]:
        raise UserError(f"{path} is not the model that the run was made from; train the run again.")
