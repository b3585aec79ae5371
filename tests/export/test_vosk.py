"""Hybrid runs on the corpus of tones as nnet3 folders, decoded by the Kaldi inside Vosk."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.sound import Sound
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.words_files import read_words
from asr_prune.export.heard import HeardWords
from asr_prune.export.places import EXPORT_MARK
from asr_prune.export.vosk_words import original_words, words_in_vosk
from asr_prune.nnet3.graph_lines import parse_line
from asr_prune.nnet3.model import read_nnet3, write_nnet3
from asr_prune.nnet3.places import opens_in_vosk
from asr_prune.recipe.load import load_recipe
from asr_prune.score.align import distance
from asr_prune.stages import STAGES
from tests.nnet3.conftest import normalise

from .page import printed

pytestmark = pytest.mark.trains
NO_WHEEL = "vosk is absent, which has no wheel for every platform; pip install vosk"
RECIPE = """
corpus: {prepare: PREPARE}
lang: {position_dependent: POSITION}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
features: {network: FEATURES}
network: {hidden: [32, 24], dropout: 0.0}
train: {epochs: 8, batch: 64, threads: 1, tensorboard: false}
decode: {lm_weights: [6, 10], penalties: [0.0, 0.5]}
score: {bootstrap: 100}
runs:
  - {name: thin, prune: {method: l1, keep: 0.75}}
  - {name: stream, prune: {method: none}, network: {type: residual, stream: 16, hidden: [12]}}
"""
KINDS = {
    "filterbank": ("{cmvn: global, bins: 23}", "true"),
    "cepstra": ("{type: mfcc, bins: 24, ceps: 20, cmvn: none, low_freq: 60}", "false"),
}
Printed = pytest.CaptureFixture[str]


@pytest.fixture(scope="module", params=list(KINDS))
def done(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """All stages but the report, in a project's folder."""
    here, back = tmp_path_factory.mktemp("project"), Path.cwd()
    (here / "recipes/tones").mkdir(parents=True)
    prepare = Path(__file__).parent.parent / "stages/tiny.py"
    features, position = KINDS[request.param]
    recipe = RECIPE.replace("PREPARE", str(prepare)).replace("FEATURES", features)
    (here / "recipes/tones/recipe.yaml").write_text(recipe.replace("POSITION", position))
    os.chdir(here)
    given = ["--recipe", "recipes/tones", "--nj", "1"]
    assert [main([verb, *given]) for verb in list(STAGES)[:-1]] == [0] * (len(STAGES) - 1)
    folders = Path("exp/tones/runs").iterdir()
    runs = {folder.name.split("-")[0]: folder for folder in folders}
    yield SimpleNamespace(runs=runs, kind=request.param)
    os.chdir(back)


def run_verb(printed: Printed, *command: object) -> tuple[int, str]:
    printed.readouterr()
    status = main([str(word) for word in command])
    return status, "".join(printed.readouterr())


def spoken(part: str) -> Iterator[tuple[str, np.ndarray, int]]:
    """Utterance, samples int16, rate."""
    for utt, path in DataDir.read(Path("data/tones") / part).wavs.items():
        samples, rate = soundfile.read(path, dtype="int16")
        yield utt, samples, rate


