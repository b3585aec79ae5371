"""What verbs share."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.run_dir import RunDir

SCRIPT = "def prepare(root, out, seed):\n    pass\n"
RUN = "exp/tiny/runs/dense"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a run whose files cannot be read."""
    monkeypatch.chdir(tmp_path)
    run = RunDir(Path(RUN))
    for path, text in (
        (Path("recipes/tiny/recipe.yaml"), "corpus: {prepare: local/tiny.py}\ndecode: {type: hmm}\n"),
        (Path("local/tiny.py"), SCRIPT),
        (run.shrunk, "no network"),
        (run.before_cut, "no network"),
        (run.score("dev"), "no score"),
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    "more",
    [
        ["ctm", RUN, "--on", "dev", "--confidence", "--nj", "3"],
        ["verify", RUN, "--recipe", "recipes/tiny", "--set", "name=tiny", "--nj", "3"],
        ["widths", RUN, "--set", "decode.beam=9.25", "--set", "score.equivalents=[[WE, KNOW]]"],
    ],
)
def test_the_command_to_go_on_with_has_every_option(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(more) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    quoted = [f"'{word}'" if "[" in word else word for word in more]
    assert last == f"go on with: asr-prune {' '.join(quoted)}"


@pytest.mark.parametrize("verb", ["pack", "export", "widths", "ctm"])
def test_verbs_of_this_machine_alone_know_no_executor(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    more = {"pack": ["out.asr"], "export": ["out", "--onnx"]}
    words = ["exp/demo/runs/dense", *more.get(verb, [])]
    with pytest.raises(SystemExit):
        main([verb, *words, "--executor", "local"])
    assert "unrecognized arguments: --executor local" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([verb, "--help"])
    assert "--nj" in capsys.readouterr().out
