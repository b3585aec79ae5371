"""Files, options and runs that cannot be used are named in a sentence; the other files are transcribed."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from asr_prune.cli.main import main

from .projects import RATE, Printed
from .thin import RUN, transcribed

pytestmark = pytest.mark.trains


def test_files_that_cannot_be_used_are_reported_and_counted(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path
) -> None:
    good = next(iter(done.files))
    soundfile.write(tmp_path / "none.wav", np.zeros(0), RATE)
    soundfile.write(tmp_path / "click.wav", np.zeros(100), RATE)
    soundfile.write(tmp_path / "two.wav", np.zeros((RATE, 2)), RATE)
    (tmp_path / "text.wav").write_text("no audio")
    bad = [tmp_path / f"{name}.wav" for name in ("none", "click", "two", "text", "absent")]
    status, out, err = transcribed(capsys, *bad, good)
    assert status == 1
    assert [line.split("\t")[0] for line in out.splitlines()] == [good]
    assert "1 file, " in err
    assert "5 skipped" in err
    for text in ("no samples", "less than one window", "2 channels", "text.wav: unreadable", "no such file"):
        assert text in err
    status, _, err = transcribed(capsys, bad[0])
    assert status == 1
    assert "no file could be read" in err


def test_bad_files_among_many_are_named_and_the_others_transcribed(
    done: SimpleNamespace, capsys: Printed, tmp_path: Path
) -> None:
    loud, mad, cut = tmp_path / "loud.wav", tmp_path / "mad.wav", tmp_path / "cut.wav"
    soundfile.write(loud, np.full(RATE, 1e30, np.float32), RATE, subtype="FLOAT")
    soundfile.write(mad, np.zeros(441), 1092676)
    soundfile.write(cut, np.zeros(RATE), RATE)
    cut.write_bytes(cut.read_bytes()[:-1000])
    first, *rest = done.files
    status, out, err = transcribed(capsys, loud, first, mad, *rest, cut)
    assert status == 1
    assert out == transcribed(capsys, *done.files)[1]
    assert [line.split(":")[1].strip() for line in err.splitlines() if line.startswith("skipped")] == [
        str(path) for path in (loud, mad, cut)
    ]
    assert "3 skipped" in err


def test_bad_requests_are_one_sentence(done: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    good = next(iter(done.files))
    assert "is given twice" in transcribed(capsys, good, good)[2]
    assert (
        "runs/none/shrunk/network.pt is missing; run the shrink stage"
        in transcribed(capsys, good, run="exp/tones/runs/none")[2]
    )
    for option, value in (("--longest", "2"), ("--lm-weight", "0"), ("--channel", "0")):
        with pytest.raises(SystemExit):
            main(["transcribe", RUN, good, option, value])


def test_the_weight_is_devs_unless_given(done: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    good, scored = next(iter(done.files)), Path(RUN, "score_dev.json")
    assert f"from {RUN}/score_dev.json" in transcribed(capsys, good)[2]
    scored.rename(tmp_path / "away")
    try:
        assert "run the score stage, or give --lm-weight and --penalty" in transcribed(capsys, good)[2]
        assert transcribed(capsys, good, "--lm-weight", 8, "--penalty", 0)[0] == 0
    finally:
        (tmp_path / "away").rename(scored)


def test_a_graph_of_another_network_is_one_sentence(done: SimpleNamespace, capsys: Printed) -> None:
    graph, good = Path("exp/tones/graph/pdfs.txt"), next(iter(done.files))
    kept = graph.read_text()
    graph.write_text("\n".join(str(int(pdf) + (int(pdf) > 0) * 3) for pdf in kept.split()) + "\n")
    manifest = graph.with_name("SHA256SUMS").rename(graph.with_name("away"))
    try:
        status, _, err = transcribed(capsys, good)
    finally:
        graph.write_text(kept)
        manifest.rename(graph.with_name("SHA256SUMS"))
    assert status == 1
    assert "outputs, the graph" in err
    assert err.count("\n") <= 2