@pytest.mark.parametrize("name", ["thin", "stream"])
def test_vosk_gives_the_words_of_the_run(done: SimpleNamespace, capsys: Printed, name: str) -> None:
    vosk = pytest.importorskip("vosk", reason=NO_WHEEL)
    vosk.SetLogLevel(-1)
    run, out = done.runs[name], Path("out") / name
    status, text = run_verb(capsys, "export", run, out, "--vosk", "--check")
    assert status == 0, text
    check = json.loads((out / "check.json").read_text())
    assert (check["utterances"], check["other_best_path"], check["skipped"]) == (4, [], {})
    assert "Vosk's best path: 4 of 4 utterances of test have the words of the decode stage\n" in text
    usual = 4 - len(check["other_usual"])
    assert f"Vosk's usual result: {usual} of 4 utterances of test have the words of the decode stage" in text
    score = json.loads((run / "score_test.json").read_text())
    options = DecodeOptions(lm_weights=(6, 10), penalties=(0.0, 0.5))
    wanted = read_words(run / "decode_test", options)[score["lm_weight"], score["penalty"]]
    model = vosk.Model(str(out))
    for utt, samples, rate in spoken("test"):
        recogniser = vosk.KaldiRecognizer(model, rate)
        recogniser.SetMaxAlternatives(1)
        recogniser.AcceptWaveform(samples.tobytes())
        [best] = json.loads(recogniser.FinalResult())["alternatives"]
        assert best["text"].split() == wanted[utt]
    assert sum(map(len, wanted.values())) > 4


def test_the_lines_of_the_page_find_words(done: SimpleNamespace, capsys: Printed) -> None:
    pytest.importorskip("vosk", reason=NO_WHEEL)
    assert run_verb(capsys, "export", done.runs["thin"], "out/vosk", "--vosk")[0] == 0
    [*_, path] = DataDir.read(Path("data/tones/test")).wavs.values()
    shutil.copyfile(path, "speech.wav")
    words = printed("import json, soundfile, vosk")
    assert words
    assert {*words} <= {"LOW", "MID", "HIGH"}


def normalise_first_layer(path: Path) -> None:
    """Puts a normalise component after the first ReLU of a model, as relu-renorm layers have it."""
    model = read_nnet3(path)
    first = next(
        i
        for i, x in enumerate(model.nodes)
        if x.component and model.components[x.component].kind == "RectifiedLinearComponent"
    )
    name = model.nodes[first].name
    after = [parse_line(x.line().replace(f"input={name}", "input=renorm")) for x in model.nodes[first + 1 :]]
    added = parse_line(f"component-node name=renorm component=renorm input={name}")
    made = model.components | {"renorm": normalise(model.components[model.nodes[first].component].dims[1], 1)}
    write_nnet3(path, replace(model, nodes=[*model.nodes[: first + 1], added, *after], components=made))


def test_an_imported_folder_is_judged_by_its_words(done: SimpleNamespace, capsys: Printed) -> None:
    pytest.importorskip("vosk", reason=NO_WHEEL)
    if done.kind != "cepstra":
        pytest.skip("models that are imported read cepstra")
    assert run_verb(capsys, "export", done.runs["thin"], "out/big", "--vosk")[0] == 0
    normalise_first_layer(Path("out/big/am/final.mdl"))
    data = [f"--{part}=data/tones/{part}" for part in ("train", "dev", "test")]
    assert run_verb(capsys, "import", "out/big", "again", *data)[0] == 0
    few = ["--set", "train.epochs=1", "--set", "train.utterances=2"]
    both = ["--set", "runs=[{name: all, prune: {method: none}}, {name: few, prune: {keep: 0.5}}]"]
    status, text = run_verb(capsys, "run", "--recipe", "recipes/again", "--nj", "1", *few, *both)
    assert status == 0, text
    folders = {path.name.split("-")[0]: path for path in Path("exp/again/runs").iterdir()}
    found = {name: json.loads((path / "vosk.json").read_text()) for name, path in folders.items()}
    assert found.keys() == {"all", "few"}
    original = json.loads(Path("exp/again/original/words.json").read_text())
    texts = DataDir.read(Path("data/tones/test")).text
    assert original["words"].keys() == found["few"]["hypotheses"].keys() == texts.keys()
    for own in found.values():
        pairs = [(original["words"][utt], own["hypotheses"][utt]) for utt in texts]
        assert own["edits"] == sum(distance([one], [two]) for one, two in pairs)
        assert own["utterances_alike"] == sum(one == two for one, two in pairs)
        assert own["rtf"] > 0
    few_words = 100 * found["few"]["edits"] / found["few"]["words"]
    lines = run_verb(capsys, "report", "--recipe", "recipes/again", "--nj", "1", *few, *both)[1].splitlines()
    assert "other words  utterances alike   ms/s       WER" in lines[0]
    assert f"  {few_words:.2f}  " in lines[2]
    assert lines[3].startswith(f"the original: {found['few']['words']} words, ")


