"""Writing ARPA files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from gzip import GzipFile
from io import TextIOWrapper
from pathlib import Path
from typing import IO

import numpy as np

from asr_prune.files import atomic
from asr_prune.lang.ngram.model import BackOff, NGrams

#: log10(0) in an ARPA file
_LOG_ZERO = -99.0


def write_arpa(model: BackOff, path: Path) -> None:
    """Writes a back-off model, logarithms with seven decimals, without empty orders; compressed if
    the name ends in .gz.

    Raises UserError as `atomic`.
    """
    orders = [grams for grams in model.orders if len(grams.word)]
    sizes = "".join(f"ngram {n}={len(grams.word)}\n" for n, grams in enumerate(orders, 1))
    with _opened(path) as file:
        file.write("\\data\\\n" + sizes)
        texts = [""]
        for n, grams in enumerate(orders, 1):
            texts = _texts(grams, texts, model.words)
            file.write(f"\n\\{n}-grams:\n")
            file.writelines(_entries(grams, texts, n < len(orders)))
        file.write("\n\\end\\\n")


@contextmanager
def _opened(path: Path) -> Iterator[IO[str]]:
    """Compressed without name and time, so that the same model gives the same bytes."""
    if path.suffix != ".gz":
        with atomic(path) as file:
            yield file
        return
    with (
        atomic(path, "wb") as raw,
        GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        TextIOWrapper(packed, encoding="utf-8", newline="\n") as text,
    ):
        yield text


def _texts(grams: NGrams, histories: list[str], words: list[str]) -> list[str]:
    """The words of each n-gram."""
    pairs = zip(grams.history.tolist(), grams.word.tolist(), strict=True)
    return [f"{histories[h]} {words[w]}".lstrip(" ") for h, w in pairs]


def _entries(grams: NGrams, texts: list[str], weighted: bool) -> Iterator[str]:
    log_p = np.maximum(grams.log_p / math.log(10), _LOG_ZERO).tolist()
    if not weighted:
        return (f"{p:.7f}\t{text}\n" for p, text in zip(log_p, texts, strict=True))
    weights = (grams.log_weight / math.log(10)).tolist()
    rows = zip(log_p, texts, weights, strict=True)
    return (f"{p:.7f}\t{text}\t{w:.7f}\n" if w else f"{p:.7f}\t{text}\n" for p, text, w in rows)
