from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from asr_prune.corpus.datadir import DataDir, audio_files, read_table
from asr_prune.corpus.fix import fix
from asr_prune.corpus.scp import archive_path, audio_paths, project_path, project_paths
from asr_prune.corpus.validate import validate


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a blank and an umlaut in its path."""
    here = tmp_path / "a project ü"
    here.mkdir()
    monkeypatch.chdir(here)
    return here


def write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_paths_below_the_current_folder_become_relative(project: Path, tmp_path: Path) -> None:
    inside, outside = Path("data/demo/a b.ark"), tmp_path / "corpus/x.wav"
    assert project_path(inside) == project_path(project / inside) == inside
    assert project_path(outside) == outside
    assert project_path("../corpus/x.wav").is_absolute()
    (tmp_path / "link").symlink_to(project)
    assert project_path(tmp_path / "link" / inside) == inside
    (tmp_path / "disk").mkdir()
    Path("data").symlink_to(tmp_path / "disk")
    assert project_path(inside) == project_path(project / inside) == inside
    assert project_path(tmp_path / "disk/x.wav") == tmp_path / "disk/x.wav"


def test_only_absolute_entries_of_files_are_changed(project: Path, tmp_path: Path) -> None:
    table = {
        "a": f"{project}/data/x y.wav",
        "b": f"{tmp_path}/corpus/x.wav",
        "c": "wav/x.wav",
        "d": f"{project}/bin/sph2pipe {project}/x.sph |",
        "e": f"{project}/feats.ark:12",
    }
    expected = table | {"a": "data/x y.wav", "e": "feats.ark:12"}
    assert project_paths(table) == expected


def test_an_archive_is_looked_for_in_the_order_that_is_documented(project: Path, tmp_path: Path) -> None:
    scp, entry = write(tmp_path / "other/exp/tri/trans.scp"), "exp/tri/trans.ark"
    beside, here = write(scp.with_suffix(".ark")), write(project / entry)
    assert archive_path(scp, entry) == str(beside), "not the archive of the current project"
    beside.unlink()
    assert archive_path(scp, entry) == entry
    here.unlink()
    assert archive_path(scp, entry) == entry, "there is none"
    above = write(tmp_path / "other/mfcc/raw.ark")
    assert archive_path(scp, "mfcc/raw.ark") == str(above)
    write(project / "mfcc/raw.ark")
    assert archive_path(scp, "mfcc/raw.ark") == "mfcc/raw.ark", "from the current folder, as in Kaldi"
    assert archive_path(scp, "kaldi/mfcc/raw.ark") == "kaldi/mfcc/raw.ark"
    last = write(scp.with_name("raw.ark"))
    assert archive_path(scp, "kaldi/mfcc/raw.ark") == str(last)


def test_an_absolute_archive_is_taken_as_it_stands_or_beside_its_scp(project: Path, tmp_path: Path) -> None:
    scp, entry = write(project / "data/demo/train/feats.scp"), write(tmp_path / "old/data/demo/train/feats.ark")
    beside = write(scp.with_suffix(".ark"))
    assert archive_path(scp, str(entry)) == str(entry)
    entry.unlink()
    assert archive_path(scp, str(entry)) == str(beside)
    assert archive_path(scp.relative_to(project), str(entry)) == "data/demo/train/feats.ark"


def test_in_the_project_entries_stay_as_they_are(project: Path) -> None:
    entry = "data/demo/train/feats.ark"
    write(project / entry)
    for folder in (Path(), project):
        assert archive_path(folder / "data/demo/train/feats.scp", entry) == entry
        table = {"a": "data/demo/train/x.wav", "b": "x.wav", "c": "/corpus/x.wav", "d": "", "e": "cat data/x |"}
        assert audio_paths(folder / "data/demo/train/wav.scp", table) == table


@pytest.fixture
def inside(data: DataDir, project: Path) -> DataDir:
    """`data`, with its audio in the current project."""
    (project / "data/demo/audio").mkdir(parents=True)
    for place in data.wavs.values():
        shutil.copy(place, project / "data/demo/audio")
    made = DataDir(project / "data/demo/train", {}, data.text, data.utt2spk)
    made.wavs = {key: f"{project}/data/demo/audio/{Path(place).name}" for key, place in data.wavs.items()}
    made.write()
    return made


def test_data_directories_are_usable_from_other_folders_and_after_a_move(
    inside: DataDir, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = read_table(inside.path / "wav.scp")
    assert places == {key: f"data/demo/audio/{Path(place).name}" for key, place in inside.wavs.items()}
    assert DataDir.read("data/demo/train").wavs == places
    assert validate("data/demo/train") == fix("data/demo/train") == []
    moved = project.rename(tmp_path / "moved")
    shutil.copytree(moved, tmp_path / "copy")
    damaged = next(iter(places.values()))
    (tmp_path / "copy" / damaged).write_bytes(b"")
    for folder in (tmp_path / "copy", tmp_path, moved / "data", moved):
        monkeypatch.chdir(folder)
        assert validate(moved / "data/demo/train") == []
        assert fix(moved / "data/demo/train") == []
        assert {path.resolve() for path in audio_files([moved / "data/demo/train"])} == {
            (moved / place).resolve() for place in places.values()
        }
    assert "1 empty audio file" in validate(tmp_path / "copy/data/demo/train")[0]


def test_fix_keeps_entries_as_they_are(inside: DataDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {key: f"two  blanks/feats.ark:{at}" for at, key in enumerate(inside.wavs)}
    (inside.path / "feats.scp").write_text("".join(f"{key} {place}\n" for key, place in entries.items()))
    places = read_table(inside.path / "wav.scp")
    first = next(iter(entries))
    (inside.path / "text").write_text("".join(f"{key} YES\n" for key in places if key != first))
    monkeypatch.chdir(tmp_path)
    assert fix(inside.path)[0] == f"dropped 1 utterance missing in text: {first}."
    del entries[first], places[first]
    assert read_table(inside.path / "feats.scp") == entries
    assert read_table(inside.path / "wav.scp") == places
