from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.hmm.labels import read_labels
from asr_prune.hmm.mdl import read_mdl, write_mdl
from asr_prune.hmm.tree import read_tree, write_tree
from asr_prune.kaldi.labels import read_kaldi_labels
from asr_prune.kaldi.vectors import read_int_vectors, write_int_vectors

from .conftest import Project

SAT = Path("kaldi/sat")


def write_pdfs(project: Project, path: Path) -> dict[str, np.ndarray]:
    """Text of pdf-ids, as `ali-to-pdf final.mdl ark:- ark,t:-` prints it."""
    labels = read_labels(project.exp / "align/sat/pdf.ark")
    path.write_text("".join(f"{utt} {' '.join(map(str, own))} \n" for utt, own in labels.items()))
    return labels


def same(result: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert result.keys() == expected.keys()
    for utt, own in expected.items():
        np.testing.assert_array_equal(result[utt], own)


@pytest.mark.parametrize("text", [False, True])
def test_an_export_read_back_gives_the_same_labels(project: Project, text: bool) -> None:
    if text:
        write_mdl(SAT / "final.mdl", *read_mdl(SAT / "final.mdl"), binary=False)
        write_tree(SAT / "tree", read_tree(SAT / "tree"), binary=False)
        assert (SAT / "final.mdl").read_text().startswith("<TransitionModel>")
    result = read_kaldi_labels(SAT)
    same(result.pdfs, read_labels(project.exp / "align/sat/pdf.ark"))
    assert result.ids is not None
    same(result.ids, read_labels(project.exp / "align/sat/ali.ark"))
    assert result.num_pdfs == read_mdl(project.exp / "align/sat/final.mdl")[1].num_pdfs


def test_archives_follow_their_numbers_and_one_ark_does_too(project: Project) -> None:
    same(read_kaldi_labels(project.exp / "align/sat").pdfs, read_labels(project.exp / "align/sat/pdf.ark"))
    for job in range(4, 12):
        write_int_vectors(SAT / f"ali.{job}.gz", [(f"zoe-{job}", np.ones(3, np.int32))])
    (SAT / "num_jobs").write_text("11\n")
    assert list(read_kaldi_labels(SAT).pdfs)[-8:] == [f"zoe-{job}" for job in range(4, 12)]


def test_pdf_ids_of_a_file_with_and_without_their_model(project: Project) -> None:
    labels = write_pdfs(project, Path("pdfs.txt"))
    highest = max(int(own.max()) for own in labels.values())
    bare = read_kaldi_labels(Path("pdfs.txt"))
    same(bare.pdfs, labels)
    assert (bare.num_pdfs, bare.hmm, bare.ids) == (highest + 1, None, None)
    assert read_kaldi_labels(Path("pdfs.txt"), pdfs=99).num_pdfs == 99
    modelled = read_kaldi_labels(Path("pdfs.txt"), hmm=SAT)
    assert modelled.num_pdfs == read_mdl(SAT / "final.mdl")[1].num_pdfs
    assert modelled.hmm == SAT


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda: (SAT / "final.mdl").unlink(), r"sat/final\.mdl is missing; copy the final\.mdl and tree"),
        (lambda: (SAT / "tree").unlink(), r"sat/tree is missing"),
        (lambda: (SAT / "ali.2.gz").unlink(), r"kaldi/sat has 2 of 3 archives ali\.\*\.gz"),
        (lambda: [(SAT / f"ali.{job}.gz").unlink() for job in (1, 2, 3)], r"has 0 of 3 archives"),
        (lambda: shutil.copy(SAT / "ali.1.gz", SAT / "ali.3.gz"), r"ann-0 has labels in another archive too"),
        (lambda: (SAT / "final.mdl").write_bytes(b"\0B<Nnet3> "), r"final\.mdl: expected <TransitionModel>"),
    ],
)
def test_a_damaged_folder_is_one_sentence(project: Project, harm: object, sentence: str) -> None:
    harm()  # type: ignore[operator]
    with pytest.raises(UserError, match=sentence):
        read_kaldi_labels(SAT)


def test_a_truncated_archive_is_one_sentence(project: Project) -> None:
    packed = (SAT / "ali.2.gz").read_bytes()
    (SAT / "ali.2.gz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(UserError, match=r"ali\.2\.gz is truncated or damaged"):
        read_kaldi_labels(SAT)
    (SAT / "ali.2.gz").write_bytes(gzip.compress(gzip.decompress(packed)[:-2]))
    with pytest.raises(UserError, match=r"ali\.2\.gz: no Kaldi vector of integers at byte \d+"):
        read_kaldi_labels(SAT)


@pytest.mark.parametrize("odd", [0, -1, 10**6])
def test_ids_that_the_model_lacks_are_one_sentence(project: Project, odd: int) -> None:
    result = read_int_vectors(SAT / "ali.3.gz")
    utt = next(iter(result))
    result[utt][4] = odd
    write_int_vectors(SAT / "ali.3.gz", result.items())
    with pytest.raises(UserError, match=rf"{utt} has transition-id {odd}, final\.mdl has 1 to \d+"):
        read_kaldi_labels(SAT)


def test_pdf_ids_out_of_range_are_one_sentence(project: Project) -> None:
    Path("pdfs.txt").write_text("ann-0 0 1 7\n")
    with pytest.raises(UserError, match=r"pdf-ids must be 0 to 4"):
        read_kaldi_labels(Path("pdfs.txt"), pdfs=5)
    Path("pdfs.txt").write_text("ann-0 0 1 -1\n")
    with pytest.raises(UserError, match=r"pdf-ids must be 0 to 1"):
        read_kaldi_labels(Path("pdfs.txt"))
    with pytest.raises(UserError, match=r"hmm\.labels: nowhere does not exist"):
        read_kaldi_labels(Path("nowhere"))
