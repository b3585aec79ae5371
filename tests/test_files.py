"""What is written is whole or not there, and a link that leads nowhere is not taken for nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.fix import fix
from asr_prune.corpus.validate import validate
from asr_prune.errors import UserError
from asr_prune.export.places import export_dir
from asr_prune.features.online.directory import find_files
from asr_prune.files import atomic, atomic_dir, present, scratch_dir
from asr_prune.kaldi.vosk_links import link_as_vosk
from asr_prune.lang.lexicon import chosen_lexicon
from asr_prune.nnet3.places import model_file, opens_in_vosk
from asr_prune.recipe.packaged import start_project
from tests.features.online.small import write_vosk

Write = Callable[[Path], AbstractContextManager[Any]]


@contextmanager
def exported(path: Path) -> Iterator[Path]:
    with export_dir(path, "vosk") as partial:
        yield partial


WAYS: list[Write] = [atomic, atomic_dir, scratch_dir, exported]


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_leaves_no_folder(way: Write, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for place in ("new/deep/x", "old/x", "old/deep/x"):
        with pytest.raises(UserError, match="refused"), way(tmp_path / place):
            raise UserError("refused")
    assert [path.name for path in tmp_path.rglob("*")] == ["old"]


@pytest.mark.parametrize("way", [atomic, atomic_dir])
def test_what_others_wrote_meanwhile_stays(way: Write, tmp_path: Path) -> None:
    def write() -> None:
        with way(tmp_path / "new/deep/x"):
            (tmp_path / "new/other").touch()
            raise UserError("refused")

    with pytest.raises(UserError, match="refused"):
        write()
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["other"]


@pytest.mark.parametrize("way", [atomic, atomic_dir, scratch_dir])
def test_a_failure_beside_it_harms_no_other_writer(way: Write, tmp_path: Path) -> None:
    """One removes the folder that it made just when another begins in it."""

    def fails(place: Path) -> None:
        with suppress(UserError), way(place / "bad"):
            raise UserError("refused")

    def works(place: Path) -> None:
        with way(place / "good"):
            pass

    with ThreadPoolExecutor(2) as pool:
        for i in range(150):
            both = [pool.submit(work, tmp_path / str(i)) for work in (fails, works)]
            assert [each.result() for each in both] == [None, None]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Nobody may search the folder, for whom modes count."""
    folder.mkdir()
    folder.chmod(0)
    own = os.geteuid()
    try:
        if own == 0:
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(own)
        folder.chmod(0o700)


@pytest.mark.parametrize("way", WAYS)
def test_a_folder_that_may_not_be_searched_is_one_sentence(way: Write, tmp_path: Path) -> None:
    place = tmp_path / "locked"
    with locked(place), pytest.raises(UserError, match="Permission denied; "), way(place / "x"):
        pytest.fail("the work has begun")
    with locked(tmp_path / "another"), pytest.raises(UserError, match="x cannot be read: Permission denied; let this"):
        present(tmp_path / "another/x")


def test_the_folder_that_a_link_leads_to_is_replaced(tmp_path: Path) -> None:
    disk, link = tmp_path / "disk/place", tmp_path / "project/place"
    link.parent.mkdir()
    disk.mkdir(parents=True)
    (disk / "old").touch()
    link.symlink_to(disk)
    with atomic_dir(link) as partial:
        (partial / "new").touch()
    assert link.is_symlink()
    assert [path.name for path in disk.iterdir()] == ["new"]
    assert [path.name for path in disk.parent.iterdir()] == ["place"]


def link(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to("gone")
    return path


@pytest.mark.parametrize("way", [atomic, atomic_dir, scratch_dir, exported])
def test_a_folder_that_is_a_dangling_link_is_named(way: Write, tmp_path: Path) -> None:
    place = link(tmp_path / "exp")
    with pytest.raises(UserError, match=r"exp is a link to gone, which does not exist; correct"), way(place / "a/x"):
        pass
    assert os.readlink(place) == "gone"


@pytest.mark.parametrize("way", [atomic_dir, exported])
def test_a_dangling_link_is_not_replaced_by_a_folder(way: Write, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="x is a link to gone"), way(link(tmp_path / "x")):
        pytest.fail("the work has begun")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_is_present(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    assert present(tmp_path / "file")
    assert present(tmp_path / "link")
    assert not present(tmp_path / "nothing")
    with pytest.raises(UserError, match="is a link to gone"):
        present(link(tmp_path / "dangling"))


def recipe(folder: Path) -> None:
    link(folder / "recipes/demo/recipe.yaml")
    start_project(folder, "demo")


def vosk_stats(folder: Path) -> None:
    find_files(link(write_vosk(folder) / "am/global_cmvn.stats").parent.parent)


def vosk_graph(folder: Path) -> None:
    (write_vosk(folder) / "conf/model.conf").touch()
    (folder / "am/final.mdl").touch()
    link(folder / "graph/HCLG.fst")
    opens_in_vosk(folder)


def boundaries(folder: Path) -> None:
    (write_vosk(folder) / "am/final.mdl").touch()
    for name in ("HCLG.fst", "words.txt"):
        (folder / name).touch()
    link(folder / "phones/word_boundary.int")
    link_as_vosk(folder, folder, True, folder / "out")


#: reading, or writing, by the link that it would take for nothing
OTHERS: dict[str, Callable[[Path], object]] = {
    "recipe.yaml": recipe,
    "global_cmvn.stats": vosk_stats,
    "HCLG.fst": vosk_graph,
    "word_boundary.int": boundaries,
    "am/final.mdl": lambda folder: model_file(link(folder / "am/final.mdl").parent.parent),
    "lexiconp.txt": lambda folder: chosen_lexicon(link(folder / "lexiconp.txt").parent),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_dangling_link_is_named_where_a_file_may_be_missing(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=rf"{name} is a link to gone, which does not exist"):
        OTHERS[name](tmp_path / "folder")


@pytest.mark.parametrize("name", ["segments", "wav.scp", "text"])
def test_a_data_directory_with_a_dangling_table(name: str, tmp_path: Path) -> None:
    """Without its segments, wav.scp names utterances of other ids, and `fix` drops those of text."""
    data = DataDir(tmp_path / "data", {"a-1": "a.wav"}, {"a-1": ["yes"]}, {"a-1": "a"})
    data.write()
    before = {path.name: path.read_bytes() for path in data.path.iterdir() if path.name != name}
    said = f"{link(data.path / name)} is a link to gone, which does not exist"
    for read in (DataDir.read, fix):
        with pytest.raises(UserError) as caught:
            read(data.path)
        assert str(caught.value).startswith(said)
    assert any(problem.startswith(said) for problem in validate(data.path))
    assert {path.name: path.read_bytes() for path in data.path.iterdir() if path.name != name} == before


def test_commands_name_the_link(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(link(tmp_path / "project")), "--recipe", "demo"]) == 1
    assert f"{tmp_path}/project is a link to gone, which does not exist" in capsys.readouterr().err
