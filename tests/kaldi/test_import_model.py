from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices
from asr_prune.kaldi.import_model import Heard, examine_model, recipe_of, write_import
from asr_prune.nnet3.model import Nnet3, bytes_of, read_nnet3, write_nnet3
from asr_prune.run_dir import RunDir
from tests.features.online.small import write_kaldi
from tests.kaldi.test_vosk_links import graph_dir
from tests.nnet3.conftest import tdnnf_model
from tests.stages import tiny

MFCC = "--num-ceps=4\n--num-mel-bins=10\n--use-energy=false\n--sample-frequency=16000\n--dither=0\n"
LAYOUTS = {"new": ("am/final.mdl", "conf/mfcc.conf"), "old": ("final.mdl", "mfcc.conf")}
GRAPHS = {"new": "graph/HCLG.fst", "old": "HCLG.fst"}


def model_directory(folder: Path, model: Nnet3, layout: str = "new") -> Path:
    """A Vosk directory without i-vectors; of its graph there is a file of four bytes."""
    final, conf = (folder / name for name in LAYOUTS[layout])
    for path in (final, conf, folder / "graph/words.txt"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_nnet3(final, model)
    conf.write_text(MFCC)
    (folder / "graph/words.txt").write_bytes(b"HCLG")
    if layout == "new":
        (folder / "conf/model.conf").write_text("--frame-subsampling-factor=3\n--beam=10\n")
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with data directories of tones, without text."""
    dice = np.random.default_rng(0)
    monkeypatch.chdir(tmp_path)
    for part, speakers in {"train": ("ann", "bob"), "dev": ("cat",), "test": ("dan",)}.items():
        data = DataDir(tmp_path / "in" / part)
        for name, words in ((f"{who}-{i}", words) for who in speakers for i, words in enumerate(tiny.SENTENCES)):
            place = tmp_path / f"in/{name}.wav"
            place.parent.mkdir(exist_ok=True)
            soundfile.write(place, tiny.sound(words, dice), tiny.RATE, subtype="PCM_16")
            data.wavs[name], data.text[name], data.utt2spk[name] = str(place), words, name[:3]
        data.write()
        (data.path / "text").unlink()
    return tmp_path


def run(*words: str) -> None:
    assert main([*words]) == 0, words


def imported(name: str = "small", layout: str = "new") -> None:
    model_directory(Path("model"), tdnnf_model(width=16, rank=6, pdfs=12, ivector=False), layout)
    sets = (f"--{part}=in/{part}" for part in ("train", "dev", "test"))
    run("import", "model", name, *sets)


@pytest.mark.trains
@pytest.mark.parametrize(("method", "layout"), [("group_lasso", "new"), ("magnitude", "old")])
def test_from_a_model_to_a_smaller_one(
    project: Path, method: str, layout: str, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(layout=layout)
    recipe = ["--recipe", "recipes/small", "--set", f"prune.method={method}", "--set", "prune.budget.macs=0.6"]
    run("run", *recipe, "--set", "train.epochs=3", "--set", "train.utterances=2", "--nj", "1")
    (folder,) = (project / "exp/small/runs").iterdir()
    trained = RunDir(folder)
    figures = json.loads(trained.train.read_text())
    assert figures["budget_spent"] <= figures["budget_limit"] < 0.6 * figures["macs_dense"] + 1
    assert json.loads(trained.verify.read_text())["holds"]
    capsys.readouterr()
    run("show", str(folder))
    assert "epoch  train distance  dev distance  nodes" in capsys.readouterr().out
    refused = ["compare", "exp/small"], ["compare", str(folder), str(folder)], ["compare", str(folder), "--json"]
    for words in (*refused, ["sclite", str(folder)], ["ctm", str(folder)], ["results", *recipe[:2]]):
        assert main(words) == 1
        said = f"{folder.name} is of an imported model, compared with the original alone; print its table: asr-prune"
        assert f"{said} report --recipe recipes/small" in capsys.readouterr().err
    run("report", "--recipe", "recipes/small")
    assert "same best" in capsys.readouterr().out
    assert main(["export", str(folder), "smaller", "--vosk"]) == 1
    assert "model has no decoding graph; export the run with --nnet3" in capsys.readouterr().err
    Path("model", GRAPHS[layout]).touch()
    run("export", str(folder), "smaller", "--vosk")
    final = LAYOUTS[layout][0]
    assert Path("smaller/graph/words.txt").read_bytes() == b"HCLG"
    assert Path("smaller", final).stat().st_size < 0.8 * Path("model", final).stat().st_size
    shrunk = load_model(trained.shrunk).network
    again = GraphNetwork.of(read_nnet3(Path("smaller", final)), 3, final)
    x = torch.randn(20, 4)
    with torch.no_grad():
        torch.testing.assert_close(again(x), shrunk(x), rtol=1e-4, atol=1e-4)
    run("export", str(folder), "smaller", "--vosk")
    run("export", str(folder), "another", "--nnet3")
    assert main(["export", str(folder), "model/graph", "--nnet3"]) == 1


@pytest.mark.trains
def test_labels_beside_the_models_own_posteriors(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tdnnf_model(width=16, rank=6, pdfs=12, ivector=False, posteriors=True)
    model_directory(Path("model"), model)
    given = ["import", "model", "small", *(f"--{part}=in/{part}" for part in ("train", "dev", "test"))]
    assert main([*given, "--labels", "pdfs.txt"]) == 1
    assert "pdfs.txt does not exist; give an alignment directory" in capsys.readouterr().err
    assert not Path("recipes").exists()
    Path("pdfs.txt").touch()
    run(*given, "--labels", "pdfs.txt")
    recipe = ["--recipe", "recipes/small", "--nj", "1", "--set", "train.epochs=3"]
    run("run", *recipe, "--stop-stage", "features")
    rows = label_frames("ann-1")
    half = "runs=[{prune: {budget: {macs: 0.6}}}]"
    run("run", *recipe, "--set", half)
    run("run", *recipe, "--set", half, "--set", "train.teacher_weight=1")
    assert json.loads(Path("exp/small/align/kaldi/summary.json").read_text())["failed"] == ["ann-1"]
    both = [RunDir(place) for place in sorted(Path("exp/small/runs").iterdir())]
    figures = [json.loads(trained.train.read_text())["dev_ce_final"] for trained in both]
    assert len(set(figures)) == 2, "labels have no effect"
    assert "labels, hmm.labels; train.teacher_weight" in Path("recipes/small/recipe.yaml").read_text()
    capsys.readouterr()
    for asked, said in (
        ("hmm.pdfs=5", "hmm.model and hmm.pdfs have no effect on an imported model"),
        ("train.temperature=3", "an imported model teaches at temperature 1"),
        ("corpus.untranscribed=in/test", "an imported model needs no transcripts anyway; add its utterances"),
    ):
        assert main(["check", *recipe[:2], "--set", asked]) == 1
        assert said in capsys.readouterr().err
    run("explain", str(both[0].path))
    assert "dev distance" in capsys.readouterr().out
    rows["ann-0"][0] += 1
    Path("pdfs.txt").write_text("".join(f"{utt} {' '.join(map(str, own))}\n" for utt, own in rows.items()))
    run("due", *recipe, "--set", half)
    assert "\nalign\n" in (due := capsys.readouterr().out)
    assert "\ntrain\n" in due
    assert all(json.loads(trained.verify.read_text())["holds"] for trained in both)


@pytest.mark.trains
def test_labels_and_posteriors_in_two_processes_as_in_one(project: Path) -> None:
    model_directory(Path("model"), tdnnf_model(width=16, rank=6, pdfs=12, ivector=False, posteriors=True))
    Path("pdfs.txt").touch()
    run("import", "model", "small", *(f"--{part}=in/{part}" for part in ("train", "dev", "test")), "--labels=pdfs.txt")
    recipe = ["--recipe", "recipes/small", "--nj", "1", "--set", "train.epochs=2"]
    recipe += ["--set", "train.threads=1", "--set", "train.utterances=4", "--set", "runs=[{prune: {method: none}}]"]
    run("run", *recipe, "--stop-stage", "features")
    label_frames()
    known = []
    for processes in (1, 2):
        run("run", *recipe, "--stop-stage", "train", "--set", f"train.processes={processes}")
        (trained,) = (RunDir(place) for place in Path("exp/small/runs").iterdir())
        known.append(json.loads(trained.train.read_text())["dev_ce_final"])
        shutil.rmtree(trained.path)
    assert known[1] == pytest.approx(known[0], rel=1e-4)


def label_frames(*but: str) -> dict[str, list[int]]:
    """Writes pdfs.txt, labels of every training utterance that is not in `but`; returns them."""
    lengths = {utt: len(feats) for utt, feats in read_matrices(Path("data/small/train/network/feats.scp"))}
    rows = {utt: [i * 11 // frames for i in range(frames)] for utt, frames in lengths.items() if utt not in but}
    Path("pdfs.txt").write_text("".join(f"{utt} {' '.join(map(str, own))}\n" for utt, own in rows.items()))
    return rows


def test_labels_do_not_go_with_a_chain_model(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported()
    said = "model gives scores of a chain model, not posteriors, which labels of frames do not go with"
    assert main(["check", "--recipe", "recipes/small", "--set", "hmm.labels=pdfs.txt"]) == 1
    assert f"{said}; leave hmm.labels out" in capsys.readouterr().err
    assert main(["import", "model", "other", "--train=in/train", "--test=in/test", "--labels=pdfs.txt"]) == 1
    assert f"{said}; leave --labels out" in capsys.readouterr().err


def test_what_does_not_fit_is_one_sentence(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported()
    capsys.readouterr()
    assert main(["import", "model", "small", "--train=in/train", "--test=in/test"]) == 1
    assert "recipes/small exists; give the recipe another name" in capsys.readouterr().err
    assert main(["import", "model", "more/small", "--train=in/train", "--test=in/test"]) == 1
    assert "'more/small' is no name of a recipe" in capsys.readouterr().err
    assert main(["import", "model", "other", "--train=in", "--test=in/test"]) == 1
    assert "in has no wav.scp; give a data directory" in capsys.readouterr().err
    check = ["check", "--recipe", "recipes/small"]
    assert main([*check, "--set", "train.teacher=other"]) == 1
    assert "an imported model is its own teacher" in capsys.readouterr().err
    for asked, said in (
        ("train.teacher_top=4", "an imported model is run on every batch; leave train.teacher_top out"),
        ("prune.inputs=0.5", "an imported model keeps its inputs; leave prune.inputs out"),
        ("prune.output_rank=4", "an imported model keeps its output layer whole; leave prune.output_rank out"),
        ("prune={method: svd, budget: {params: 0.5}}", "prune.method svd factors networks that are made here"),
    ):
        assert main([*check, "--set", asked]) == 1
        assert said in capsys.readouterr().err
    assert main([*check, "--set", "features.network={type: fbank, model: , cmvn: none}"]) == 1
    assert "needs features.network.type online" in capsys.readouterr().err
    assert main([*check, "--set", "network.model="]) == 1
    assert "model must be given with type nnet3" in capsys.readouterr().err
    assert main(["serve", "--recipe", "recipes/small"]) == 1
    assert "have a table and no page; print it with asr-prune report --recipe" in capsys.readouterr().err
    assert main([*check, "--set", "network.left_context=3"]) == 1
    assert "left_context and right_context must be 0 with type nnet3" in capsys.readouterr().err


def test_what_a_model_is(tmp_path: Path) -> None:
    found = examine_model(model_directory(tmp_path, tdnnf_model(ivector=False)))
    assert (found.stride, found.outputs, found.columns, found.normalised) == (3, 6, 4, False)
    assert [nodes for _, nodes in found.groups] == [8, 3, 3, 3, 8]
    assert found.lines()[0].endswith("6 outputs (scores of a chain model), one for 3 frames of 4 values")


def test_i_vectors_are_those_of_decoding(tmp_path: Path) -> None:
    heard = Heard(tmp_path, tmp_path)
    found = examine_model(model_directory(tmp_path, tdnnf_model(ivector=False)))
    assert not {"ivectors", "right_context"} & recipe_of(found, heard)["features"]["network"].keys()
    chosen = recipe_of(replace(found, ivector=2), heard)["features"]["network"]
    assert (chosen["ivectors"], chosen["right_context"]) == ("chunk", found.right)
    assert found.right > 0


def test_directories_that_cannot_be_imported(tmp_path: Path) -> None:
    folder = model_directory(tmp_path / "a", tdnnf_model())
    with pytest.raises(UserError, match="reads 2 values of ivector a frame, and the files of its features give 0"):
        examine_model(folder)
    folder = model_directory(tmp_path / "b", tdnnf_model(ivector=False))
    (folder / "conf/mfcc.conf").write_text(MFCC.replace("ceps=4", "ceps=5"))
    with pytest.raises(UserError, match="reads 4 values of input a frame, and the files of its features give 5"):
        examine_model(folder)
    (folder / "conf/model.conf").rename(folder / "model.conf")
    with pytest.raises(UserError, match=r"conf/model.conf is missing, which says how the model is decoded; copy"):
        examine_model(folder)
    (folder / "model.conf").rename(folder / "conf/model.conf")
    (folder / "am/final.mdl").unlink()
    with pytest.raises(UserError, match=r"has no am/final.mdl or final.mdl"):
        examine_model(folder)
    (folder / "am/final.mdl").write_bytes(bytes_of(tdnnf_model(ivector=False))[:500])
    with pytest.raises(UserError, match=r"final.mdl: .* at byte"):
        examine_model(folder)


def test_a_refused_import_leaves_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    imported("another")
    scp = Path("in/train/wav.scp")
    text = scp.read_text()
    for content, said in ((text.encode("utf-16"), "UTF-8"), (b"", "in/train/wav.scp names no audio")):
        scp.write_bytes(content)
        capsys.readouterr()
        assert main(["import", "model", "small", "--train=in/train", "--test=in/test"]) == 1
        assert said in capsys.readouterr().err
        assert not Path("recipes/small").exists()
    scp.write_text(text)
    Path("recipes/small").symlink_to("gone")
    assert main(["import", "model", "small", "--train=in/train", "--test=in/test"]) == 1
    assert "recipes/small is a link to gone, which does not exist; correct the link or" in capsys.readouterr().err
    Path("recipes/small").unlink()
    run("import", "model", "small", "--train=in/train", "--test=in/test")


def test_a_refused_graph_leaves_nothing(project: Path) -> None:
    """The silence phones are missed last, when most of the recipe's folder is made."""
    folder, graph = write_kaldi(Path("kaldi")), graph_dir(Path("graph"))
    (folder / "final.mdl").touch()
    conf = folder / "conf/online.conf"
    conf.write_text(conf.read_text().replace("--endpoint.silence-phones=1:2\n", ""))
    small = examine_model(model_directory(Path("model"), tdnnf_model(ivector=False)))
    before = sorted(project.rglob("*"))
    with pytest.raises(UserError, match="which Vosk needs"):
        write_import(replace(small, place=folder), Heard(Path("in/train"), Path("in/test")), Path("recipes/a"), graph)
    assert sorted(project.rglob("*")) == before


def test_audio_is_found_where_the_data_directories_find_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in Kaldi's egs, where paths in wav.scp begin in the folder of the recipe."""
    model = model_directory(project / "model", tdnnf_model(width=16, rank=6, pdfs=12, ivector=False))
    for part in ("train", "dev", "test"):
        scp = project / "in" / part / "wav.scp"
        scp.write_text(scp.read_text().replace(f"{project}/", ""))
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    run("import", str(model), "small", *(f"--{part}=../in/{part}" for part in ("train", "dev", "test")))
    run("run", "--recipe", "recipes/small", "--nj", "1", "--stop-stage", "corpus")
    assert len(DataDir.read("data/small/test").wavs) == len(tiny.SENTENCES)
