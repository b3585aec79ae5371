from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.kaldi.take_lang import take_lang
from asr_prune.lang.lang import FOLDER_FILES

from .conftest import GIVEN, Project


def test_a_folder_is_taken_as_it_is_and_taken_again_when_it_changes(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(project.data / "lang", "given")
    shutil.rmtree(project.data / "lang")
    (project.data / "local/lm.arpa").unlink()
    given = [*GIVEN, "--set", "lang.folder=given"]
    for printed in ("lang: taking given", "lang: up to date"):
        assert main(["lang", *given]) == 0
        assert printed in capsys.readouterr().out
    for name in FOLDER_FILES:
        assert (project.data / "lang" / name).read_bytes() == (Path("given") / name).read_bytes()
    assert main(["corpus", *given]) == 0
    (Path("given/phones") / "note.txt").write_text("changed")
    assert main(["lang", *given]) == 0
    assert "lang: taking given" in capsys.readouterr().out


def test_what_cannot_be_taken_is_one_sentence(project: Project) -> None:
    with pytest.raises(UserError, match=r"lang.folder: nowhere does not exist"):
        take_lang(Path("nowhere"), Path("out"))
    shutil.copytree(project.data / "lang", "given")
    (Path("given") / "L.fst").write_bytes(b"no FST")
    with pytest.raises(UserError, match=r"given/L.fst is damaged: its bytes differ"):
        take_lang(Path("given"), Path("out"))
    (Path("given") / "SHA256SUMS").unlink()
    with pytest.raises(UserError, match=r"given/L.fst cannot be used: it is not an FST; copy it again"):
        take_lang(Path("given"), Path("out"))
    (Path("given") / "phones/sets.int").unlink()
    with pytest.raises(UserError, match=r"given/phones/sets.int is missing; give lang.folder the folder"):
        take_lang(Path("given"), Path("out"))
    assert not Path("out").exists()


def test_features_without_audio_and_audio_without_features(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    for part in ("train", "dev", "test"):
        (Path("given") / part).mkdir(parents=True)
        for name in ("feats.scp", "cmvn.scp"):
            text = (project.data / part / name).read_text()
            archive = Path("given") / part / name.replace(".scp", ".ark")
            shutil.copyfile(project.data / part / archive.name, archive)
            (Path("given") / part / name).write_text(
                text.replace(str(project.data / part), str(archive.parent.resolve()))
            )
        (project.data / part / "wav.scp").unlink()
    assert main(["features", *GIVEN]) == 1
    assert "wav.scp is missing; run the corpus stage" in capsys.readouterr().err
    taken = [word for kind in ("hmm", "network") for word in ("--set", f"features.{kind}.archives=given")]
    assert main(["features", *GIVEN, *taken]) == 0
