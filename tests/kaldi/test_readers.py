"""What is written, read by Kaldi: its C++ tables in kaldi_native_io, and its programs where they are installed."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr_prune.decode.lattice_archive import read_lattices
from asr_prune.decode.lattice_set import lattice_set
from asr_prune.decode.options import DecodeOptions
from asr_prune.features.archive import read_matrices, write_matrices
from asr_prune.hmm.frontend import write_matrix
from asr_prune.hmm.labels import write_labels
from asr_prune.hmm.mdl import read_mdl, write_mdl
from asr_prune.hmm.tree import read_tree, write_tree
from asr_prune.kaldi.vectors import write_int_vectors

from .conftest import Project

rng = np.random.default_rng(0)
MATRICES = {f"ü-{n}": rng.standard_normal(shape) for n, shape in enumerate([(7, 3), (1, 3), (200, 3)])}
VECTORS = {f"u-{n}": rng.integers(0, 9, n).astype(np.int32) for n in (5, 1, 0, 300)}
Equal = dict[str, np.ndarray]


@pytest.fixture
def native() -> Any:
    return pytest.importorskip("kaldi_native_io")


def by_key(reader: Any) -> Equal:
    found = {}
    with reader as table:
        for key, value in table:
            found[key] = np.array(value)
    return found


def same(one: Equal, other: Equal) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", ["ark", "scp"])
def test_kaldis_tables_read_our_matrices(native: Any, tmp_path: Path, dtype: str, form: str) -> None:
    matrices = {key: matrix.astype(dtype) for key, matrix in MATRICES.items()}
    write_matrices(tmp_path / "m", matrices.items(), place=tmp_path / "m")
    reader = native.SequentialDoubleMatrixReader if dtype == "float64" else native.SequentialFloatMatrixReader
    assert same(by_key(reader(f"{form}:{tmp_path}/m.{form}")), matrices)


def test_kaldis_tables_read_our_integers(native: Any, tmp_path: Path) -> None:
    write_labels(tmp_path / "ali", VECTORS.items())
    write_int_vectors(tmp_path / "ali.1.gz", VECTORS.items())
    (tmp_path / "ali.1").write_bytes(gzip.decompress((tmp_path / "ali.1.gz").read_bytes()))
    for name in ("ali.ark", "ali.1"):
        assert same(by_key(native.SequentialInt32VectorReader(f"ark:{tmp_path / name}")), VECTORS)


def test_kaldi_reads_a_single_matrix(native: Any, tmp_path: Path) -> None:
    matrix = MATRICES["ü-0"].astype(np.float32)
    write_matrix(tmp_path / "final.mat", matrix)
    assert np.array_equal(native.FloatMatrix.read(str(tmp_path / "final.mat")).numpy(), matrix)


@pytest.mark.parametrize("method", ["kSpeechFeature", "kTwoByteAuto", "kOneByteAuto"])
def test_our_reader_expands_as_kaldi_does(native: Any, tmp_path: Path, method: str) -> None:
    scp = tmp_path / "c.scp"
    with native.CompressedMatrixWriter(f"ark,scp:{tmp_path}/c.ark,{scp}") as table:
        for key, matrix in MATRICES.items():
            table.write(key, matrix.astype(np.float32), getattr(native.CompressionMethod, method))
    expected = by_key(native.SequentialFloatMatrixReader(f"scp:{scp}"))
    for key, matrix in read_matrices(scp):
        np.testing.assert_allclose(matrix, expected[key], rtol=1e-6, atol=1e-6)


def needs(*programs: str) -> pytest.MarkDecorator:
    absent = [program for program in programs if not shutil.which(program)]
    return pytest.mark.skipif(bool(absent), reason=f"Kaldi's {', '.join(absent)} not on the PATH")


def run(*words: object) -> bytes:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True).stdout


@needs("gmm-copy", "copy-tree", "copy-transition-model")
def test_kaldis_programs_read_and_write_our_models(trained: Project, tmp_path: Path) -> None:
    source, tree = trained.here / "kaldi/sat/final.mdl", trained.here / "kaldi/sat/tree"
    transitions, gmms = read_mdl(source)
    for binary in (True, False):
        write_mdl(tmp_path / "ours.mdl", transitions, gmms, binary)
        write_tree(tmp_path / "ours.tree", read_tree(tree), binary)
        for form in ("true", "false"):
            run("gmm-copy", f"--binary={form}", tmp_path / "ours.mdl", tmp_path / "kaldi.mdl")
            run("copy-tree", f"--binary={form}", tmp_path / "ours.tree", tmp_path / "kaldi.tree")
            again, same_gmms = read_mdl(tmp_path / "kaldi.mdl")
            np.testing.assert_allclose(again.log_probs, transitions.log_probs, rtol=1e-6)
            np.testing.assert_allclose(same_gmms.invvars, gmms.invvars, rtol=1e-6)
            assert read_tree(tmp_path / "kaldi.tree") == read_tree(tree)


@needs("copy-matrix", "copy-vector", "ali-to-pdf", "copy-int-vector")
def test_kaldis_programs_read_an_exported_pass(trained: Project, tmp_path: Path) -> None:
    folder, align = trained.here / "kaldi/sat", trained.exp / "align/sat"
    copies: dict[str, Callable[[Path], object]] = {
        "final.mat": lambda path: run("copy-matrix", path, tmp_path / "copy"),
        "final.occs": lambda path: run("copy-vector", path, tmp_path / "copy"),
        "trans.1": lambda path: run("copy-matrix", f"ark:{path}", f"ark:{tmp_path / 'copy'}"),
    }
    for name, copy in copies.items():
        copy(folder / name)
        assert (tmp_path / "copy").read_bytes() == (folder / name).read_bytes(), name
    alignments = f"ark:gunzip -c {folder}/ali.*.gz |"
    pdfs = run("ali-to-pdf", folder / "final.mdl", alignments, "ark,t:-").splitlines()
    ours = run("copy-int-vector", f"ark:{align / 'pdf.ark'}", "ark,t:-").splitlines()
    assert sorted(pdfs) == sorted(ours)


@needs("lattice-copy", "lattice-best-path")
def test_kaldis_programs_read_our_lattices(trained: Project, tmp_path: Path) -> None:
    graph, path = trained.here / "kaldi/sat/graph", tmp_path / "lat.1.gz"
    pdfs = int((graph / "num_pdfs").read_text())
    scores = [(f"u-{n}", rng.standard_normal((60, pdfs)).astype(np.float32)) for n in range(3)]
    words = lattice_set(trained.exp / "graph", scores, DecodeOptions(beam=30.0), [(10, 0.0)], keep=path).words[10, 0.0]
    run("lattice-copy", f"ark:gunzip -c {path} |", f"ark:{tmp_path / 'kaldi.lat'}")
    best = run("lattice-best-path", "--acoustic-scale=0.1", f"ark:gunzip -c {path} |", "ark,t:-").decode().splitlines()
    names = {line.split()[1]: line.split()[0] for line in (graph / "words.txt").read_text().splitlines()}
    found = {line.split()[0]: [names[word] for word in line.split()[1:]] for line in best}
    assert found == words
    assert [utt for utt, _ in read_lattices(path)] == list(words)
