"""Whose a missing file is: a stage's, or the user's."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import read_table
from asr_prune.errors import UserError
from asr_prune.layout import Layout, made_by


def test_only_files_of_the_project_are_made_by_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("data/demo/train/text", tmp_path / "exp/demo/graph/HCLG.fst"):
        assert made_by(path, "corpus") == "run the corpus stage, which makes it"
    for path in ("lexicon.txt", "../data/x", "/data/demo/lexicon.txt", tmp_path / "egs/data/train/text"):
        assert made_by(path, "corpus") == "correct its path"


@pytest.mark.parametrize(
    ("table", "stage"),
    [
        ("data/x/dev/text", "corpus"),
        ("data/x/dev/wav.scp", "corpus"),
        ("data/x/dev/feats.scp", "features"),
        ("exp/x/align/sat/pdf.scp", "align"),
        ("exp/x/align/sat/trans.scp", "align"),
        ("exp/x/align/sat/adapt_dev/trans.scp", "graph"),
    ],
)
def test_a_missing_table_names_the_stage_that_writes_it(
    table: str, stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"{table} is missing; run the {stage} stage, which makes it"):
        read_table(Path(table))


def test_a_pass_belongs_to_the_data_beside_exp_through_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, disk = tmp_path / "project", tmp_path / "disk/experiments"
    (project / "data/x").mkdir(parents=True)
    (disk / "x/align/mono").mkdir(parents=True)
    (project / "exp").symlink_to(disk)
    monkeypatch.chdir(project)
    assert Layout.of_pass(Path("exp/x/align/mono")) == Layout("x", project)
    (project / "exp").unlink()
    disk.rename(project / "exp")
    (tmp_path / "mono").symlink_to(project / "exp/x/align/mono")
    assert Layout.of_pass(tmp_path / "mono") == Layout("x", project)


@pytest.mark.parametrize(
    "command",
    [
        ["lm", "text.txt", "--out", "lm.arpa", "--lexicon", "mine.txt"],
        ["lm", "mine.txt", "--out", "lm.arpa"],
        ["validate", "mine.txt"],
        ["fix", "mine.txt"],
        ["export-kaldi", "mine.txt", "out"],
        ["transcribe", "mine.txt.asr", "a.wav"],
    ],
)
def test_no_stage_is_blamed_for_a_file_that_the_user_names(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("YES NO\n")
    assert main(command) == 1
    said = "".join(capsys.readouterr())
    assert "mine.txt" in said
    assert "stage" not in said