def test_kaldis_directory_and_its_graph_are_what_vosk_opens(done: SimpleNamespace, capsys: Printed) -> None:
    pytest.importorskip("vosk", reason=NO_WHEEL)
    if done.kind != "cepstra":
        pytest.skip("models that are imported read cepstra")
    big, kaldi = Path("out/vosk_layout"), Path("out/kaldi_layout")
    assert run_verb(capsys, "export", done.runs["thin"], big, "--vosk")[0] == 0
    (kaldi / "conf").mkdir(parents=True)
    shutil.copyfile(big / "am/final.mdl", kaldi / "final.mdl")
    shutil.copyfile(big / "conf/mfcc.conf", kaldi / "conf/mfcc.conf")
    options = "--feature-type=mfcc\n--mfcc-config=/was/conf/mfcc.conf\n--endpoint.silence-phones=1\n"
    (kaldi / "conf/online.conf").write_text(options)
    data = [f"--{part}=data/tones/{part}" for part in ("train", "dev", "test")]
    status, text = run_verb(capsys, "import", kaldi, "linked", "--graph", big / "graph", *data)
    assert status == 0, text
    recipe = load_recipe("recipes/linked").recipe
    assert recipe.network.model == recipe.features.network.model == "recipes/linked/model"
    assert opens_in_vosk(Path("recipes/linked/model"))
    own, conf = (place / "conf/model.conf" for place in (big, Path("recipes/linked/model")))
    (scale,) = [line for line in own.read_text().splitlines() if "acoustic-scale" in line]
    conf.write_text(conf.read_text().replace("--acoustic-scale=0.1", scale))
    sound = Sound(Path("data/tones/test"), recipe.corpus.rate, True, math.inf, 1)
    linked, given = (words_in_vosk(place, sound, True).words for place in (Path("recipes/linked/model"), big))
    assert linked == given
    assert any(given.values())


def test_vosk_hears_what_features_are_computed_from(done: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    pytest.importorskip("vosk", reason=NO_WHEEL)
    assert run_verb(capsys, "export", done.runs["thin"], "out/heard", "--vosk")[0] == 0
    [*_, (_, samples, rate)] = spoken("test")
    loud = samples * (3 * 32768 / abs(samples.astype(float)).max())
    kinds: dict[str, tuple[np.ndarray, int, str]] = {
        "clipped": (loud.clip(-32768, 32767).astype(np.int16), rate, "PCM_16"),
        "loud": (loud / 32768, rate, "FLOAT"),
        "plain": (samples, rate, "PCM_16"),
        "stereo": (np.stack([samples, np.zeros_like(samples)], 1), rate, "PCM_16"),
        "fast": (np.repeat(samples, 2), 2 * rate, "PCM_16"),
    }
    data = DataDir(tmp_path / "heard")
    for name, (values, hertz, subtype) in kinds.items():
        soundfile.write(tmp_path / f"{name}.wav", values, hertz, subtype)
    (tmp_path / "broken.wav").write_bytes(b"RIFF broken")
    for name in (*kinds, "broken"):
        data.wavs[name], data.text[name], data.utt2spk[name] = str(tmp_path / f"{name}.wav"), [], name
    data.write()
    original_words(Path("out/heard"), Sound(data.path, rate, True, math.inf, 1), tmp_path / "words.json")
    found = HeardWords.read(tmp_path / "words.json")
    assert found.words.keys() == kinds.keys()
    assert found.words["clipped"] == found.words["loud"]
    assert found.words["plain"] == found.words["stereo"] != []
    assert list(found.skipped) == ["broken"]
    assert "1 of 6 utterances skipped: broken" in "".join(capsys.readouterr())


def test_the_folder_is_that_of_a_vosk_model(done: SimpleNamespace, capsys: Printed) -> None:
    out = Path("out/files")
    assert run_verb(capsys, "export", done.runs["thin"], out, "--vosk")[0] == 0
    assert run_verb(capsys, "export", done.runs["thin"], out, "--vosk")[0] == 0
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} - {EXPORT_MARK}
    conf = {"filterbank": "conf/fbank.conf", "cepstra": "conf/mfcc.conf"}[done.kind]
    own = {"graph/phones/word_boundary.int"} if done.kind == "filterbank" else set()
    usual = {"am/final.mdl", "conf/model.conf", "graph/HCLG.fst", "graph/words.txt"}
    assert names == usual | {conf} | own
    settings = dict(line[2:].split("=") for line in (out / "conf/model.conf").read_text().split())
    weight = json.loads((done.runs["thin"] / "score_test.json").read_text())["lm_weight"]
    assert float(settings["acoustic-scale"]) == pytest.approx(1 / weight)
    assert settings["frame-subsampling-factor"] == "1"
    nodes = json.loads((done.runs["thin"] / "shrunk/size.json").read_text())["nodes"]
    assert len(read_nnet3(out / "am/final.mdl").components["nodes1"].fields) > 1
    assert read_nnet3(out / "am/final.mdl").components["nodes1"].dims[1] == nodes[0]


