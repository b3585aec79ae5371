"""Files are compared with the manifest of their folder before they are read back."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.files import digest
from asr_prune.integrity import MANIFEST, Damaged, checked, forget, record


def written(folder: Path, **contents: bytes) -> list[Path]:
    paths = [folder / name for name in contents]
    for path, content in zip(paths, contents.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    record("graph", {path: digest(path) for path in paths})
    return paths


def damage(path: Path, at: int = 0) -> None:
    """Changes a byte; the times of two changes always differ, as they do outside tests."""
    data, stat = bytearray(path.read_bytes()), path.stat()
    data[at] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1000))


@given(content=st.binary(min_size=1, max_size=200), at=st.integers(0))
def test_any_changed_byte_is_found(tmp_path_factory: pytest.TempPathFactory, content: bytes, at: int) -> None:
    (path,) = written(tmp_path_factory.mktemp("any"), graph=content)
    assert checked(path) is path
    damage(path, at % len(content))
    with pytest.raises(Damaged, match=r"is damaged: its bytes differ .* delete it and run asr-prune graph again"):
        checked(path)


def test_a_shorter_file_is_found_and_a_missing_one_is_left_to_its_reader(tmp_path: Path) -> None:
    one, two = written(tmp_path, one=b"one", two=b"two")
    one.write_bytes(b"on")
    with pytest.raises(Damaged):
        checked(one)
    two.unlink()
    assert checked(two) == two


def test_what_no_manifest_names_is_not_compared(tmp_path: Path) -> None:
    (path,) = written(tmp_path / "ours", graph=b"graph")
    (tmp_path / "ours/other").write_bytes(b"other")
    (tmp_path / "foreign").write_bytes(b"foreign")
    assert checked(tmp_path / "ours/other").is_file()
    assert checked(tmp_path / "foreign").is_file()
    forget([path])
    assert not path.with_name(MANIFEST).exists()
    damage(path)
    assert checked(path) == path


def test_a_folder_that_is_moved_takes_its_manifest_along(tmp_path: Path) -> None:
    written(tmp_path / "here", graph=b"graph")
    path = (tmp_path / "here").rename(tmp_path / "there") / "graph"
    assert checked(path) == path
    damage(path)
    with pytest.raises(Damaged):
        checked(path)


def test_the_way_out_that_the_message_names_works(tmp_path: Path) -> None:
    folder = tmp_path / "a folder's [name]"
    edited, other = written(folder, **{"final.mdl": b"model", "final_mdl": b"other"})
    for path in (edited, other):
        damage(path)
    with pytest.raises(Damaged) as raised:
        checked(edited)
    command = str(raised.value).partition("take its line out of the list: ")[2]
    subprocess.run(command, shell=True, check=True)
    assert checked(edited) == edited
    with pytest.raises(Damaged):
        checked(other)


def test_sha256sum_reads_the_manifest(tmp_path: Path) -> None:
    one, _ = written(tmp_path, one=b"one", two=b"two")
    record("", {one: digest(one)})
    check = ["sha256sum", "--strict", "-c", MANIFEST]
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 0
    damage(one)
    assert subprocess.run(check, cwd=tmp_path, check=False, capture_output=True).returncode == 1


def test_lines_of_several_commands_are_kept(tmp_path: Path) -> None:
    (one,) = written(tmp_path, one=b"one")
    two = tmp_path / "two"
    two.write_bytes(b"two")
    record("align", {two: digest(two)})
    lines = (tmp_path / MANIFEST).read_text().splitlines()
    assert lines == ["# asr-prune align", f"{digest(two)}  two", "# asr-prune graph", f"{digest(one)}  one"]
    forget([two])
    assert (tmp_path / MANIFEST).read_text().splitlines() == lines[2:]


def test_a_damaged_manifest_never_lets_damage_through_and_never_crashes(tmp_path: Path) -> None:
    (path,) = written(tmp_path, graph=b"graph")
    good = (tmp_path / MANIFEST).read_bytes()
    for at in range(len(good)):
        for bit in range(8):
            data = bytearray(good)
            data[at] ^= 1 << bit
            (tmp_path / MANIFEST).unlink()
            (tmp_path / MANIFEST).write_bytes(data)
            try:
                checked(path)
            except UserError as error:
                assert shlex.quote(str(path))[:-1] in str(error)  # noqa: PT017


def test_a_manifest_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (path,) = written(tmp_path, graph=b"graph")
    (tmp_path / MANIFEST).unlink()
    (tmp_path / MANIFEST).mkdir()
    with pytest.raises(UserError, match=r"cannot read .*SHA256SUMS"):
        checked(path)
