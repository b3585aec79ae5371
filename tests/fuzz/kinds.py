"""The files that are damaged, what reads each, and what its format forbids."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import grammar

TAKEN = ("--recipe", "recipes/taken", "--nj", "1")
TONES = ("--recipe", "recipes/tones", "--nj", "1")
#: labels and lang folder by Kaldi
LABELS = (*TAKEN, "--set", "hmm.labels=ali", "--set", "lang.folder=ali/lang")
RUN = "exp/tones/runs/magnitude-keep0.5"
Command = tuple[str, ...]


class Kind(NamedTuple):
    """name: of the format; files: in the project, one is chosen; commands: run one after the other until one fails.

    forbids: says what the format forbids; sealed: a file of ours, in which any change is to be seen.
    """

    name: str
    files: tuple[str, ...]
    commands: tuple[Command, ...]
    forbids: Callable[[bytes], str] = grammar.anything
    text: bool = False
    sealed: bool = False


def _data(name: str, forbids: Callable[[bytes], str], *files: str) -> Kind:
    return Kind(name, files or (f"user/data/train/{name}",), (("validate", "user/data/train"),), forbids, text=True)


def _own(name: str, command: Command, *files: str) -> Kind:
    return Kind(name, files, (command,), sealed=True)


def _stages(options: Command, *verbs: str) -> tuple[Command, ...]:
    return tuple((verb, *options) for verb in verbs)


NEW = ("train", *TONES, "--set")
WORDS = ("transcribe", RUN, "tone.wav", "--times", "--confidence", "--nj", "1")
LANG = ("corpus", "lang")
LABELLED = ("corpus", "lang", "features", "align")
PASS = "exp/tones/align/sat"
KINDS = (
    _data("text", grammar.text),
    _data("utt2spk", grammar.pair),
    _data("spk2utt", grammar.table),
    _data("wav.scp", grammar.table),
    _data("feats.scp", grammar.pair),
    Kind("segments", ("user/data/cut/segments",), (("validate", "user/data/cut"),), grammar.segments, text=True),
    _data("utt2dur", grammar.pair),
    Kind(
        "prepared tables",
        tuple(f"user/data/train/{name}" for name in ("text", "utt2spk", "feats.scp")),
        _stages(TAKEN, "corpus", "features"),
        text=True,
    ),
    Kind("lexicon", ("user/dict/lexicon.txt",), _stages(TAKEN, *LANG), grammar.lexicon, text=True),
    Kind("arpa", ("user/lm.arpa",), _stages(TAKEN, *LANG), grammar.arpa, text=True),
    Kind("lm text", ("lm.txt",), (("lm", "lm.txt", "--out", "out.arpa"),), text=True),
    Kind("recipe", ("recipes/taken/recipe.yaml",), (("check", *TAKEN[:2]),), grammar.recipe, text=True),
    Kind("wav", ("tone.wav",), (WORDS,)),
    Kind("feature archive", ("user/data/train/feats.ark",), _stages(TAKEN, *LABELLED)),
    Kind("model and tree", ("ali/final.mdl", "ali/tree"), _stages(LABELS, *LABELLED, "graph")),
    Kind("alignments", ("ali/ali.1.gz",), _stages(LABELS, *LABELLED)),
    Kind(
        "lang folder",
        ("ali/lang/L.fst", "ali/lang/G.fst", "ali/lang/L_disambig.fst"),
        _stages(LABELS, *LABELLED, "graph"),
    ),
    Kind(
        "lang tables",
        ("ali/lang/words.txt", "ali/lang/phones.txt", "ali/lang/topo"),
        _stages(LABELS, *LABELLED, "graph"),
        text=True,
    ),
    Kind("initial network", ("init.pt",), ((*NEW, "runs=[{name: new, train: {init: init.pt}}]"),)),
    _own("packed model", ("transcribe", "packed.asr", *WORDS[2:]), "packed.asr"),
    _own("network", WORDS, f"{RUN}/shrunk/network.pt"),
    _own("graph", WORDS, *(f"exp/tones/graph/{name}" for name in ("HCLG.fst", "words.txt", "pdfs.txt"))),
    _own("pass", WORDS, *(f"{PASS}/{name}" for name in ("final.mdl", "tree", "final.mat", "final.alimdl"))),
    _own("masked network", ("verify", RUN), f"{RUN}/model/before_cut.pt", f"{RUN}/model/network.pt"),
    _own("lattices", ("nbest", RUN), f"{RUN}/decode_test/lat.1.gz"),
    _own(
        "words",
        ("score", *TONES, "--set", "score.bootstrap=50"),
        f"{RUN}/decode_test/penalty_0/8.txt",
        f"{RUN}/decode_dev/penalty_0/10.txt",
    ),
    _own(
        "labels and features",
        (*NEW, "train.epochs=1", "--set", "runs=[{name: new}]"),
        f"{PASS}/pdf.ark",
        f"{PASS}/trans.ark",
        "data/tones/train/feats.ark",
    ),
)