def test_the_folder_of_nnet3(done: SimpleNamespace, capsys: Printed) -> None:
    out = Path("out/nnet3")
    assert run_verb(capsys, "export", done.runs["stream"], out, "--nnet3")[0] == 0
    conf = {"filterbank": "fbank.conf", "cepstra": "mfcc.conf"}[done.kind]
    assert {path.name for path in out.iterdir()} - {EXPORT_MARK} == {
        "final.mdl",
        "final.raw",
        "tree",
        "model.json",
        conf,
    }
    raw, whole = read_nnet3(out / "final.raw"), read_nnet3(out / "final.mdl")
    assert raw.nodes == whole.nodes
    assert not raw.transitions
    assert len(whole.priors) == whole.components["logits"].dims[1]


def test_what_vosk_cannot_have_is_refused(done: SimpleNamespace, capsys: Printed) -> None:
    run = done.runs["thin"]
    young = run.parent / "young"
    shutil.copytree(run, young)
    (young / "score_test.json").unlink()
    status, text = run_verb(capsys, "export", young, "out/young", "--vosk")
    shutil.rmtree(young)
    assert status == 1
    assert "young/score_test.json is missing, whose LM weight" in text
    for kind, name, sentence in (
        (
            "vosk",
            "align/mono/final.mdl",
            "mono/final.mdl is missing: the labels came without an HMM",
        ),
        ("vosk", "graph/HCLG.fst", "there is no exp/tones/graph/HCLG.fst; run the graph stage"),
        ("vosk", "graph/words.txt", "there is no exp/tones/graph/words.txt; run the graph stage"),
        ("nnet3", "align/mono/tree", "there is no exp/tones/align/mono/tree; run the align stage"),
    ):
        (Path("exp/tones") / name).rename("away")
        status, text = run_verb(capsys, "export", run, "out/young", f"--{kind}")
        Path("away").rename(Path("exp/tones") / name)
        assert status == 1
        assert sentence in text
    Path("out/mine").mkdir(parents=True, exist_ok=True)
    Path("out/mine/thesis.txt").write_text("mine")
    for kind in ("vosk", "nnet3"):
        status, text = run_verb(capsys, "export", run, "out/mine", f"--{kind}")
        assert status == 1
        assert f"out/mine exists and is not an earlier {kind} export; name another folder" in text
    status, text = run_verb(capsys, "export", run, "out/ctc", "--sherpa")
    assert status == 1
    assert "and this run learned labels; export it with --vosk" in text
    assert not any(Path("out", name).exists() for name in ("young", "ctc"))
