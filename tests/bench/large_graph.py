"""Seconds, memory and sizes of a large vocabulary, from dictionary to graph: `python tests/bench/large_graph.py
cmudict.dict text.txt exp/an4/runs/dense --out /tmp/large`.

The HMM and the network are those of a recipe of English that has run; phones that it lacks are its nearest. The
language model is a trigram of the text over all words of the dictionary, pruned. Each step has a process of its own,
whose peak memory is printed; `CPU s` is of the processor and does not count other work.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

#: phones of English to those of a corpus without them
NEAREST = {"DH": "D", "NG": "N", "OY": "AO IY", "SH": "S", "UH": "UW", "ZH": "Z"}
MB = 1024  # of what getrusage tells


@dataclass(frozen=True)
class Places:
    """out: what is made; run: of a recipe that has run, exp/NAME/runs/RUN in a project folder."""

    dictionary: Path
    text: Path
    run: Path
    out: Path

    @property
    def lexicon(self) -> Path:
        return self.out / "lexicon.txt"

    @property
    def arpa(self) -> Path:
        return self.out / "lm.arpa"

    @property
    def lang(self) -> Path:
        return self.out / "lang"

    @property
    def graph(self) -> Path:
        return self.out / "graph"

    @property
    def exp(self) -> Path:
        return self.run.resolve().parent.parent

    @property
    def data(self) -> Path:
        """Of the recipe that has run."""
        return self.exp.parent.parent / "data" / self.exp.name


def lexicon(places: Places) -> str:
    """The dictionary in the phones of the recipe."""
    from asr_prune.lang.dictionary import read_dictionary, write_lexicon
    from asr_prune.lang.symbols import read_symbols

    known = read_symbols(places.data / "lang/phones.txt")
    entries = []
    for word, phones in read_dictionary(places.dictionary):
        plain = [phone.rstrip("012") for phone in phones]
        own = " ".join(phone if phone in known else NEAREST[phone] for phone in plain)
        entries.append((word.upper(), tuple(own.split())))
    write_lexicon(places.lexicon, entries)
    return f"{len({word for word, _ in entries})} words, {len(set(entries))} pronunciations"


def language_model(places: Places, ngrams: int) -> str:
    """The ARPA file."""
    from asr_prune.lang.lexicon import read_lexicon
    from asr_prune.lang.ngram.build import Text, build_lm
    from asr_prune.lang.ngram.options import LmOptions

    words = {word for word, _ in read_lexicon(places.lexicon).entries}
    return str(build_lm(Text([places.text]), places.arpa, LmOptions(ngrams=ngrams), words))


def make_l(places: Places) -> str:
    """The lang folder, whose phones must have the numbers that the HMM knows."""
    from asr_prune.lang.lang import Lang
    from asr_prune.lang.options import LangOptions
    from asr_prune.lang.prepare import prepare_lang

    counts = prepare_lang(places.lexicon, places.lang, LangOptions())
    made, own = Lang.read(places.lang), Lang.read(places.data / "lang")
    if made.topo != own.topo or any(own.phones.get(p, i) != i for p, i in made.phones.items() if p[0] != "#"):
        raise SystemExit(f"{places.data}/lang has other phones or another topology")
    return f"{counts.phones} phones, {counts.disambig} disambiguation symbols"


def make_g(places: Places) -> str:
    """G."""
    from asr_prune.lang.grammar import make_grammar

    counts = make_grammar(places.arpa, places.lang)
    return f"{counts.states} states, {counts.arcs} arcs, {_megabytes(places.lang / 'G.fst')}"


def make_hclg(places: Places) -> str:
    """The graph."""
    from asr_prune.acoustic.checkpoint import load_model
    from asr_prune.decode.graph import make_graph
    from asr_prune.decode.options import DecodeOptions

    hmm = places.exp / "align" / load_model(places.run / "shrunk/network.pt").features["pass"]
    size = make_graph(places.lang, hmm, places.graph, DecodeOptions())
    return f"{size.states} states, {size.arcs} arcs, {_megabytes(places.graph / 'HCLG.fst')}"


def _megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.0f} MB"


def timed(work: Callable[..., str], *given: Any) -> tuple[str, float, float, float]:
    """What it tells, seconds, seconds of the processor and peak MB, of a process that does nothing else and its own."""
    start = time.perf_counter()
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        told, cpu, peak = pool.submit(_alone, work, given).result()
    return told, time.perf_counter() - start, cpu, peak


def _alone(work: Callable[..., str], given: tuple[Any, ...]) -> tuple[str, float, float]:
    told = work(*given)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(own.ru_utime + own.ru_stime for own in used)
    return told, cpu, sum(own.ru_maxrss for own in used) / MB


def steps(ngrams: int) -> Iterator[tuple[str, Callable[..., str], tuple[Any, ...]]]:
    """Name, function and what it is given."""
    yield from (("lexicon", lexicon, ()), ("LM", language_model, (ngrams,)))
    yield from (("L", make_l, ()), ("G", make_g, ()), ("HCLG", make_hclg, ()))


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dictionary", type=Path, help="cmudict.dict, or a dictionary of the same form")
    parser.add_argument("text", type=Path, help="one sentence a line, in upper case; docstrings.py makes one")
    parser.add_argument("run", type=Path, help="exp/NAME/runs/RUN of a recipe whose HMM is used")
    parser.add_argument("--out", type=Path, required=True, help="folder for what is made")
    parser.add_argument("--ngrams", type=int, default=500_000, help="bigrams and trigrams to keep")
    given = parser.parse_args()
    places = Places(given.dictionary, given.text, given.run, given.out)
    print("| step | wall s | CPU s | peak MB | |\n| --- | --- | --- | --- | --- |", flush=True)
    for name, work, more in steps(given.ngrams):
        told, wall, cpu, peak = timed(work, places, *more)
        print(f"| {name} | {wall:.0f} | {cpu:.1f} | {peak:.0f} | {told} |", flush=True)


if __name__ == "__main__":
    main()
