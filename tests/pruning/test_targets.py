"""A method is told how much is to remain, or has a target of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asr_prune.cli.main import main
from asr_prune.pruning.registry import find_options, method_names

TINY = Path(__file__).resolve().parents[1] / "stages/tiny.py"


def made(method: str, **asked: Any) -> Any:
    cls = find_options(method)
    return cls(**(cls.usual(asked) | asked), method=method)


@pytest.mark.parametrize("method", sorted({*method_names()} - {"none", "dsd", "map"}))
def test_a_method_that_is_told_no_target_is_refused(method: str) -> None:
    with pytest.raises(ValueError, match=f"{method} needs .*budget.*: nothing says how much is to remain"):
        made(method).check_target()


@pytest.mark.parametrize(
    ("method", "asked"),
    [
        ("none", {}),
        ("dsd", {}),
        ("dsd", {"granularity": "node"}),
        ("map", {}),
        ("map", {"granularity": "node"}),
        ("gradual", {"granularity": "weight"}),
        ("dense_small", {"like": "other"}),
        ("group_lasso", {"strength": 0.0}),
        ("group_lasso", {"inputs": 0.5}),
        ("magnitude", {"output_rank": 4}),
    ],
)
def test_what_says_how_much_is_to_remain(method: str, asked: dict[str, Any]) -> None:
    made(method, **asked).check_target()


@pytest.mark.parametrize("verb", ["check", "train"])
def test_a_run_without_a_target_is_refused_before_anything_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    (tmp_path / "recipes/tiny").mkdir(parents=True)
    (tmp_path / "recipes/tiny/recipe.yaml").write_text(f"corpus: {{prepare: {TINY}}}\nprune: {{keep: 0.5}}\n")
    monkeypatch.chdir(tmp_path)
    assert main([verb, "--recipe", "recipes/tiny", "--set", "prune={method: gradual}"]) == 1
    said = "--set prune={method: gradual}: run gradual: prune: gradual needs keep or budget: nothing says how much"
    assert said in capsys.readouterr().err
