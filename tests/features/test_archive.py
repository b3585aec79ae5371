from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.features.archive import kaldi_io, places_of, read_matrices, rows_of_places, write_matrices

shapes = st.lists(st.tuples(st.integers(0, 7), st.integers(1, 7), st.sampled_from(["float32", "float64"])), max_size=6)


def write(folder: Path, count: int = 3) -> dict[str, np.ndarray]:
    dice = np.random.default_rng(0)
    made = {f"utt{number}": dice.normal(size=(number + 2, 4)).astype(np.float32) for number in range(count)}
    write_matrices(folder / "feats", made.items())
    return made


@given(shapes)
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, sizes: list) -> None:
    folder = tmp_path_factory.mktemp("ark")
    dice = np.random.default_rng(0)
    made = {f"é{n}": dice.normal(size=(rows, columns)).astype(kind) for n, (rows, columns, kind) in enumerate(sizes)}
    write_matrices(folder / "m", made.items())
    found = dict(read_matrices(folder / "m.scp"))
    assert list(found) == list(made)
    for key, matrix in found.items():
        assert matrix.dtype == made[key].dtype
        np.testing.assert_array_equal(matrix, made[key])


def test_kaldi_io_itself_reads_both_files(tmp_path: Path) -> None:
    made = write(tmp_path)
    for found in (
        kaldi_io.read_mat_scp(str(tmp_path / "feats.scp")),
        kaldi_io.read_mat_ark(str(tmp_path / "feats.ark")),
    ):
        for key, matrix in found:
            np.testing.assert_array_equal(matrix, made.pop(key) if len(made) == 1 else made[key])


def test_the_bytes_are_those_of_kaldis_format(tmp_path: Path) -> None:
    write_matrices(tmp_path / "m", [("utt", np.array([[1.5, -2.0]], np.float32))])
    header = b"utt \0BFM \x04\x01\0\0\0\x04\x02\0\0\0"
    assert (tmp_path / "m.ark").read_bytes() == header + np.array([1.5, -2.0], "<f4").tobytes()
    assert (tmp_path / "m.scp").read_text() == f"utt {tmp_path}/m.ark:4\n"


def test_an_index_in_a_project_is_relative_and_moves_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = tmp_path / "a project ü"
    project.mkdir()
    matrix = np.array([[1.5, -2.0]], np.float32)
    write_matrices(project / "data/demo/feats", [("utt", matrix)])
    monkeypatch.chdir(project)
    for stem in (Path("data/demo/m"), project / "data/demo/m"):
        write_matrices(stem, [("utt", matrix)])
        assert Path("data/demo/m.scp").read_text() == "utt data/demo/m.ark:4\n"
    assert [key for key, _ in kaldi_io.read_mat_scp("data/demo/m.scp")] == ["utt"]
    assert Path("data/demo/m.ark").read_bytes() == Path("data/demo/feats.ark").read_bytes()
    write_matrices(Path("data/demo/everywhere"), [("utt", matrix)], place=Path("data/demo/everywhere").absolute())
    assert Path("data/demo/everywhere.scp").read_text() == f"utt {project}/data/demo/everywhere.ark:4\n"
    moved = project.rename(tmp_path / "moved")
    for folder in (tmp_path, moved, moved / "data/demo"):
        monkeypatch.chdir(folder)
        for name in ("m", "feats", "everywhere"):
            (read,) = read_matrices(moved / f"data/demo/{name}.scp")
            np.testing.assert_array_equal(read[1], matrix)
            assert rows_of_places(places_of(moved / f"data/demo/{name}.scp")) == {"utt": 1}


def test_another_project_of_the_same_recipe_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        write_matrices(Path("exp/demo/trans"), [("utt", np.full((1, 1), number, np.float32))])
    (read,) = read_matrices(tmp_path / "one/exp/demo/trans.scp")
    assert read[1] == 0


def test_blanks_in_the_path_of_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    matrix = np.array([[1.5, -2.0]], np.float32)
    write_matrices(Path("data/my  own ü/m"), [("utt", matrix)])
    assert Path("data/my  own ü/m.scp").read_text() == "utt data/my  own ü/m.ark:4\n"
    np.testing.assert_array_equal(next(read_matrices(Path("data/my  own ü/m.scp")))[1], matrix)


def test_single_matrices_can_be_asked_for_in_any_order(tmp_path: Path) -> None:
    made = write(tmp_path)
    assert [key for key, _ in read_matrices(tmp_path / "feats.scp", ["utt2", "utt0"])] == ["utt2", "utt0"]
    (found,) = read_matrices(tmp_path / "feats.scp", ["utt1"])
    np.testing.assert_array_equal(found[1], made["utt1"])


