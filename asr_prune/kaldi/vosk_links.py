"""A directory of Kaldi's and its graph in Vosk's layout."""

from __future__ import annotations

import logging
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

from asr_prune.errors import UserError
from asr_prune.features.online.conf import model_lines, options_of, read_conf
from asr_prune.features.online.directory import FeatureFiles, find_files
from asr_prune.features.online.settings import IVECTOR_FILES, CmvnConf, MfccConf
from asr_prune.files import present
from asr_prune.nnet3.places import is_of_vosk, model_file
from asr_prune.text import trimmed

log = logging.getLogger(__name__)

#: of a graph directory of mkgraph.sh, those that Vosk needs, and the one that it may have
_GRAPH, _BOUNDARIES = ("HCLG.fst", "words.txt"), "phones/word_boundary.int"
_SILENCE = "phones/silence.csl"
#: of an i-vector extractor, as Vosk calls them
_IVECTOR = (
    *("final.mat", "global_cmvn.stats", "online_cmvn.conf"),
    *("splice.conf", "final.dubm", "final.ie"),
)
#: what follows where Vosk has other options than the directory
_EFFECT = "so that the network's input, its outputs and the words are not quite those of Kaldi"
#: options of the search that Vosk reads, with the defaults of steps/nnet3/decode.sh
_SEARCH = {"beam": "15.0", "max_active": "7000", "min_active": "200", "lattice_beam": "8.0"}


def check_graph_dir(model: Path, graph: Path) -> None:
    """Raises UserError if the directory `graph` has no graph, or if `model` is one of Vosk's."""
    if is_of_vosk(model):
        what = f"{model} is a model directory of Vosk, which has its graph inside"
        raise UserError(f"{what}; leave out --graph.")
    if missing := [name for name in _GRAPH if not (graph / name).is_file()]:
        fix = "give a directory that utils/mkgraph.sh has made with --graph"
        raise UserError(f"{graph} has no {missing[0]}; {fix}.")


def link_as_vosk(model: Path, graph: Path, normalised: bool, out: Path) -> None:
    """Makes the folder `out`, which Vosk opens: links to the files of `model`, a directory of
    prepare_online_decoding.sh, and of `graph`, one of mkgraph.sh; conf/ is written.

    normalised: whether the outputs are posteriors, whose acoustic scale is 0.1, and 1 otherwise.
    What Vosk computes otherwise than `model` says is logged. Raises UserError if neither names the
    silence phones, without which Vosk ends.
    """
    files = find_files(model)
    links = {"am/final.mdl": model_file(model)} | {f"graph/{name}": graph / name for name in _GRAPH}
    if present(graph / _BOUNDARIES):
        links[f"graph/{_BOUNDARIES}"] = graph / _BOUNDARIES
    if files.everyone:
        links["am/global_cmvn.stats"] = files.everyone
    if files.ivector:
        paths = [Path(getattr(files.ivector, name)) for name in IVECTOR_FILES]
        links |= {f"ivector/{name}": path for name, path in zip(_IVECTOR, paths, strict=True)}
    for name, path in links.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).symlink_to(path.resolve())
    conf = out / "conf"
    conf.mkdir()
    kind = "mfcc" if isinstance(files.base, MfccConf) else "fbank"
    (conf / f"{kind}.conf").write_text(_changed(files.base), encoding="utf-8")
    search = _SEARCH | {"acoustic_scale": "0.1" if normalised else "1.0"} | vars(files.chunk)
    given = {name: value for _, name, value in options_of(model / "conf/online.conf")}
    search |= {name: value for name, value in given.items() if name in search}
    text = _lines(search | _endpoints(given, model / "conf/online.conf", graph))
    (conf / "model.conf").write_text(text, encoding="utf-8")
    if different := _differences(files, find_files(out)):
        for line in different:
            log.warning("%s: %s", model, line)
        log.warning("%s: the recipe uses the values of Vosk, %s", model, _EFFECT)


def _endpoints(given: dict[str, str], conf: Path, graph: Path) -> dict[str, str]:
    """The options that say where speech ends, with the silence phones. given: those of `conf`."""
    found = {name: value for name, value in given.items() if name.startswith("endpoint.")}
    path, key = graph / _SILENCE, "endpoint.silence_phones"
    lines = [line for line in map(trimmed, model_lines(path)) if line] if present(path) else []
    if phones := found.get(key) or "".join(lines[:1]):
        return found | {key: phones}
    what = f"neither {conf} has --endpoint.silence-phones nor {graph} {_SILENCE}, which Vosk needs"
    raise UserError(f"{what}; add --endpoint.silence-phones=1:2:3, with your own numbers.")


def _changed(options: Any) -> str:
    """The lines of options that do not have their defaults."""
    given = {each.name: getattr(options, each.name) for each in fields(options)}
    return _lines({each.name: given[each.name] for each in fields(options) if given[each.name] != each.default})


def _lines(options: dict[str, Any]) -> str:
    return "".join(f"{_option(name, value)}\n" for name, value in options.items())


def _option(name: str, value: object) -> str:
    return f"--{name.replace('_', '-')}={str(value).lower() if isinstance(value, bool) else value}"


def _differences(own: FeatureFiles, of_vosk: FeatureFiles) -> list[str]:
    """A line for each option of CMVN and i-vectors for which Vosk has another value, since it does
    not read the file, or has another default.
    """
    pairs: list[tuple[str, Any, Any]] = [
        ("normalising the network's input", own.cmvn, of_vosk.cmvn),
        ("i-vectors", own.ivector, of_vosk.ivector),
        ("normalising the input of i-vectors", _cmvn_of_ivectors(own), _cmvn_of_ivectors(of_vosk)),
    ]
    return [
        f"for {what} it has {_given(name, value)}, but Vosk uses " + _option(name, getattr(other, name))
        for what, one, other in pairs
        for name, value in (vars(one).items() if one else ())
        if name not in IVECTOR_FILES and value != getattr(other, name)
    ]


def _given(name: str, value: object) -> str:
    """The option of a directory; -inf stands for one that only Vosk's Kaldi has."""
    return f"no {_option(name, '').rstrip('=')}" if value == -math.inf else _option(name, value)


def _cmvn_of_ivectors(files: FeatureFiles) -> CmvnConf | None:
    return read_conf(Path(files.ivector.cmvn_config), files.cmvn_kind) if files.ivector else None
