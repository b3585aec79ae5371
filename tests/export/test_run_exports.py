"""A trained and scored run on the corpus of tones, handed to other programs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from asr_prune.acoustic.nnet1 import read_nnet1
from asr_prune.cli.main import main
from asr_prune.decode.lattice_set import lattice_set
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.words_files import read_words
from asr_prune.export.places import EXPORT_MARK
from asr_prune.features.archive import read_matrices
from asr_prune.stages import STAGES

pytestmark = pytest.mark.trains

RECIPE = """
corpus: {prepare: PREPARE}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
network: {hidden: [32, 24], dropout: 0.1}
train: {epochs: 3, batch: 64, threads: 1, tensorboard: false}
decode: {lm_weights: [8, 10], penalties: [0.0]}
score: {bootstrap: 100}
runs:
  - {name: thin, prune: {method: l1, keep: 0.5}}
  - {name: stream, prune: {method: none}, network: {type: residual, stream: 16, hidden: [12]}, train: {epochs: 1}}
"""
GIVEN = ["--recipe", "recipes/tones", "--nj", "1"]
Printed = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """All stages but the report, in a project's folder."""
    here, back = tmp_path_factory.mktemp("project"), Path.cwd()
    (here / "recipes/tones").mkdir(parents=True)
    prepare = Path(__file__).parent.parent / "stages/tiny.py"
    (here / "recipes/tones/recipe.yaml").write_text(RECIPE.replace("PREPARE", str(prepare)))
    os.chdir(here)
    assert [main([verb, *GIVEN]) for verb in list(STAGES)[:-1]] == [0] * (len(STAGES) - 1)
    runs = {path.name.split("-")[0]: path.relative_to(here) for path in (here / "exp/tones/runs").iterdir()}
    yield SimpleNamespace(runs=runs, exp=Path("exp/tones"))
    os.chdir(back)


def run_verb(printed: Printed, *command: object) -> tuple[int, str]:
    """Exit status, and what a command printed."""
    printed.readouterr()
    status = main([str(word) for word in command])
    return status, "".join(printed.readouterr())


def test_the_archive_decodes_to_the_words_of_the_run(done: SimpleNamespace, capsys: Printed) -> None:
    run = done.runs["thin"]
    status, text = run_verb(capsys, "export", run, "out/loglikes", "--loglikes", "--on", "test")
    assert status == 0
    assert "out/loglikes/test.scp: 4 utterances" in text
    assert {path.name for path in Path("out/loglikes").iterdir()} == {"test.ark", "test.scp", EXPORT_MARK}
    loglikes = dict(read_matrices(Path("out/loglikes/test.scp")))
    pdfs = json.loads((done.exp / "align/mono/summary.json").read_text())["pdfs"]
    assert all(matrix.dtype == np.float32 and matrix.shape[1] == pdfs for matrix in loglikes.values())
    options = DecodeOptions(lm_weights=(8, 10), penalties=(0.0,))
    words = lattice_set(done.exp / "graph", loglikes.items(), options, [(8, 0.0)]).words[8, 0.0]
    assert words == read_words(run / "decode_test", options)[(8, 0.0)]


def test_the_nnet1_folder_has_what_kaldis_decoding_looks_for(done: SimpleNamespace, capsys: Printed) -> None:
    run = done.runs["thin"]
    assert run_verb(capsys, "export", run, "out/nnet1", "--nnet1")[0] == 0
    names = {path.name for path in Path("out/nnet1").iterdir()} - {EXPORT_MARK}
    asked = {"final.nnet", "final.feature_transform", "ali_train_pdf.counts", "final.mdl", "tree", "cmvn_opts"}
    assert names == asked | {"fbank.conf", "model.json"}
    nodes = json.loads((run / "shrunk/size.json").read_text())["nodes"]
    assert [len(bias) for bias in read_nnet1(Path("out/nnet1/final.nnet")).biases[:-1]] == nodes
    assert json.loads(Path("out/nnet1/model.json").read_text())["network"]["hidden"] == nodes
    assert run_verb(capsys, "export", run, "out/nnet1", "--nnet1")[0] == 0