def test_matrices_stored_by_column_are_written_by_row(tmp_path: Path) -> None:
    matrix = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    write_matrices(tmp_path / "m", [("utt", matrix)])
    np.testing.assert_array_equal(next(read_matrices(tmp_path / "m.scp"))[1], matrix)


def test_a_failing_writer_leaves_nothing(tmp_path: Path) -> None:
    def matrices() -> object:
        yield "utt", np.zeros((1, 1), np.float32)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        write_matrices(tmp_path / "m", matrices())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_damage_is_one_sentence(tmp_path: Path) -> None:
    write(tmp_path)
    scp, ark = tmp_path / "feats.scp", tmp_path / "feats.ark"
    with pytest.raises(UserError, match="no matrix for utt9; run the features stage"):
        list(read_matrices(scp, ["utt9"]))
    ark.write_bytes(ark.read_bytes()[:-3])
    with pytest.raises(UserError, match="the matrix of utt2 is damaged"):
        list(read_matrices(scp))
    ark.unlink()
    with pytest.raises(UserError, match=r"feats.ark, named in .*, cannot be read"):
        list(read_matrices(scp))
    scp.write_text("utt0 copy-feats ark:x ark:- |\n")
    with pytest.raises(UserError, match="pipes are not run"):
        list(read_matrices(scp))
    scp.unlink()
    with pytest.raises(UserError, match=r"feats.scp is missing; correct its path"):
        list(read_matrices(scp))


def test_importing_says_nothing_and_changes_nothing() -> None:
    code = "import os; a = dict(os.environ); import asr_prune.features.archive; assert dict(os.environ) == a"
    env = {key: value for key, value in os.environ.items() if key != "KALDI_ROOT"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("entry_range", "rows", "columns"),
    [
        ("", (0, 20), (0, 4)),
        ("[0:9]", (0, 10), (0, 4)),
        ("[5:5]", (5, 6), (0, 4)),
        ("[3:12,1:2]", (3, 13), (1, 3)),
        ("[:,0:0]", (0, 20), (0, 1)),
        ("[4:7,:]", (4, 8), (0, 4)),
        ("[10:22]", (10, 20), (0, 4)),  # up to 3 rows beyond, as Kaldi allows
    ],
)
@pytest.mark.parametrize("stored_as", ["plain", "compressed"])
def test_kaldis_ranges_are_inclusive(
    tmp_path: Path, entry_range: str, rows: tuple[int, int], columns: tuple[int, int], stored_as: str
) -> None:
    if stored_as == "plain":
        matrix = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
        write_matrices(tmp_path / "feats", [("utt", matrix)])
    else:
        matrix = np.arange(80, dtype=np.float32).reshape(20, 4)
        head = b"utt \0BCM3 " + struct.pack("<ffii", 0.0, 255.0, 20, 4)
        (tmp_path / "feats.ark").write_bytes(head + matrix.astype("u1").tobytes())
    (tmp_path / "feats.scp").write_text(f"utt {tmp_path}/feats.ark:4{entry_range}\n")
    expected = matrix[slice(*rows), slice(*columns)]
    ((_, found),) = read_matrices(tmp_path / "feats.scp")
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert rows_of_places(places_of(tmp_path / "feats.scp")) == {"utt": len(expected)}


@pytest.mark.parametrize("entry_range", ["[0:23]", "[20:20]", "[7:3]", "[0:5,0:4]", "[0:5,3:2]"])
def test_a_range_that_is_not_in_the_matrix_is_one_sentence(tmp_path: Path, entry_range: str) -> None:
    write_matrices(tmp_path / "feats", [("utt", np.ones((20, 4), np.float32))])
    (tmp_path / "feats.scp").write_text(f"utt {tmp_path}/feats.ark:4{entry_range}\n")
    with pytest.raises(UserError, match=r"feats\.ark: the range of utt is not within its matrix .*; correct"):
        list(read_matrices(tmp_path / "feats.scp"))


@pytest.mark.parametrize(
    "place",
    ["feats.ark:" + "9" * length for length in (5, 10, 15, 18, 19, 30, 5000)]
    + ["feats.ark:²", "feats.ark:-4", "feats.ark:4[0:9", "feats.ark:4[0:9:2]", "feats.ark:4[a:b]", "feats.ark:4[]"],
)
def test_an_entry_that_no_archive_can_have_is_one_sentence(tmp_path: Path, place: str) -> None:
    says = "utt is not `archive:offset`|where the matrix of utt should be|cannot be read"
    write_matrices(tmp_path / "feats", [("utt", np.ones((20, 4), np.float32))])
    (tmp_path / "feats.scp").write_text(f"utt {tmp_path}/{place}\n")
    with pytest.raises(UserError, match=says):
        list(read_matrices(tmp_path / "feats.scp"))
    with pytest.raises(UserError, match=says):
        rows_of_places(places_of(tmp_path / "feats.scp"))
