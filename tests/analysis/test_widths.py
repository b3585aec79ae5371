"""A corpus of tones, a guided run and its neighbours: nested widths, a small network like a pruned one, pictures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.analysis.widths import SHARES, cut_to
from asr_prune.cli.main import main
from asr_prune.pruning.nodes import first
from asr_prune.run_dir import RunDir
from asr_prune.stages import STAGES

pytestmark = pytest.mark.trains

RECIPE = """
corpus: {prepare: PREPARE}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
network: {hidden: [32, 24], dropout: 0.1}
train: {epochs: 4, batch: 64, threads: 1, tensorboard: false}
decode: {lm_weights: [8, 10], penalties: [0.0]}
score: {bootstrap: 100}
runs:
  - {name: dense, prune: {method: none}}
  - {name: led, prune: {method: guided, norm: l2, penalty: 0.01, keep: 0.5, fine_tune: 0.0}}
  - {name: thin, prune: {method: l1, keep: 0.5}}
  - {name: small, prune: {method: dense_small, like: led}}
"""
GIVEN = ["--recipe", "recipes/tones", "--nj", "1"]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """All stages, then the widths of the guided run, then the report again."""
    here, back = tmp_path_factory.mktemp("project"), Path.cwd()
    (here / "recipes/tones").mkdir(parents=True)
    prepare = Path(__file__).parent.parent / "stages/tiny.py"
    (here / "recipes/tones/recipe.yaml").write_text(RECIPE.replace("PREPARE", str(prepare)))
    os.chdir(here)
    assert [main([verb, *GIVEN]) for verb in STAGES] == [0] * len(STAGES)
    assert main(["widths", "exp/tones/runs/led", "--nj", "1"]) == 0
    assert main(["report", *GIVEN]) == 0
    yield SimpleNamespace(exp=here / "exp/tones")
    os.chdir(back)


def test_every_tenth_is_measured(done: SimpleNamespace) -> None:
    rows = json.loads((done.exp / "runs/led/widths.json").read_text())
    assert [row["width"] for row in rows] == list(SHARES)
    assert [row["nodes_per_layer"] for row in rows] == [[round(s * 32), round(s * 24)] for s in SHARES]
    trained = json.loads((done.exp / "runs/led/train.json").read_text())
    assert rows[-1]["dev_ce"] == pytest.approx(trained["dev_ce_before_cut"], rel=1e-5)
    assert rows[-1]["dev_ce"] < rows[0]["dev_ce"]
    assert rows[-1]["wer_test"] < rows[0]["wer_test"]


def test_a_width_is_the_dense_network_without_its_later_nodes(done: SimpleNamespace) -> None:
    small, whole = (
        cut_to(RunDir(done.exp / "runs/led"), 0.5, "outgoing"),
        load_model(done.exp / "runs/led/model/before_cut.pt"),
    )
    frames = torch.randn(30, len(whole.network.shift))
    with torch.no_grad():
        for layer, mask in zip(whole.network.node_layers(), first([32, 24], [16, 12]), strict=True):
            layer.outgoing.weight[:, ~mask] = 0
        assert torch.allclose(small.network(frames), whole.network(frames), atol=1e-4)
    assert small.network.widths == [16, 12]


def test_the_report_shows_curve_table_and_weights(done: SimpleNamespace) -> None:
    page = (done.exp / "report/index.html").read_text()
    assert "Nested widths" in page
    assert "<h3>led</h3>" in page
    assert "Weights before the cut" in page
    assert (done.exp / "report/matrices.png").stat().st_size > 10_000


def test_the_small_network_has_the_widths_of_the_run_it_is_like(done: SimpleNamespace) -> None:
    rows = {row["run"]: row for row in json.loads((done.exp / "report/results.json").read_text())}
    layers = json.loads((done.exp / "runs/led/nodes.json").read_text())["layers"]
    small = load_model(done.exp / "runs/small/model/network.pt").network
    assert small.widths == [len(layer["kept"]) for layer in layers]
    assert rows["small"]["nodes_dense"] == 56
    assert rows["small"]["params_dense"] == rows["dense"]["params"]
    assert rows["small"]["like"] == "led"
    assert rows["led"]["variant"] == "fine_tune 0, penalty 0.01, norm l2"
    assert 0.4 < rows["led"]["prefix_share"] <= 1


def test_a_run_that_is_not_guided_is_refused(done: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, said in (
        ("exp/tones/runs/thin", "was not pruned by an ordered penalty"),
        ("exp/tones/runs/none", "is missing"),
    ):
        assert main(["widths", folder]) == 1
        assert said in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a CUDA device")
def test_a_device_that_is_not_there_is_refused(done: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    before = (done.exp / "runs/led/widths.json").read_bytes()
    assert main(["widths", "exp/tones/runs/led", "--set", "decode.device=cuda"]) == 1
    assert "decode.device is cuda, but torch sees no CUDA device; set" in capsys.readouterr().err
    assert (done.exp / "runs/led/widths.json").read_bytes() == before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
def test_widths_are_measured_on_a_gpu(done: SimpleNamespace) -> None:
    before = json.loads((done.exp / "runs/led/widths.json").read_text())
    assert main(["widths", "exp/tones/runs/led", "--set", "decode.device=cuda"]) == 0
    after = json.loads((done.exp / "runs/led/widths.json").read_text())
    assert [row["dev_ce"] for row in after] == pytest.approx([row["dev_ce"] for row in before], rel=1e-3)


def test_what_to_go_on_with_is_told(done: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["widths", "exp/tones/runs/thin", "--recipe", "recipes/tones", "--nj", "3", "--set", "decode.beam=9"]
    assert main(words) == 1
    assert capsys.readouterr().err.splitlines()[-1] == f"go on with: asr-prune {' '.join(words)}"
