"""A corpus without a lexicon from audio to the report, by CTC: with a language model, and greedily without."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.acoustic.targets import token_targets
from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.network_scores import with_token_priors
from asr_prune.recipe.load import load_recipe
from asr_prune.stages import STAGES
from asr_prune.workflow.experiment import Experiment

pytestmark = pytest.mark.trains

RECIPE = """
corpus: {prepare: PREPARE}
network: {type: tdnn, hidden: [48, 32], dropout: 0.0}
train: {epochs: 60, utterances: 4, learning_rate: 0.01, threads: 1, tensorboard: false}
score: {bootstrap: 100}
runs:
  - {name: dense, prune: {method: none}}
  - {prune: {method: group_lasso, keep: 0.5}}
  - {prune: {method: magnitude, keep: 0.5}, network: {type: feed_forward}}
"""
RUNS = ("dense", "group_lasso-keep0.5", "magnitude-keep0.5-type-feed_forward")


def all_stages(here: Path, name: str) -> list[int]:
    (here / "recipes" / name).mkdir(parents=True)
    prepare = Path(__file__).with_name("spelled.py")
    (here / "recipes" / name / "recipe.yaml").write_text(RECIPE.replace("PREPARE", str(prepare)))
    return [main([verb, "--recipe", f"recipes/{name}", "--nj", "1"]) for verb in STAGES]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """All stages, with the language model's words."""
    here, back = tmp_path_factory.mktemp("project"), Path.cwd()
    os.chdir(here)
    statuses = all_stages(here, "tones")
    yield SimpleNamespace(statuses=statuses, data=here / "data/tones", exp=here / "exp/tones")
    os.chdir(back)


def test_the_table_has_a_row_per_run(done: SimpleNamespace) -> None:
    assert done.statuses == [0] * len(STAGES)
    rows = {row["run"]: row for row in json.loads((done.exp / "report/results.json").read_text())}
    assert set(rows) == set(RUNS)
    assert rows["dense"]["wer_test"] < 20
    assert rows["dense"]["nodes"] == rows["dense"]["nodes_dense"] == 80
    for name in RUNS[1:]:
        assert rows[name]["nodes"] <= 41
        assert rows[name]["params"] < rows[name]["params_dense"]
    assert rows["dense"]["macs_per_frame"] < rows["dense"]["params"]


def test_nothing_was_aligned_and_no_phone_made(done: SimpleNamespace) -> None:
    assert not (done.exp / "align").exists()
    assert not (done.data / "lang/phones.txt").exists()
    assert not (done.data / "train/feats.scp").exists()


def test_removal_is_exact_down_to_the_words(done: SimpleNamespace) -> None:
    for name in RUNS:
        found = json.loads((done.exp / "runs" / name / "verify.json").read_text())
        assert found["holds"]
        assert found["utterances_that_differ"] == []
        assert main(["verify", f"exp/tones/runs/{name}"]) == 0


def test_a_model_carries_what_its_outputs_spell(done: SimpleNamespace) -> None:
    small = load_model(done.exp / "runs/group_lasso-keep0.5/shrunk/network.pt")
    assert small.tokens[:2] == ["<blk>", "\u2581"]
    assert sum(small.network.widths) <= 41
    assert small.network.stride == 3


