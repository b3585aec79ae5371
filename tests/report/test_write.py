"""The whole report from invented runs."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from asr_prune.errors import UserError
from asr_prune.report.options import ReportOptions
from asr_prune.report.page import summary
from asr_prune.report.results import references
from asr_prune.report.write import write_report
from tests.report.conftest import invented

from .conftest import run_files

PICTURES = [f"{name}.{kind}" for name in ("costs", "norms", "wer_vs_nodes") for kind in ("png", "svg")]
FILES = sorted([*PICTURES, "comparison.json", "index.html", "results.csv", "results.json"])


@pytest.fixture
def exp(tmp_path: Path, make_run) -> Path:
    make_run("dense", "none", 1024, 10.0, norms=256)
    make_run("half", "group_lasso", 512, 10.5, norms=128, keep_asked=0.5, converged=True, colour="<b>&new</b>")
    make_run("quarter", "group_lasso", 256, 12.5, norms=64, rtf_decode=float("nan"), command="./run.sh --set a='<1>'")
    (tmp_path / "demo/runs/halfway").mkdir()
    return tmp_path / "demo"


def test_all_files_and_the_table(exp: Path) -> None:
    text = write_report(run_files(exp), exp / "report", "demo")
    assert sorted(path.name for path in (exp / "report").iterdir()) == FILES
    assert text.index("dense") < text.index("half") < text.index("quarter")
    assert "skipped: 1\n  halfway: no result.json" in text


def test_a_run_that_recognised_nothing_is_remarked_upon(exp: Path, make_run) -> None:
    assert "are deleted" not in write_report(run_files(exp), exp / "report", "demo")
    for run, deleted in (("silent", 500), ("nearly", 480), ("poor", 470)):
        make_run(run, "l2", 8, 99.0, errors_test={"sub": 0, "ins": 0, "del": deleted})
    text = write_report(run_files(exp), exp / "report", "demo")
    remark = "silent, test: 500 of 500 words are deleted: check that network, labels and graph belong together"
    assert remark in text
    assert "nearly, test: 480 of 500 words are deleted" in text
    assert "poor, test" not in text
    assert remark in (exp / "report/index.html").read_text()


def test_json_is_sorted_keeps_what_runs_added_and_is_strict(exp: Path) -> None:
    write_report(run_files(exp), exp / "report", "demo")
    rows = json.loads((exp / "report/results.json").read_text(), parse_constant=pytest.fail)
    assert [row["run"] for row in rows] == ["quarter", "half", "dense"]
    assert rows[1]["colour"] == "<b>&new</b>"
    assert rows[0]["rtf_decode"] is None
    assert rows[0]["errors_test"] == {"sub": 30, "ins": 5, "del": 9}


def test_csv_has_the_contract_first_and_flat(exp: Path) -> None:
    write_report(run_files(exp), exp / "report", "demo")
    with open(exp / "report/results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    keys = list(rows[0])
    assert keys[:3] == ["run", "recipe", "method"]
    assert keys[keys.index("command") + 1 :][:3] == ["cer_dev", "cer_test", "colour"]
    assert rows[1]["nodes_per_layer"] == "128 128 128 128"
    assert rows[1]["errors_test.sub"] == "30"


def test_page_needs_no_other_file_and_escapes(exp: Path) -> None:
    write_report(run_files(exp), exp / "report", "demo", ReportOptions(title="Demo <3"))
    page = (exp / "report/index.html").read_text()
    result: list[str] = []

    class Sources(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            result.extend(value or "" for name, value in attrs if name == "src")

    Sources().feed(page)
    assert len(result) == 3
    assert all(source.startswith("data:image/webp;base64,") for source in result)
    assert "Demo &lt;3" in page
    assert "a=&#x27;&lt;1&gt;&#x27;" in page
    assert "<b>&new" not in page
    assert "interval is half: 512 nodes (50 %) at 10.50 %" in page


def test_twice_gives_the_same_files(exp: Path) -> None:
    write_report(run_files(exp), exp / "report", "demo")
    first = {name: (exp / "report" / name).read_bytes() for name in FILES}
    write_report(run_files(exp), exp / "report", "demo")
    assert {name: (exp / "report" / name).read_bytes() for name in FILES} == first


def test_no_runs(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no finished run"):
        write_report([], tmp_path / "empty", "empty")
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize("wrong", [{"dpi": 10}, {"width": 80}])
def test_options_refuse(wrong: dict) -> None:
    with pytest.raises(ValueError, match="must"):
        ReportOptions(**wrong)


def test_neither_torch_nor_a_display_is_needed() -> None:
    modules = "import sys, asr_prune.report.write, asr_prune.score.write"
    code = f"{modules}; sys.exit('torch' in sys.modules or 'matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_means_over_folds_are_told_as_whole_numbers() -> None:
    dense = invented("dense", "none", 1024, 20.0)
    row = invented("a", "l2", 512, 20.0, params=9000 + 1 / 3)
    said = summary([dense, replace(row, nodes=512 - 1 / 3), replace(row, run="b", nodes=600, params=8000 + 1 / 3)])
    assert "is a: 512 nodes" in said
    assert "it is b: 8,000 at" in said


def test_networks_with_a_teacher_are_not_held_against_one_without() -> None:
    dense, own = invented("dense", "none", 1024, 20.0), invented("own", "group_lasso", 256, 21.0)
    taught = invented("taught", "group_lasso", 128, 19.0, teachers=["dense"])
    assert "is own: 256 nodes" in summary([dense, own, taught])
    pupil = invented("pupil", "none", 1024, 18.0, teachers=["dense"])
    assert "is own: 256 nodes" in summary([pupil, dense, own, taught])
    assert "is taught: 128 nodes" in summary([pupil, taught])
    assert references([pupil, dense]) == [dense]
    part = invented("part", "none", 1024, 22.0, variant="leave_out 1/4")
    assert references([part, dense, pupil]) == [dense]
    assert references([part, pupil]) == [pupil]
