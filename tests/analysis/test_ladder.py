"""The ladder: a row per pass, kept once it is there; medians and ranges over seeds."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

import pytest

from asr_prune.analysis.ladder_table import format_spread, over_seeds
from asr_prune.cli.main import main
from asr_prune.layout import Layout
from asr_prune.run_dir import RunDir

GIVEN = ["--recipe", "recipes/tiny", "--nj", "1"]
_MONO = "{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}"
_SAT = "{type: sat, leaves: 6, gaussians: 30, iterations: 4, grow_iterations: 3, realign: [2], fmllr_iterations: [2]}"
PASSES = ["--set", f"hmm.passes=[{_MONO}, {_SAT}]"]
EXP = Path("exp/tiny")


def _row(name: str, pdfs: int, dev: float, test: float | None) -> dict[str, object]:
    figures = {"wer_dev": dev, "wer_test": test, "wer_test_tuned": test, "seconds": 2.0}
    return {"pass": name, "pdfs": pdfs, "gaussians": 9, **figures}


def test_medians_and_ranges_are_those_of_each_pass_alone() -> None:
    seeds = [[_row("mono", 5, dev, dev + 1), _row("tri", 7, 2 * dev, None)] for dev in (3.0, 1.0, 8.0, 2.0)]
    mono, tri = over_seeds(seeds)
    assert mono["wer_dev"] == {"median": 2.5, "low": 1.0, "high": 8.0, "values": [3.0, 1.0, 8.0, 2.0]}
    assert mono["wer_test"]["median"] == median([4.0, 2.0, 9.0, 3.0])
    assert (tri["pass"], tri["wer_dev"]["high"], tri["wer_test"]) == ("tri", 16.0, None)
    lines = format_spread([mono, tri], [4, 5, 6, 7])
    assert "2.50 [1.00, 8.00]" in lines[1]
    assert "3.50 [2.00, 9.00]" in lines[1]
    assert lines[2].split("] ")[3].split()[0] == "-"
    assert "over 4 seeds, 4 to 7" in lines[-1]


def test_a_layout_with_another_seed_has_labels_of_its_own_and_shares_the_data(tmp_path: Path) -> None:
    base = Layout("x", tmp_path)
    other = base.of_part("seeds/7")
    assert other.data == base.data == tmp_path / "data/x"
    assert other.hmm("mono") == tmp_path / "exp/x/seeds/7/align/mono"
    assert Layout.of_pass(other.hmm("mono")) == other
    assert Layout.of_pass(base.hmm("mono")) == base
    assert Layout.of_run(RunDir(Path("exp/x/seeds/7/runs/a"))) == Layout("x/seeds/7")


@pytest.mark.parametrize("name", ["x", "x/seeds/7", "x/folds-10/3", "folds-3", "seeds", "seeds/folds-3/2"])
def test_a_part_of_an_experiment_is_known_by_its_folder(tmp_path: Path, name: str) -> None:
    layout = Layout(name, tmp_path)
    assert Layout.of_pass(layout.hmm("mono")) == layout
    assert Layout.of_run(RunDir(Path("exp") / name / "runs/a")) == Layout(name)
    assert layout.whole.of_part(layout.part) == layout
    assert layout.whole.name == name.split("/")[0]
    assert layout.fold == (name.split("/")[2] if "folds-" in name.partition("/")[2] else "")
    assert layout.data == tmp_path / "data" / (name if layout.fold else layout.whole.name)
    assert layout.lock == layout.whole.lock


@pytest.mark.trains
def test_seeds_share_the_data_and_what_is_done_is_not_done_again(
    tones: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [*GIVEN, *PASSES]
    assert [main([verb, *given]) for verb in ("corpus", "lang", "features")] == [0] * 3
    assert main(["ladder", *given]) == 0
    alone = json.loads((EXP / "align/ladder.json").read_text())
    before = {path: path.stat().st_mtime_ns for path in Path("data").rglob("*") if path.is_file()}
    capsys.readouterr()

    assert main(["ladder", *given, "--seeds", "2"]) == 0
    said = capsys.readouterr().out
    assert said.count("ladder mono: up to date") == 1
    assert said.count("decoding and scoring pass sat") == 1
    assert "Median [lowest, highest] over 2 seeds, 1 to 2." in said
    assert {path: path.stat().st_mtime_ns for path in before} == before
    other = json.loads((EXP / "seeds/2/align/ladder.json").read_text())
    found = json.loads((EXP / "align/ladder_seeds.json").read_text())
    assert found == {"seeds": [1, 2], "passes": over_seeds([alone, other])}

    assert main(["ladder", *given, "--seeds", "3"]) == 0
    assert capsys.readouterr().out.count("ladder sat: up to date") == 2
    again = json.loads((EXP / "align/ladder_seeds.json").read_text())
    for before_it, after in zip(found["passes"], again["passes"], strict=True):
        assert after["wer_test_tuned"]["values"][:2] == before_it["wer_test_tuned"]["values"]
    models = {path.read_bytes() for path in EXP.glob("**/mono/final.mdl")}
    assert len(models) == 3


def test_what_a_failed_ladder_says_goes_on_with_the_ladder(tones: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ladder", *GIVEN, "--set", "decode.type=ctc", "--seeds", "2"]) == 1
    said = capsys.readouterr().err
    assert "CTC has none" in said
    assert "asr-prune ladder --recipe recipes/tiny --nj 1 --set decode.type=ctc --seeds 2" in said
    assert main(["ladder", *GIVEN, "--set", "seed=2147483646", "--seeds", "3"]) == 1
    said = capsys.readouterr().err
    assert "the last seed must be" in said
    assert "ask for fewer" in said
