"""Kaldi's `tree` files, text and binary: from a phone in context to pdfs.

After event-map.cc and context-dep.cc.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import kaldi_hmm_gmm as khg
import numpy as np

from asr_prune.files import Readable, atomic
from asr_prune.hmm.kaldi_model import unpickled
from asr_prune.kaldi_format import BINARY, KaldiReader, KaldiWriter


@dataclass(frozen=True)
class Leaf:
    """A pdf."""

    pdf: int


@dataclass(frozen=True)
class Table:
    """Branches to children[value of `key`].

    key: -1 for the pdf class, else a position in the phone window.
    """

    key: int
    children: tuple[Node | None, ...]


@dataclass(frozen=True)
class Split:
    """Branches to `yes` if the value of `key` is one of `values`, else to `no`."""

    key: int
    values: tuple[int, ...]
    yes: Node
    no: Node


Node = Leaf | Table | Split

#: the key of the pdf class
_PDF_CLASS = -1
#: phones in a window, at most: recipes of Kaldi use 1, 3 and 5
_WIDEST = 9


@dataclass(frozen=True)
class Tree:
    """width: phones in the window; central: position of the phone itself, from 0."""

    width: int
    central: int
    root: Node

    @classmethod
    def from_khg(cls, tree: khg.ContextDependency) -> Tree:
        data = np.asarray(tree.__getstate__()[0], np.int8).tobytes()
        return _parse(KaldiReader(BINARY + data, Path("tree")))

    def to_khg(self) -> khg.ContextDependency:
        data = self.to_bytes(binary=True)[len(BINARY) :]
        return unpickled(khg.ContextDependency, (np.frombuffer(data, np.int8).tolist(),))

    def pdfs(self, phone: int, pdf_class: int) -> set[int]:
        """The pdfs of a phone's pdf class in all contexts; of a context without a pdf, -1."""
        known, found, nodes = {_PDF_CLASS: pdf_class, self.central: phone}, set(), [self.root]
        while nodes:
            node = nodes.pop()
            if isinstance(node, Leaf):
                found.add(node.pdf)
            elif isinstance(node, Split):
                own = known.get(node.key)
                nodes += [node.yes] * (own is None or own in node.values)
                nodes += [node.no] * (own is None or own not in node.values)
            elif node.key in known:
                own = known[node.key]
                child = node.children[own] if own < len(node.children) else None
                nodes += [child or Leaf(-1)]
            else:
                nodes += [child for child in node.children if child]
        return found

    def to_bytes(self, binary: bool) -> bytes:
        writer = KaldiWriter(binary)
        writer.token("ContextDependency")
        writer.integer(self.width)
        writer.integer(self.central)
        writer.token("ToPdf")
        _write_node(writer, self.root)
        writer.token("EndContextDependency", line=True)
        return bytes(writer.data)


def write_tree(path: Path, tree: Tree, binary: bool = True) -> None:
    """Writes a tree in Kaldi's format. Raises UserError as `atomic`."""
    with atomic(path, "wb") as file:
        file.write(tree.to_bytes(binary))


def read_tree(path: Readable) -> Tree:
    """Reads a tree of `write_tree` or Kaldi. Raises UserError if it is missing or damaged."""
    return _parse(KaldiReader.open(path, "align"))


def _parse(reader: KaldiReader) -> Tree:
    reader.expect("ContextDependency")
    width, central = reader.integer(), reader.integer()
    if reader.expect("ToLength", "ToPdf") == "ToLength":  # of older Kaldi: pdf classes by phone
        _read_node(reader)
        reader.expect("ToPdf")
    root = _read_node(reader)
    reader.expect("EndContextDependency")
    if root is None:
        raise reader.fail("the tree is empty")
    if not 0 <= central < width <= _WIDEST:
        raise reader.fail(f"the tree has a window of {width} phones around the phone {central}")
    return Tree(width, central, root)


def _write_node(writer: KaldiWriter, node: Node | None) -> None:
    if node is None:
        writer.token("NULL")
    elif isinstance(node, Leaf):
        writer.token("CE")
        writer.integer(node.pdf)
        writer.newline()
    elif isinstance(node, Table):
        writer.token("TE")
        writer.integer(node.key)
        _write_size(writer, len(node.children))
        writer.token("(", line=True)
        for child in node.children:
            _write_node(writer, child)
        writer.token(")", line=True)
    else:
        writer.token("SE")
        writer.integer(node.key)
        writer.ints(list(node.values))
        writer.token("{", line=True)
        _write_node(writer, node.yes)
        _write_node(writer, node.no)
        writer.token("}", line=True)


def _read_node(reader: KaldiReader) -> Node | None:
    kind = reader.expect("NULL", "CE", "TE", "SE")
    if kind == "NULL":
        return None
    if kind == "CE":
        return Leaf(reader.integer())
    key = reader.integer()
    if not _PDF_CLASS <= key < _WIDEST:
        raise reader.fail(f"a question is about phone {key} of the window")
    if kind == "TE":
        size = _read_size(reader)
        reader.expect("(")
        children = tuple(_read_node(reader) for _ in range(size))
        reader.expect(")")
        return Table(key, children)
    values = tuple(reader.ints())
    if not values or list(values) != sorted(set(values)):  # the library would end the process
        raise reader.fail(f"a question has the values {list(values[:5])}, not increasing ones")
    reader.expect("{")
    yes, no = _read_node(reader), _read_node(reader)
    reader.expect("}")
    if yes is None or no is None:
        raise reader.fail("a question lacks one of its two answers")
    return Split(key, values, yes, no)


def _write_size(writer: KaldiWriter, size: int) -> None:
    """Kaldi marks unsigned integers by a negative length byte."""
    writer.data += b"\xfc" + struct.pack("<I", size) if writer.binary else f"{size} ".encode()


def _read_size(reader: KaldiReader) -> int:
    if not reader.binary:
        return reader.integer()
    reader.byte(0xFC)
    return int(struct.unpack("<I", reader.take(4))[0])
