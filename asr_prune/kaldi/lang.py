"""Export of lang and graph folders in the form of Kaldi's prepare_lang.sh and mkgraph.sh."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from asr_prune.corpus.datadir import c_order
from asr_prune.decode.arrays import FstArrays
from asr_prune.integrity import MANIFEST, checked
from asr_prune.lang.fst import Fst, read_fst
from asr_prune.lang.lang import Lang
from asr_prune.lang.lexicon import POSITIONS
from asr_prune.lang.symbols import read_symbols

_LANG = (
    *("phones.txt", "words.txt", "topo", "L.fst", "L_disambig.fst", "G.fst"),
    *("lexiconp.txt", "lexiconp_silprob.txt", "silprob.txt"),
    *("oov.txt", "oov.int"),
)
_GRAPH = ("HCLG.fst", "disambig_tid.int", "words.txt")
#: files of lang/phones that mkgraph.sh copies to the graph
_GRAPH_PHONES = (
    *("word_boundary.*", "align_lexicon.*", "optional_silence.*"),
    *("disambig.[it]*", "silence.csl"),
)


def export_lang(lang: Path, out: Path) -> None:
    """Copies a lang folder and adds further files that Kaldi's scripts read.

    phones/wdisambig*: disambiguation symbols that pass from G through L; phones/extra_questions:
    phones by word position, empty if phones do not depend on it; phones/align_lexicon: the
    pronunciations of L.fst. Raises UserError if a file is missing.
    """
    tables = Lang.read(lang)
    for path in (lang / "phones").iterdir():
        checked(path)
    shutil.copytree(lang / "phones", out / "phones", ignore=shutil.ignore_patterns(MANIFEST))
    for name in _LANG:
        if (lang / name).is_file():
            shutil.copyfile(checked(lang / name), out / name)
    _write_wdisambig(out / "phones", tables)
    _write_questions(out / "phones", tables)
    _write_pronunciations(out / "phones", tables)


def _write_wdisambig(folder: Path, lang: Lang) -> None:
    symbols = {
        "wdisambig.txt": "#0",
        "wdisambig_phones.int": lang.phones["#0"],
        "wdisambig_words.int": lang.words["#0"],
    }
    for name, symbol in symbols.items():
        (folder / name).write_text(f"{symbol}\n")


def _write_questions(folder: Path, lang: Lang) -> None:
    positional = (folder / "word_boundary.txt").is_file()
    questions = _position_questions(lang) if positional else []
    numbers = [[str(lang.phones[phone]) for phone in line] for line in questions]
    for suffix, lines in (("txt", questions), ("int", numbers)):
        text = "".join(f"{' '.join(line)}\n" for line in lines)
        (folder / f"extra_questions.{suffix}").write_text(text)


def _position_questions(lang: Lang) -> list[list[str]]:
    silence = [phone for phone, i in lang.phones.items() if i in lang.silence]
    others = [phone for phone, i in lang.phones.items() if i not in lang.silence]
    spoken = [phone for phone in others if phone[-2:] in POSITIONS]
    questions = [[phone for phone in spoken if phone.endswith(end)] for end in POSITIONS]
    questions.append([phone for phone in silence if phone[-2:] not in POSITIONS])
    questions += [[phone for phone in silence if phone.endswith(end)] for end in POSITIONS]
    return questions


def _write_pronunciations(folder: Path, lang: Lang) -> None:
    words = {i: symbol for symbol, i in lang.words.items()}
    phones = {i: symbol for symbol, i in lang.phones.items()}
    entries = pronunciations(read_fst(lang.path / "L.fst", "lang", (lang.phones, lang.words)))
    entries.add((0, (lang.optional_silence,)))
    lines = {_line(words[word], [phones[i] for i in ids]): (word, ids) for word, ids in entries}
    ordered = sorted(lines, key=c_order)
    (folder / "align_lexicon.txt").write_text("".join(ordered), encoding="utf-8")
    numbers = (_line(word, ids) for word, ids in map(lines.__getitem__, ordered))
    (folder / "align_lexicon.int").write_text("".join(numbers))


def _line(word: str | int, phones: Iterable[str | int]) -> str:
    return f"{word} {word} {' '.join(map(str, phones))}\n"


def pronunciations(lexicon: Fst) -> set[tuple[int, tuple[int, ...]]]:
    """(word, phones) of every path of an L.fst from one word boundary to the next.

    The start has arcs without words to the other boundaries, or is the only one. If one of these
    arcs is a silence, it is part of no word: with several boundaries it depends on words and leads
    to a boundary; with one, words end in a state before it too (Kaldi before August 2018).
    """
    arrays = FstArrays.of(lexicon)
    arcs = [part.tolist() for part in np.split(arrays.arcs, np.cumsum(arrays.counts)[:-1])]
    begins = [(phone, target) for phone, word, _, target in arcs[arrays.start] if not word]
    boundaries = {target for _, target in begins} or {arrays.start}
    silences = {phone for phone, _ in begins} - {0}
    dependent = bool(silences) and len(boundaries) > 1
    if silences and not dependent:
        boundaries |= _before_silence(arcs, silences, boundaries)
    paths: list[tuple[int, tuple[int, ...], int]] = []
    for state in boundaries:
        paths += [(word, (phone,), target) for phone, word, _, target in arcs[state] if word]
    complete: set[tuple[int, tuple[int, ...]]] = set()
    while paths:
        word, phones, state = paths.pop()
        if state in boundaries:
            complete.add((word, phones))
            continue
        for phone, _, _, target in arcs[state]:
            ends = dependent and target in boundaries
            paths.append((word, phones if ends else (*phones, phone), target))
    return complete


def _before_silence(arcs: list[list[Any]], silences: set[int], boundaries: set[int]) -> set[int]:
    """The state that words share which silence follows; words that end in silence have their own."""
    ways = {
        state
        for state, own in enumerate(arcs)
        if len(own) == 1 and own[0][0] in silences and not own[0][1] and own[0][3] in boundaries
    }
    entries = Counter(target for own in arcs for *_, target in own if target in ways)
    return {state for state, _ in entries.most_common(1)}


def export_graph(graph: Path, lang: Path, pdfs: int, out: Path) -> None:
    """Copies a decoding graph with the lang files that its use needs; HCLG has type `vector`."""
    (out / "phones").mkdir(parents=True)
    for name in _GRAPH:
        if (graph / name).is_file():
            shutil.copyfile(checked(graph / name), out / name)
    shutil.copyfile(checked(lang / "phones.txt"), out / "phones.txt")
    for pattern in _GRAPH_PHONES:
        for path in (lang / "phones").glob(pattern):
            shutil.copyfile(checked(path), out / "phones" / path.name)
    (out / "num_pdfs").write_text(f"{pdfs}\n")


def spoken_phones(table: Path) -> dict[int, str]:
    """{id: phone} of a phones.txt, without epsilon and disambiguation symbols."""
    phones = read_symbols(table).items()
    return {i: phone for phone, i in phones if i > 0 and not phone.startswith("#")}
