"""A directory of Kaldi's and its graph in Vosk's layout."""

from __future__ import annotations

import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

from asr_prune.errors import UserError
from asr_prune.features.online.conf import model_lines
from asr_prune.features.online.directory import FeatureFiles, find_files
from asr_prune.features.online.settings import IVECTOR_FILES, MfccConf
from asr_prune.nnet3.places import is_of_vosk, model_file

log = logging.getLogger(__name__)

#: of a graph directory of mkgraph.sh, those that Vosk needs, and the one that it may have
_GRAPH, _BOUNDARIES = ("HCLG.fst", "words.txt"), "phones/word_boundary.int"
_SILENCE = "phones/silence.csl"
#: of an i-vector extractor, as Vosk calls them
_IVECTOR = (
    *("final.mat", "global_cmvn.stats", "online_cmvn.conf"),
    *("splice.conf", "final.dubm", "final.ie"),
)
#: the defaults of steps/nnet3/decode.sh
_SEARCH = "--beam=15.0\n--max-active=7000\n--min-active=200\n--lattice-beam=8.0\n"


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
    if (graph / _BOUNDARIES).is_file():
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
    scale = f"--acoustic-scale={0.1 if normalised else 1.0}\n"
    text = scale + _lines(vars(files.chunk)) + _endpoints(model / "conf/online.conf", graph)
    (conf / "model.conf").write_text(_SEARCH + text, encoding="utf-8")
    for line in _differences(files, find_files(out)):
        log.warning("%s: Vosk computes features with %s", model, line)


def _endpoints(conf: Path, graph: Path) -> str:
    """The lines of `conf` that say where speech ends, with the silence phones."""
    lines = [line for line in model_lines(conf) if line.startswith("--endpoint.")]
    phones = graph / _SILENCE
    if not any(line.startswith("--endpoint.silence-phones=") for line in lines):
        if not phones.is_file():
            what = f"neither {conf} has --endpoint.silence-phones nor {graph} {_SILENCE}"
            raise UserError(f"{what}, which Vosk needs; add --endpoint.silence-phones=1:2:3 or whatever they are.")
        lines.append(f"--endpoint.silence-phones={model_lines(phones)[0]}")
    return "".join(f"{line}\n" for line in lines)


def _changed(options: Any) -> str:
    """The lines of options that do not have their defaults."""
    given = {each.name: getattr(options, each.name) for each in fields(options)}
    return _lines({each.name: given[each.name] for each in fields(options) if given[each.name] != each.default})


def _lines(options: dict[str, Any]) -> str:
    return "".join(f"{_option(name, value)}\n" for name, value in options.items())


def _option(name: str, value: object) -> str:
    return f"--{name.replace('_', '-')}={str(value).lower() if isinstance(value, bool) else value}"


def _differences(own: FeatureFiles, of_vosk: FeatureFiles) -> list[str]:
    """The options of CMVN and i-vectors that Vosk does not read from files."""
    found = []
    for one, other in ((own.cmvn, of_vosk.cmvn), (own.ivector, of_vosk.ivector)):
        for name, value in vars(one).items() if one else ():
            if name not in IVECTOR_FILES and value != getattr(other, name):
                found.append(f"{_option(name, getattr(other, name))}, where it has {value}")
    return found
