from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.features.online.directory import find_files
from asr_prune.features.online.front_end import ModelFrontEnd
from asr_prune.kaldi.vosk_links import check_graph_dir, link_as_vosk
from asr_prune.nnet3.places import opens_in_vosk
from tests.features.online.small import make_stats, matrix_bytes, write_kaldi, write_vosk


def graph_dir(place: Path) -> Path:
    (place / "phones").mkdir(parents=True)
    for name in ("HCLG.fst", "words.txt", "phones/word_boundary.int"):
        (place / name).write_text(name)
    return place


@pytest.fixture
def model(tmp_path: Path) -> Path:
    made = write_kaldi(tmp_path / "model")
    (made / "final.mdl").write_text("the model")
    (made / "frame_subsampling_factor").write_text("3\n")
    return made


@pytest.mark.parametrize(("normalised", "scale"), [(True, "0.1"), (False, "1.0")])
def test_the_folder_that_vosk_opens(model: Path, tmp_path: Path, normalised: bool, scale: str) -> None:
    out = tmp_path / "out"
    link_as_vosk(model, graph_dir(tmp_path / "graph"), normalised, out)
    assert opens_in_vosk(out)
    assert (out / "am/final.mdl").read_text() == "the model"
    assert (out / "graph/phones/word_boundary.int").read_text() == "phones/word_boundary.int"
    settings = dict(line[2:].split("=") for line in (out / "conf/model.conf").read_text().split())
    assert (settings["acoustic-scale"], settings["frame-subsampling-factor"]) == (scale, "3")
    assert settings["endpoint.silence-phones"] == "1:2"
    assert find_files(out).base == find_files(model).base
    samples = np.random.default_rng(0).normal(scale=1000, size=16000).astype(np.float32)
    own, linked = (ModelFrontEnd.read(place) for place in (model, out))
    assert (own.dim, own.ivector_dim) == (linked.dim, linked.ivector_dim)
    np.testing.assert_allclose(*(front.base(samples) for front in (own, linked)))


def test_what_vosk_computes_otherwise_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = write_kaldi(tmp_path / "model", num_gselect=3, max_count=0)
    (model / "final.mdl").touch()
    (model / "global_cmvn.stats").write_bytes(matrix_bytes(make_stats(), "DM"))
    with (model / "conf/online.conf").open("a") as file:
        file.write(f"--cmvn-config={model}/conf/online_cmvn.conf\n--global-cmvn-stats={model}/global_cmvn.stats\n")
    out = tmp_path / "out"
    link_as_vosk(model, graph_dir(tmp_path / "graph"), False, out)
    assert (out / "am/global_cmvn.stats").read_bytes() == (model / "global_cmvn.stats").read_bytes()
    for said in (
        "for i-vectors it has --num-gselect=3, but Vosk uses --num-gselect=5",
        "for i-vectors it has --max-count=0.0, but Vosk uses --max-count=100.0",
        "for normalising the network's input it has no --cmn-min-energy, but Vosk uses --cmn-min-energy=50.0",
        "for normalising the input of i-vectors it has no --cmn-min-energy, but Vosk uses --cmn-min-energy=50.0",
        "the recipe uses the values of Vosk, so that the network's input, its outputs and the words are not",
    ):
        assert f"{model}: {said}" in caplog.text


def test_nothing_is_said_where_vosk_computes_the_same(
    model: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (model / "conf/online_cmvn.conf").write_text("--cmn-min-energy=50\n")
    link_as_vosk(model, graph_dir(tmp_path / "graph"), False, tmp_path / "out")
    assert not caplog.text


def test_silence_phones_are_those_of_the_graph_if_the_options_have_none(model: Path, tmp_path: Path) -> None:
    graph, conf = graph_dir(tmp_path / "graph"), model / "conf/online.conf"
    conf.write_text(conf.read_text().replace("--endpoint.silence-phones=1:2\n", ""))
    with pytest.raises(UserError, match=r"online.conf has --endpoint.silence-phones nor .*graph phones/silence.csl"):
        link_as_vosk(model, graph, True, tmp_path / "none")
    silence = graph / "phones/silence.csl"
    silence.touch()
    with pytest.raises(UserError, match=r"which Vosk needs; add --endpoint.silence-phones=1:2:3"):
        link_as_vosk(model, graph, True, tmp_path / "empty")
    silence.write_text("\n1:2:3\n")
    link_as_vosk(model, graph, True, tmp_path / "out")
    assert "--endpoint.silence-phones=1:2:3\n" in (tmp_path / "out/conf/model.conf").read_text()
    with conf.open("a") as file:
        file.write(
            "  --endpoint.silence_phones=5:6 # of another lang\n--beam=11\n--endpoint.rule2.min-trailing-silence=1\n"
        )
    link_as_vosk(model, graph, True, tmp_path / "spelled")
    lines = (tmp_path / "spelled/conf/model.conf").read_text().splitlines()
    assert [line for line in lines if "silence" in line] == [
        "--endpoint.silence-phones=5:6",
        "--endpoint.rule2.min-trailing-silence=1",
    ]
    assert "--beam=11" in lines


def test_graphs_that_cannot_be_used(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph = graph_dir(tmp_path / "graph")
    (graph / "words.txt").unlink()
    with pytest.raises(UserError, match=r"graph has no words.txt; give a directory that utils/mkgraph.sh has made"):
        check_graph_dir(model, graph)
    of_vosk = write_vosk(tmp_path / "vosk")
    (of_vosk / "conf/model.conf").touch()
    command = ["import", str(of_vosk), "again", "--graph", str(graph), "--train=in", "--test=in"]
    assert main(command) == 1
    assert "is a model directory of Vosk, which has its graph inside; leave out --graph" in capsys.readouterr().err