def test_onnx_is_compared_with_torch_by_logits_labels_and_words(done: SimpleNamespace, capsys: Printed) -> None:
    pytest.importorskip("onnx", reason="onnx is absent; pip install -e '.[export]'")
    pytest.importorskip("onnxruntime", reason="onnxruntime is absent; pip install -e '.[export]'")
    run = done.runs["thin"]
    status, text = run_verb(capsys, "export", run, "out/onnx", "--onnx", "--nj", 1)
    assert status == 0
    assert "utterances changed" in text
    names = {path.name for path in Path("out/onnx").iterdir()} - {EXPORT_MARK}
    assert names == {"network.onnx", "network.int8.onnx", "check.json"}
    rows = {row["form"]: row for row in json.loads(Path("out/onnx/check.json").read_text())}
    result = json.loads((run / "result.json").read_text())
    assert rows["torch"]["difference"] == 0
    assert rows["torch"]["accuracy"] == pytest.approx(result["frame_accuracy_dev"], abs=1e-4)
    assert rows["float32"]["difference"] < 1e-3
    assert rows["int8"]["difference"] > rows["float32"]["difference"]
    assert rows["int8"]["same_best"] > 0.8
    assert rows["torch"]["wer_test"] == rows["float32"]["wer_test"] == pytest.approx(result["wer_test"])
    assert rows["int8"]["wer_test"] <= rows["torch"]["wer_test"] + 20


def test_an_earlier_archive_is_replaced_and_nothing_else(done: SimpleNamespace, capsys: Printed) -> None:
    for part in ("dev", "test"):
        assert run_verb(capsys, "export", done.runs["thin"], "out/again", "--loglikes", "--on", part)[0] == 0
    assert {path.name for path in Path("out/again").iterdir()} == {"test.ark", "test.scp", EXPORT_MARK}
    assert len(dict(read_matrices(Path("out/again/test.scp")))) == 4
    Path("out/theirs").mkdir()
    Path("out/theirs/thesis.txt").write_text("mine")
    status, text = run_verb(capsys, "export", done.runs["thin"], "out/theirs", "--loglikes")
    assert status == 1
    assert "out/theirs exists and is not an earlier loglikes export" in text
    assert [path.name for path in Path("out/theirs").iterdir()] == ["thesis.txt"]


def test_a_run_that_was_not_scored_has_no_words(done: SimpleNamespace, capsys: Printed) -> None:
    pytest.importorskip("onnx", reason="onnx is absent; pip install -e '.[export]'")
    pytest.importorskip("onnxruntime", reason="onnxruntime is absent; pip install -e '.[export]'")
    young = done.exp / "runs/young"
    shutil.copytree(done.runs["stream"], young)
    (young / "score_test.json").unlink()
    status, text = run_verb(capsys, "export", young, "out/young", "--onnx")
    assert status == 0
    assert "has not been scored: networks are compared by logits, not by words" in text
    assert all("wer_test" not in row for row in json.loads(Path("out/young/check.json").read_text()))
    shutil.rmtree(young)


def test_a_residual_network_has_no_nnet1_form(done: SimpleNamespace, capsys: Printed) -> None:
    status, text = run_verb(capsys, "export", done.runs["stream"], "out/stream", "--nnet1")
    assert status == 1
    assert "nnet1 has feed_forward networks only, not residual" in text
    assert not Path("out/stream").exists()


def test_what_is_no_export_is_not_replaced(done: SimpleNamespace, capsys: Printed) -> None:
    Path("out/mine").mkdir(parents=True)
    Path("out/mine/thesis.txt").write_text("mine")
    status, text = run_verb(capsys, "export", done.runs["thin"], "out/mine", "--nnet1")
    assert status == 1
    assert "out/mine exists and is not an earlier nnet1 export; name another folder, or delete this one" in text
    assert Path("out/mine/thesis.txt").read_text() == "mine"


def test_what_is_no_run_or_no_set_is_refused(done: SimpleNamespace, capsys: Printed) -> None:
    status, text = run_verb(capsys, "export", "exp/tones/runs/none", "out/none", "--nnet1")
    assert status == 1
    assert "exp/tones/runs/none/shrunk/network.pt is missing; run the shrink stage" in text
    Path("data/tones/test").rename("data/tones/away")
    status, text = run_verb(capsys, "export", done.runs["thin"], "out/none", "--loglikes", "--on", "test")
    Path("data/tones/away").rename("data/tones/test")
    assert status == 1
    assert "data/tones/test is not a data directory; run the stages corpus and features" in text


def test_an_option_that_would_be_ignored_is_refused(done: SimpleNamespace, capsys: Printed) -> None:
    for kind, unused in (("--nnet1", ["--on", "test"]), ("--loglikes", ["--set", "decode.beam=9"])):
        status, text = run_verb(capsys, "export", done.runs["thin"], "out/unused", kind, *unused)
        assert status == 1
        assert f"leave it out with {kind}" in text
    assert not Path("out/unused").exists()
