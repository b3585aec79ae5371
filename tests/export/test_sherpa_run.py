"""A trained CTC run on the corpus of tones, exported by the command and run by sherpa-onnx."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.words_files import read_words
from asr_prune.export import sherpa_check
from asr_prune.export.places import EXPORT_MARK
from asr_prune.lang.symbols import read_symbols
from asr_prune.stages import STAGES

from .page import printed
from .test_sherpa import recogniser_with_graph

pytestmark = pytest.mark.trains
pytest.importorskip("onnx", reason="onnx is absent; pip install -e '.[export]'")
pytest.importorskip("onnxruntime", reason="onnxruntime is absent; pip install -e '.[export]'")

RECIPE = """
corpus: {prepare: PREPARE}
lang: {tokens: phones}
features: {network: {bins: 80, cmvn: global}}
network: {type: tdnn, hidden: [24, 24], dropout: 0.0}
train: {epochs: 60, utterances: 4, threads: 1, tensorboard: false}
decode: {type: ctc, ctc_lm_weights: [1, 2], penalties: [0.0, -0.5]}
score: {bootstrap: 100}
runs:
  - {name: thin, prune: {method: magnitude, keep: 0.75}}
  - {name: usual, prune: {method: none}, train: {epochs: 1}}
"""
Printed = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """All stages but the report, in a project's folder."""
    here, back = tmp_path_factory.mktemp("project"), Path.cwd()
    (here / "recipes/tones").mkdir(parents=True)
    prepare = Path(__file__).parent.parent / "stages/tiny.py"
    (here / "recipes/tones/recipe.yaml").write_text(RECIPE.replace("PREPARE", str(prepare)))
    os.chdir(here)
    given = ["--recipe", "recipes/tones", "--nj", "1"]
    assert [main([verb, *given]) for verb in list(STAGES)[:-1]] == [0] * (len(STAGES) - 1)
    folders = Path("exp/tones/runs").iterdir()
    runs = {folder.name.split("-")[0]: folder for folder in folders}
    yield SimpleNamespace(runs=runs)
    os.chdir(back)


def run_verb(printed: Printed, *command: object) -> tuple[int, str]:
    printed.readouterr()
    status = main([str(word) for word in command])
    return status, "".join(printed.readouterr())


def test_sherpa_gives_the_words_of_the_run(done: SimpleNamespace, capsys: Printed) -> None:
    run = done.runs["thin"]
    status, text = run_verb(capsys, "export", run, "out/sherpa", "--sherpa")
    assert status == 0, text
    assert "same best" in text
    names = {"model.onnx", "model.int8.onnx", "tokens.txt", "words.txt", "HLG.fst", "check.json"}
    assert {path.name for path in Path("out/sherpa").iterdir()} == names | {EXPORT_MARK}
    rows = {row["form"]: row for row in json.loads(Path("out/sherpa/check.json").read_text())}
    assert rows["float32"]["difference"] < 1e-3
    assert rows["int8"]["bytes"] < rows["float32"]["bytes"]
    recogniser = recogniser_with_graph(Path("out/sherpa"))
    words = {number: word for word, number in read_symbols(Path("out/sherpa/words.txt")).items()}
    score = json.loads((run / "score_test.json").read_text())
    options = DecodeOptions(lm_weights=(1, 2), penalties=(0.0, -0.5))
    wanted = read_words(run / "decode_test", options)[score["lm_weight"], score["penalty"]]
    for utt, path in DataDir.read(Path("data/tones/test")).wavs.items():
        samples, rate = soundfile.read(path, dtype="float32")
        stream = recogniser.create_stream()
        stream.accept_waveform(rate, samples)
        recogniser.decode_stream(stream)
        assert [words[number] for number in stream.result.words] == wanted[utt]
    assert sum(map(len, wanted.values())) > 2
    shutil.copyfile(path, "speech.wav")
    status, text = run_verb(capsys, "export", run, "out/sherpa", "--sherpa", "--check")
    assert status == 0, text
    assert "sherpa-onnx, float32: 4 of 4 utterances of test have the words of the decode stage\n" in text
    rows = {row["form"]: row for row in json.loads(Path("out/sherpa/check.json").read_text())}
    assert (rows["float32"]["utterances"], rows["float32"]["other_words"], rows["int8"]["skipped"]) == (4, [], {})
    assert all(row["cpu_seconds"] > 0 and row["audio"] > 1 for row in rows.values())
    assert printed("from sherpa_onnx.lib import _sherpa_onnx as sherpa") == wanted[utt]
    assert printed("import sherpa_onnx, soundfile")


