"""The panel of a run of all folds together, which has many speakers but neither norms nor curves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from asr_prune.lang.overlap import OVERLAP
from asr_prune.layout import Layout
from asr_prune.report.make_report import make_report
from asr_prune.report.options import ReportOptions
from asr_prune.score.options import ScoreOptions
from asr_prune.score.wer import score
from asr_prune.score.write import write_score
from tests.report.conftest import invented_row
from tests.report.explorer.conftest import Page

SPEAKERS = [f"spk{i:02d}" for i in range(84)]


@pytest.fixture
def folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page of two runs in three folds."""
    monkeypatch.chdir(tmp_path)
    layout = Layout("tiny/folds-3/pooled")
    for name, method, wrong in (("dense", "none", 0), ("half", "l2", 1)):
        refs = {f"{speaker}-1": ["A", "B", "C"] for speaker in SPEAKERS}
        hyps = {utt: ["X"] * wrong + words[wrong:] for utt, words in refs.items()}
        scored = score(hyps, refs, {utt: utt[:5] for utt in refs}, ScoreOptions(bootstrap=0))
        run = layout.run(name)
        run.path.mkdir(parents=True)
        write_score(run.score("test"), scored)
        run.result.write_text(json.dumps(invented_row(name, method, 1024 // (1 + wrong), scored.wer)))
        for fold in "123":
            own = Layout(f"tiny/folds-3/{fold}").run(name)
            own.shrunk.parent.mkdir(parents=True)
            own.shrunk.write_bytes(b"0" * 1000 * int(fold))
            kept = list(range(256 if not wrong else 127 + int(fold) % 2))
            own.nodes.write_text(json.dumps({"layers": [{"nodes": 256, "kept": kept}] * 4}))
    make_report(layout, ReportOptions(), ScoreOptions(bootstrap=0), layout.lang / OVERLAP)
    return layout.report / "index.html"


def test_what_folds_do_not_have_is_not_drawn_empty(folds: Path, chromium: Any) -> None:
    page = Page(chromium)
    page.media()
    page.console()
    page.open(folds.resolve().as_uri() + "#a=half&x=bytes")
    page.wait("Boolean(documents.a && state.a === 'half')")
    visible = "return documents.a.get_model_by_name(arguments[0] + '_plot').visible"
    shown = [page.js(visible, name) for name in ("layers", "norms", "curves", "speakers")]
    assert shown == [True, False, False, True]
    assert page.js("return [...documents.a.get_model_by_name('layers').data.dense]") == [256] * 4
    assert page.js("return [...documents.a.get_model_by_name('layers').data.kept]") == [127.7] * 4
    assert page.drawn("runs", "x") == [2000, 2000]
    axis = "documents.a.get_model_by_name('speaker_axis')"
    assert page.js(f"return [{axis}.major_label_orientation, {axis}.major_label_policy.type]") == [
        "vertical",
        "NoOverlap",
    ]
    assert page.console() == []
