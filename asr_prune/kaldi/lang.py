"""Lang and graph folders as Kaldi's prepare_lang.sh and mkgraph.sh leave them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from asr_prune.corpus.datadir import c_order
from asr_prune.decode.arrays import FstArrays
from asr_prune.lang.fst import Fst, read_fst
from asr_prune.lang.lang import Lang
from asr_prune.lang.lexicon import POSITIONS
from asr_prune.lang.symbols import read_symbols

LANG = ("phones.txt", "words.txt", "topo", "L.fst", "L_disambig.fst", "G.fst", "oov.txt", "oov.int")
GRAPH = ("HCLG.fst", "disambig_tid.int")
#: of lang/phones, what mkgraph.sh copies beside HCLG
BESIDE_GRAPH = ("word_boundary.*", "align_lexicon.*", "optional_silence.*", "disambig.[it]*", "silence.csl")


def export_lang(lang: Path, out: Path) -> None:
    """Copies a lang folder and adds what Kaldi's scripts look for besides.

    phones/wdisambig*: the symbols that pass from G through L; phones/extra_questions: phones alike in their place in
    the word, none where phones do not depend on it; phones/align_lexicon: the pronunciations of L.fst. Raises
    UserError where a file is missing.
    """
    tables = Lang.read(lang)
    shutil.copytree(lang / "phones", out / "phones")
    for name in LANG:
        if (lang / name).is_file():
            shutil.copyfile(lang / name, out / name)
    for name, symbol in (("txt", "#0"), ("phones.int", tables.phones["#0"]), ("words.int", tables.words["#0"])):
        (out / "phones" / f"wdisambig{'.' if name == 'txt' else '_'}{name}").write_text(f"{symbol}\n")
    _write_questions(out / "phones", tables)
    _write_pronunciations(out / "phones", tables)


def _write_questions(folder: Path, lang: Lang) -> None:
    questions = []
    if (folder / "word_boundary.txt").is_file():
        silence = [phone for phone, i in lang.phones.items() if i in lang.silence]
        spoken = [phone for phone, i in lang.phones.items() if phone[-2:] in POSITIONS and i not in lang.silence]
        questions = [[phone for phone in spoken if phone.endswith(end)] for end in POSITIONS]
        questions.append([phone for phone in silence if phone[-2:] not in POSITIONS])
        questions += [[phone for phone in silence if phone.endswith(end)] for end in POSITIONS]
    for name, lines in (("txt", questions), ("int", [[str(lang.phones[p]) for p in line] for line in questions])):
        (folder / f"extra_questions.{name}").write_text("".join(f"{' '.join(line)}\n" for line in lines))


def _write_pronunciations(folder: Path, lang: Lang) -> None:
    words, phones = ({i: symbol for symbol, i in table.items()} for table in (lang.words, lang.phones))
    entries = {*pronunciations(read_fst(lang.path / "L.fst", "lang")), (0, (lang.optional_silence,))}
    lines = {f"{words[w]} {words[w]} {' '.join(phones[p] for p in own)}\n": (w, own) for w, own in entries}
    ordered = sorted(lines, key=c_order)
    (folder / "align_lexicon.txt").write_text("".join(ordered), encoding="utf-8")
    numbers = (f"{w} {w} {' '.join(map(str, own))}\n" for w, own in map(lines.__getitem__, ordered))
    (folder / "align_lexicon.int").write_text("".join(numbers))


def pronunciations(lexicon: Fst) -> set[tuple[int, tuple[int, ...]]]:
    """(word, its phones) of the paths of an L.fst from one word boundary to the next."""
    arrays = FstArrays.of(lexicon)
    arcs = [own.tolist() for own in np.split(arrays.arcs, np.cumsum(arrays.counts)[:-1])]
    between = {target for phone, _, _, target in arcs[arrays.start] if phone == 0} or {arrays.start}
    paths: list[tuple[int, tuple[int, ...], int]] = []
    for state in between:
        paths += [(word, (phone,), target) for phone, word, _, target in arcs[state] if word]
    found: set[tuple[int, tuple[int, ...]]] = set()
    while paths:
        word, spoken, state = paths.pop()
        if state in between:
            found.add((word, spoken))
            continue
        paths += [(word, (*spoken, phone), target) for phone, _, _, target in arcs[state]]
    return found


def export_graph(graph: Path, lang: Path, pdfs: int, out: Path) -> None:
    """Copies a decoding graph with what lets it be used without the lang folder; HCLG is of OpenFst's `vector` type."""
    (out / "phones").mkdir(parents=True)
    for name in (*GRAPH, "words.txt"):
        if (graph / name).is_file():
            shutil.copyfile(graph / name, out / name)
    shutil.copyfile(lang / "phones.txt", out / "phones.txt")
    for pattern in BESIDE_GRAPH:
        for path in (lang / "phones").glob(pattern):
            shutil.copyfile(path, out / "phones" / path.name)
    (out / "num_pdfs").write_text(f"{pdfs}\n")


def spoken_phones(table: Path) -> dict[int, str]:
    """{id: phone} of a phones.txt, without epsilon and disambiguation symbols."""
    return {i: phone for phone, i in read_symbols(table).items() if i > 0 and not phone.startswith("#")}