def test_characters_are_compared_without_a_graph(done: SimpleNamespace, capsys: Printed) -> None:
    text = Path("recipes/tones/recipe.yaml").read_text()
    for own, other in (
        ("phones", "characters"),
        ("[1, 2], penalties: [0.0, -0.5]", "[1], penalties: [0.0], search: greedy"),
    ):
        text = text.replace(own, other)
    Path("recipes/spelled").mkdir()
    Path("recipes/spelled/recipe.yaml").write_text(text)
    given = ["--recipe", "recipes/spelled", "--nj", "1"]
    assert main(["run", *given, "--set", "runs=[{name: greedy, prune: {method: none}}]"]) == 0
    status, text = run_verb(capsys, "export", "exp/spelled/runs/greedy", "out/greedy", "--sherpa", "--check")
    assert status == 0, text
    assert not Path("out/greedy/HLG.fst").exists()
    assert "sherpa-onnx, float32: 4 of 4 utterances of test have the words of the decode stage\n" in text


def test_a_check_needs_words_before_anything_is_written(done: SimpleNamespace, capsys: Printed) -> None:
    young = done.runs["usual"].parent / "unscored"
    shutil.copytree(done.runs["usual"], young)
    (young / "score_test.json").unlink()
    status, text = run_verb(capsys, "export", young, "out/unscored", "--sherpa", "--check")
    assert status == 1
    assert "--check compares words with those of the decode stage, and" in text
    assert "unscored/score_test.json is missing; run the score stage" in text
    assert not Path("out/unscored").exists()
    shutil.rmtree(young)


def test_without_sherpa_nothing_is_begun(
    done: SimpleNamespace, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sherpa_check, "find_spec", lambda name: None)
    status, text = run_verb(capsys, "export", done.runs["thin"], "out/none", "--sherpa", "--check")
    assert status == 1
    assert "--check needs sherpa-onnx, which is not there; install it with: pip install sherpa-onnx" in text
    assert not Path("out/none").exists()


def test_a_graph_needs_a_scored_run(done: SimpleNamespace, capsys: Printed) -> None:
    young = done.runs["usual"].parent / "young"
    shutil.copytree(done.runs["usual"], young)
    (young / "score_test.json").unlink()
    status, text = run_verb(capsys, "export", young, "out/young", "--sherpa")
    assert status == 1
    assert "young/score_test.json is missing, whose LM weight and penalty go into the graph" in text
    assert not Path("out/young").exists()
    shutil.rmtree(young)


@pytest.mark.parametrize("name", ["tokens.txt", "words.txt", "G.fst"])
def test_a_missing_file_is_named(done: SimpleNamespace, capsys: Printed, name: str) -> None:
    (Path("data/tones/lang") / name).rename("away")
    status, text = run_verb(capsys, "export", done.runs["thin"], "out/missing", "--sherpa")
    Path("away").rename(Path("data/tones/lang") / name)
    assert status == 1
    assert f"data/tones/lang/{name}" in text
    assert "run the lang stage" in text
    assert not Path("out/missing").exists()


def test_what_is_no_export_is_not_replaced(done: SimpleNamespace, capsys: Printed) -> None:
    Path("out/mine").mkdir(parents=True)
    Path("out/mine/thesis.txt").write_text("mine")
    status, text = run_verb(capsys, "export", done.runs["thin"], "out/mine", "--sherpa")
    assert status == 1
    assert "out/mine exists and is not an earlier sherpa export; name another folder" in text
    assert Path("out/mine/thesis.txt").read_text() == "mine"
