"""A project folder that is renamed, copied, or reached by a symlink."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

import asr_prune
from asr_prune.cli.main import main
from asr_prune.corpus.datadir import read_table
from asr_prune.recipe.load import load_recipe
from asr_prune.stages import STAGES, all_works
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.runner import Runner

sys.path.insert(0, str(Path(__file__).parent))

from whole import BEGINNING, GIVEN

pytestmark = pytest.mark.trains

RECIPE = (
    BEGINNING
    + """network: {hidden: [32], dropout: 0.1}
train: {epochs: 1, batch: 64, threads: 1, tensorboard: false}
runs: [{name: one, prune: {method: magnitude, keep: 0.5}}]
decode: {lm_weights: [8, 10], penalties: [0.0]}
score: {bootstrap: 100}
"""
)


def due(recipe: str = "recipes/tiny") -> list[str]:
    """Works that are due in the project of the current folder."""
    experiment = Experiment(load_recipe(recipe), 1)
    states = Runner(experiment.layout).survey(all_works(experiment))
    return [f"{state.work.title}: {state.why}" for state in states if state.due]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with all stages done, which is moved before it is used; the script lies in it."""
    here = tmp_path_factory.mktemp("projects") / "before"
    (here / "recipes/tiny").mkdir(parents=True)
    (here / "recipes/tiny/recipe.yaml").write_text(RECIPE)
    (here / "local").mkdir()
    shutil.copy(Path(__file__).with_name("tiny.py"), here / "local")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        assert [main([verb, *GIVEN]) for verb in STAGES] == [0] * len(STAGES)
        assert due() == []
    return here.rename(here.with_name("after ü, with blanks"))


@pytest.fixture
def project(finished: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(finished)
    return finished


def test_scp_files_name_paths_from_the_project(project: Path) -> None:
    tables = sorted(project.rglob("*.scp"))
    names = {"wav.scp", "feats.scp", "cmvn.scp", "ali.scp", "pdf.scp", "trans.scp"}
    assert {path.name for path in tables} == names
    for path in tables:
        for entry in read_table(path).values():
            assert (project / entry.rpartition(":")[0] or entry).exists(), entry
            assert not Path(entry).is_absolute()


def test_results_do_not_name_the_folder(project: Path) -> None:
    before = str(project.with_name("before")).encode()
    kept = [path for folder in ("data", "exp") for path in Path(folder).rglob("*") if path.is_file()]
    naming = [path for path in kept if before in path.read_bytes() and path.suffix != ".log"]
    assert naming == [Path("exp/tiny/.stages/hashes.json")], "a cache"


def test_after_a_move_everything_is_up_to_date(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert due() == []
    assert main(["due", *GIVEN]) == 0
    lines = [f"{stage}: up to date" for stage in STAGES if stage != "report"]
    assert capsys.readouterr().out.splitlines() == [*lines, "report"], "the report is always printed"


def test_a_corpus_in_the_project_moves_with_it(project: Path) -> None:
    inside = [f"corpus.root={folder / 'corpora/an4'}" for folder in (project, Path())]
    (one, two, outside) = (
        all_works(Experiment(load_recipe("recipes/tiny", [root]), 1))[0]
        for root in (*inside, "corpus.root=/corpora/an4")
    )
    assert one.arguments == two.arguments
    assert outside.arguments["corpus"].root == Path("/corpora/an4")
    assert list(one.scripts) == ["local/tiny.py"]


def test_through_a_symlink_and_in_a_copy_everything_is_up_to_date(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(project)
    monkeypatch.chdir(tmp_path / "link")
    assert due() == due(str(tmp_path / "link/recipes/tiny")) == []
    shutil.copytree(project, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    assert due() == []
    shutil.move("data", tmp_path / "disk")
    Path("data").symlink_to(tmp_path / "disk")
    assert due() == []


def test_archives_and_scp_files_do_not_depend_on_the_folder(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("recipes", "local"):
        shutil.copytree(project / name, tmp_path / "again" / name)
    monkeypatch.chdir(tmp_path / "again")
    assert [main([verb, *GIVEN]) for verb in ("corpus", "lang", "features", "align")] == [0] * 4
    tables = [path for end in ("scp", "ark") for path in Path().rglob(f"*.{end}")]
    assert len(tables) > 20
    for path in tables:
        assert path.read_bytes() == (project / path).read_bytes(), path


def test_a_moved_project_trains_decodes_and_transcribes(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(project, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    again = [*GIVEN, "--set", "seed=2"]
    assert [main([verb, *again]) for verb in ("train", "shrink", "decode", "score")] == [0] * 4
    assert Path("exp/tiny/runs/one-s2/score_test.json").is_file()
    assert "features" not in capsys.readouterr().err
    score = json.loads(Path("exp/tiny/runs/one/score_test.json").read_text())
    assert asr_prune.load_run("exp/tiny/runs/one").score("test").wer == score["wer"]
    (wav,) = Path("data/tiny/audio").glob("eve-0.wav")
    assert main(["transcribe", "exp/tiny/runs/one", str(wav), "--recipe", "recipes/tiny"]) == 0


def test_commands_on_data_work_from_other_folders(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export-kaldi", "exp/tiny/align/sat", str(tmp_path / "here"), "--nj", "2"]) == 0
    monkeypatch.chdir(tmp_path)
    for part in ("train", "dev", "test"):
        assert main(["validate", str(project / "data/tiny" / part)]) == 0
        assert main(["fix", str(project / "data/tiny" / part)]) == 0
    assert main(["export-kaldi", str(project / "exp/tiny/align/sat"), "there", "--nj", "2"]) == 0
    for path in Path("here").rglob("*"):
        assert path.is_dir() or path.read_bytes() == ("there" / path.relative_to("here")).read_bytes()


def test_log_likelihoods_can_be_read_from_anywhere(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["export", "exp/tiny/runs/one", str(tmp_path / "out"), "--loglikes", "--on", "test"]) == 0
    monkeypatch.chdir(tmp_path)
    for entry in read_table(Path("out/test.scp")).values():
        assert entry.rpartition(":")[0] == f"{tmp_path}/out/test.ark"


def test_absolute_entries_of_earlier_versions_are_found_after_a_move(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(project, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    score = Path("exp/tiny/runs/one/score_test.json").read_text()
    for path in (path for path in Path().rglob("*.scp") if path.name != "wav.scp"):
        table = read_table(path)
        path.write_text("".join(f"{key} /gone/project/{entry}\n" for key, entry in table.items()))
        path.with_name("SHA256SUMS").unlink(missing_ok=True)
    assert asr_prune.load_run("exp/tiny/runs/one").score("test").wer == json.loads(score)["wer"]