def test_again_is_up_to_date(done: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in STAGES:
        assert main([verb, "--recipe", "recipes/tones", "--nj", "1"]) == 0
        told = capsys.readouterr().out
        assert "up to date" in told or told == "align: nothing to do for this recipe\n"
        assert "training, run" not in told


def test_the_path_taken_is_reported(done: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    (done.data / "lang/tokens.txt").unlink()
    assert main(["lang", "--recipe", "recipes/tones"]) == 0
    assert "(the corpus has no lexicon: networks learn to spell its words" in capsys.readouterr().out


def test_bad_requests_are_told(done: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--recipe", "recipes/tones", "--set"]
    assert main(["features", *given, "features.network.type=hmm"]) == 1
    assert "features.network.type hmm takes the features of a GMM-HMM" in capsys.readouterr().err
    assert main(["train", *given, "decode.type=hmm"]) == 1
    assert (
        "network.strides keep one frame of 3, but every frame has a label of the GMM-HMM; set network.strides to [1]"
        in capsys.readouterr().err
    )
    plain = [*given, "decode.type=hmm", "--set", "prune.method=none", "--set", "network.type=feed_forward", "--set"]
    assert main(["train", *plain, "train.mask_frames=9"]) == 1
    assert "mask_frames and mask_bands change whole utterances, which only CTC trains on" in capsys.readouterr().err
    assert main(["train", *given, "train.warp=0.1", "--set", "features.network.deltas=1"]) == 1
    assert "train.warp and train.mask_bands change the bands of a filterbank" in capsys.readouterr().err
    model = next((done.exp / "runs").glob("*/shrunk/network.pt"))
    assert main(["train", *given, f"train.teacher={model}", "--set", "train.teacher_top=4"]) == 1
    assert "teachers of CTC are run on every batch; leave train.teacher_top out." in capsys.readouterr().err
    assert main(["train", *given, "runs=[{prune: {method: magnitude, keep: 0.5, turn: true}}]"]) == 1
    assert "a network of type tdnn has no bottlenecks that prune.turn could turn" in capsys.readouterr().err
    assert main(["lang", *given, "decode.type=hmm"]) == 1
    assert "local/lexicon.txt is missing; run the corpus stage" in capsys.readouterr().err
    assert main(["ladder", "--recipe", "recipes/tones"]) == 1
    assert "CTC has none" in capsys.readouterr().err


def test_pieces_in_place_of_characters(done: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--recipe", "recipes/tones", "--nj", "1"]
    sets = ["lang.tokens=pieces", "lang.pieces=12", "prune.method=none", "train.epochs=2", "train.tempo=0.1"]
    change = [*given, *(word for text in sets for word in ("--set", text))]
    assert [main([verb, *change]) for verb in STAGES] == [0] * len(STAGES)
    assert "12 pieces, the blank included" in capsys.readouterr().out
    assert (done.data / "lang/tokens.model").is_file()
    model = load_model(next((done.exp / "runs").glob("*-epochs-2*")) / "shrunk/network.pt")
    assert len(model.tokens) == model.network.outputs == 12
    assert main(["lang", *given]) == 0


def test_phones_of_a_lexicon(done: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    given, lexicon = ["--recipe", "recipes/tones", "--nj", "1"], done.data / "local/lexicon.txt"
    sets = ["lang.tokens=phones", "decode.type=ctc", "prune.method=none", "train.epochs=20", "train.mask_bands=1"]
    change = [*given, *(word for text in sets for word in ("--set", text))]
    assert main(["lang", *change]) == 1
    assert "lang.tokens phones takes a lexicon, and the corpus has none" in capsys.readouterr().err
    (done.data / "SHA256SUMS").unlink()  # changed on purpose
    (done.data / "facts.json").write_text('{"lexicon": true, "arpa": true}')
    lexicon.write_text("HIGH HH AY\nLOW L OW\nLOW L OW W\nMID M IH D\nUNHEARD UH\n")
    assert main(["lang", *change, "--set", "decode.search=greedy"]) == 1
    assert "lang.tokens phones spell no word with greedy decoding" in capsys.readouterr().err
    verbs = [verb for verb in STAGES if verb != "corpus"]
    assert [main([verb, *change]) for verb in verbs] == [0] * len(verbs)
    assert "9 phones, the blank included" in capsys.readouterr().out
    (folder,) = (done.exp / "runs").glob("*-mask_bands-1")
    assert json.loads((folder / "verify.json").read_text())["holds"]
    assert load_model(folder / "shrunk/network.pt").tokens[0] == "<blk>"
    lexicon.unlink()
    assert [main([verb, *given]) for verb in ("corpus", "lang")] == [0, 0]
    assert not (done.data / "lang/tokens.lexicon").exists()


def test_priors_are_for_searching_words(done: SimpleNamespace) -> None:
    model = load_model(done.exp / "runs/dense/shrunk/network.pt")
    sets = [[], ["decode.ctc_prior_scale=0.5"], ["decode.ctc_prior_scale=0"], ["decode.search=greedy"]]
    usual, more, none, greedy = (
        with_token_priors(Experiment(load_recipe("recipes/tones", own)).decoding, model).priors for own in sets
    )
    assert torch.allclose(more / 0.5, usual / 0.4)
    assert float((more / 0.5).exp().sum()) == pytest.approx(1, abs=1e-5)
    assert not none.any()
    assert not greedy.any()


def test_a_grammar_in_place_of_a_language_model(done: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    grammar = done.data / "said.jsgf"
    grammar.write_text("#JSGF V1.0;\ngrammar said;\npublic <said> = (LOW | MID | HIGH | UNHEARD)+;\n")
    given = ["--recipe", "recipes/tones", "--nj", "1"]
    change = [*given, "--set", f"lang.grammar={grammar}", "--set", "prune.method=none"]
    assert [main([verb, *change]) for verb in STAGES] == [0] * len(STAGES)
    assert "grammar of 1 rules, 3 words, 1 words left out" in capsys.readouterr().out
    assert main(["lang", *given]) == 0


def test_the_n_best_words_are_those_of_the_graph_of_tokens(
    done: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    change = ["--recipe", "recipes/tones", "--nj", "1", "--set", "decode.lattice=true", "--set", "runs=[]"]
    other = done.exp / "graph/words.txt"
    other.parent.mkdir()
    other.write_text("<eps> 0\nHIGH 1\nLOW 2\nMID 3\n")
    wrong = [*change, "--set", "prune.method=none", "--set", "train.epochs=60"]
    assert [main([verb, *wrong]) for verb in ("train", "shrink", "decode")] == [0, 0, 0]
    capsys.readouterr()
    assert main(["nbest", "exp/tones/runs/dense", "-n", "1", "--lm-weight", "3"]) == 0
    best = dict(line.split(" ", 1) for line in capsys.readouterr().out.splitlines())
    dense = done.exp / "runs/dense/decode_test"
    decoded = dict(line.split(" ", 1) for line in (dense / "penalty_0/3.txt").read_text().splitlines())
    assert {name.removesuffix("-1"): text.split(" ", 1)[1] for name, text in best.items()} == decoded
    other.unlink()
    assert main(["decode", "--recipe", "recipes/tones", "--nj", "1"]) == 0


def test_nested_widths_of_a_guided_run(done: SimpleNamespace) -> None:
    given = ["--recipe", "recipes/tones", "--nj", "1"]
    sets = ["prune.method=guided", "prune.norm=l2", "prune.keep=0.5", "train.epochs=20"]
    change = [*given, *(word for text in sets for word in ("--set", text))]
    assert [main([verb, *change]) for verb in ("train", "shrink")] == [0, 0]
    (folder,) = (done.exp / "runs").glob("guided-*")
    assert main(["widths", f"exp/tones/runs/{folder.name}", "--nj", "1"]) == 0
    rows = json.loads((folder / "widths.json").read_text())
    trained = json.loads((folder / "train.json").read_text())
    assert rows[-1]["nodes_per_layer"] == [48, 32]
    assert rows[-1]["dev_ce"] == pytest.approx(trained["dev_ce_before_cut"], rel=1e-5)


@pytest.mark.parametrize("search", ["graph", "greedy"])
def test_the_words_of_the_exported_network(done: SimpleNamespace, tmp_path: Path, search: str) -> None:
    pytest.importorskip("onnxruntime", reason="onnxruntime is absent; pip install -e '.[export]'")
    given = ["--onnx", "--nj", "1", "--set", f"decode.search={search}"]
    assert main(["export", "exp/tones/runs/group_lasso-keep0.5", str(tmp_path / "out"), *given]) == 0
    torch_row, float_row, small_row = json.loads((tmp_path / "out/check.json").read_text())
    assert float_row["utterances_changed"] == 0
    assert float_row["wer_test"] == torch_row["wer_test"]
    assert small_row["same_best"] > 0.9


def test_an_utterance_with_an_unseen_character_is_left_out(
    done: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    dev = DataDir.read(done.data / "dev")
    (done.data / "dev/SHA256SUMS").unlink()  # changed on purpose
    heard = dev.text["dan-0"]
    dev.text["dan-0"] = ["LOW", "ZERO"]
    dev.write()
    labels, symbols = token_targets(done.data / "lang", [done.data / "dev"])
    assert sorted(labels) == ["dan-1", "dan-2", "dan-3"]
    assert symbols == ["<blk>", "\u2581", *"DGHILMOW"]
    assert "1 of 4 utterances have words that the tokens of the training text cannot spell" in caplog.text
    dev.text["dan-0"] = heard
    dev.write()


def test_verify_needs_no_graph_of_other_tokens(done: SimpleNamespace) -> None:
    given = ["--recipe", "recipes/tones", "--nj", "1"]
    sets = ["lang.tokens=pieces", "lang.pieces=11", "decode.type=ctc", "decode.search=greedy", "prune.method=l2"]
    change = [*given, *(word for text in (*sets, "prune.keep=0.5") for word in ("--set", text))]
    assert [main([verb, *change]) for verb in STAGES] == [0] * len(STAGES)
    assert (done.exp / "token_graph/HCLG.fst").is_file()
    assert [main([verb, *given]) for verb in ("lang", "graph")] == [0, 0]


def test_without_a_language_model_decoding_is_greedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPELLED_GREEDILY", "1")
    assert all_stages(tmp_path, "greedy") == [0] * len(STAGES)
    assert not list((tmp_path / "exp/greedy").rglob("HCLG.fst"))
    rows = {row["run"]: row for row in json.loads((tmp_path / "exp/greedy/report/results.json").read_text())}
    assert rows["dense"]["cer_test"] < 60
    assert json.loads((tmp_path / "exp/greedy/runs/dense/verify.json").read_text())["holds"]
    change = ["--recipe", "recipes/greedy", "--nj", "1", "--set", "lang.lm.order=2"]
    assert [main([verb, *change]) for verb in ("lang", "graph")] == [0, 0]
    assert "2-gram of 3 words, 0 dropped" in capsys.readouterr().out
