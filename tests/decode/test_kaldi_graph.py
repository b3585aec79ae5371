from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kaldifst
import pytest

from asr_prune.decode.decoder import Decoder
from asr_prune.decode.kaldi_graph import take_graph
from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError
from asr_prune.lang.fst import read_fst

CYCLE = "0 1 1 1\n1 2 0 0 -1\n2 1 0 0\n1\n"


@pytest.fixture
def theirs(recogniser: Any, tmp_path: Path) -> Path:
    """Our graph, laid out as mkgraph.sh does."""
    folder = tmp_path / "graph_tgpr"
    folder.mkdir()
    kaldifst.StdConstFst(read_fst(recogniser.graph / "HCLG.fst", "graph")).write(str(folder / "HCLG.fst"))
    shutil.copyfile(recogniser.graph / "words.txt", folder / "words.txt")
    (folder / "num_pdfs").write_text(f"{recogniser.pdfs}\n")
    return folder


def test_decodes_as_ours(recogniser: Any, theirs: Path, tmp_path: Path) -> None:
    size = take_graph(theirs, recogniser.hmm, tmp_path / "graph")
    assert (size.states, size.arcs, size.pdfs) == (recogniser.size.states, recogniser.size.arcs, recogniser.pdfs)
    loglikes = recogniser.loglikes(2, 50)
    ours, taken = (
        Decoder(path, DecodeOptions()).best(loglikes, 0.2) for path in (recogniser.graph, tmp_path / "graph")
    )
    assert ours == taken


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "num_pdfs").write_text("4242"), "another model: it has 4242 pdfs"),
        (lambda folder: shorten(folder / "HCLG.fst"), "truncated"),
        (lambda folder: (folder / "HCLG.fst").unlink(), "cannot read"),
        (lambda folder: (folder / "words.txt").unlink(), "words.txt"),
        (lambda folder: (folder / "words.txt").write_bytes(b"<eps> 0\n\xff 1\n"), "words.txt:2: the byte 0xFF"),
        (shutil.rmtree, "decode.graph: .*graph_tgpr is no folder"),
        (lambda folder: (folder / "words.txt").write_text("<eps> 0\n"), "words.txt lacks word"),
        (lambda folder: kaldifst.compile("0 1 9999 1\n1\n").write(str(folder / "HCLG.fst")), "up to 9999"),
        (lambda folder: kaldifst.compile(CYCLE).write(str(folder / "HCLG.fst")), "a cycle without input labels"),
        (lambda folder: kaldifst.StdVectorFst().write(str(folder / "HCLG.fst")), "no path"),
    ],
)
def test_graphs_that_cannot_be_used(
    recogniser: Any, theirs: Path, tmp_path: Path, damage: Callable, message: str
) -> None:
    damage(theirs)
    with pytest.raises(UserError, match=message):
        take_graph(theirs, recogniser.hmm, tmp_path / "graph")
    assert not (tmp_path / "graph").exists()
