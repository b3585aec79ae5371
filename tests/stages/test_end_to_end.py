"""A few minutes of AN4 from audio to the report, and what must hold on the way."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.network_scores import NetworkScores
from asr_prune.decode.options import DecodeOptions
from asr_prune.lang.fst import read_fst
from asr_prune.recipe.load import load_recipe
from asr_prune.stages import STAGES
from asr_prune.workflow.experiment import Experiment

pytestmark = pytest.mark.trains

RECIPE = """
corpus: {prepare: PREPARE}
hmm:
  passes:
    - {type: mono, iterations: 12, grow_iterations: 8, gaussians: 300, realign: [1, 2, 3, 4, 6, 8, 10]}
    - {type: tri, leaves: 100, gaussians: 400, iterations: 8, grow_iterations: 5, realign: [4]}
    - {type: lda_mllt, leaves: 100, gaussians: 400, iterations: 8, grow_iterations: 5, realign: [4]}
    - {type: sat, leaves: 100, gaussians: 400, iterations: 8, grow_iterations: 5, realign: [4]}
features: {network: {type: hmm}}
network: {hidden: [96, 96], dropout: 0.1}
train: {epochs: 4, batch: 128, threads: 1, tensorboard: false}
prune: {method: group_lasso}
decode: {lm_weights: [8, 10, 12], penalties: [0.0]}
score: {equivalents: [[O, OH]], bootstrap: 500}
runs:
  - {name: dense, prune: {method: none}}
  - {prune: {keep: 0.5}}
"""
VERBS = list(STAGES)


@pytest.fixture(scope="module")
def done(an4_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """All stages run once, in a folder of their own."""
    here, back = tmp_path_factory.mktemp("project"), Path.cwd()
    (here / "recipes/small").mkdir(parents=True)
    prepare = Path(__file__).parent / "small_an4.py"
    (here / "recipes/small/recipe.yaml").write_text(RECIPE.replace("PREPARE", str(prepare)))
    os.chdir(here)
    given = ["--recipe", "recipes/small", "--nj", "2", "--set", f"corpus.root={an4_root}"]
    statuses = [main([verb, *given]) for verb in VERBS]
    yield SimpleNamespace(here=here, given=given, statuses=statuses, exp=here / "exp/small")
    os.chdir(back)


def test_every_stage_succeeds(done: SimpleNamespace) -> None:
    assert done.statuses == [0] * len(VERBS)


def test_the_table_has_a_row_per_run_with_a_word_error_rate(done: SimpleNamespace) -> None:
    rows = {row["run"]: row for row in json.loads((done.exp / "report/results.json").read_text())}
    assert set(rows) == {"dense", "group_lasso-keep0.5"}
    assert rows["dense"]["wer_test"] < 30
    assert rows["group_lasso-keep0.5"]["wer_test"] < 35
    assert rows["group_lasso-keep0.5"]["nodes"] <= 96
    assert rows["group_lasso-keep0.5"]["params"] < rows["dense"]["params"]
    assert rows["dense"]["nodes"] == rows["dense"]["nodes_dense"] == 192
    for name in ("results.csv", "wer_vs_nodes.png", "index.html"):
        assert (done.exp / "report" / name).stat().st_size > 0


def test_masked_and_shrunk_are_the_same_network(done: SimpleNamespace) -> None:
    for run in ("dense", "group_lasso-keep0.5"):
        found = json.loads((done.exp / "runs" / run / "verify.json").read_text())
        assert found["holds"]
        assert found["utterances_that_differ"] == []
        assert main(["verify", f"exp/small/runs/{run}"]) == 0


def test_again_is_up_to_date(done: SimpleNamespace, capsys: pytest.CaptureFixture[str]) -> None:
    for verb in VERBS:
        capsys.readouterr()
        assert main([verb, *done.given]) == 0
        told = capsys.readouterr().out
        assert "up to date" in told
        assert "training, run" not in told


def test_a_changed_score_block_scores_again_and_trains_nothing(
    done: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    change = [*done.given, "--set", "score.equivalents=[]"]
    assert main(["decode", *change]) == 0
    assert "decode dense: up to date" in capsys.readouterr().out
    assert main(["score", *change]) == 0
    assert "score dense: scoring" in capsys.readouterr().out
    assert main(["score", *done.given]) == 0


def test_a_missing_file_names_the_stage_that_makes_it(
    done: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = done.exp / "graph/HCLG.fst"
    graph.rename(graph.with_suffix(".away"))
    assert main(["decode", *done.given]) == 1
    told = capsys.readouterr().err
    assert "HCLG.fst is missing; run the graph stage" in told
    graph.with_suffix(".away").rename(graph)


def test_each_pass_is_decoded_by_the_same_code_and_speaker_adaptation_pays(done: SimpleNamespace) -> None:
    assert main(["ladder", *done.given]) == 0
    rows = {row["pass"]: row for row in json.loads((done.exp / "align/ladder.json").read_text())}
    assert list(rows) == ["mono", "tri", "lda_mllt", "sat"]
    assert rows["mono"]["wer_test"] < 40
    assert rows["sat"]["wer_test"] < 0.75 * rows["mono"]["wer_test"]
    assert rows["tri"]["pdfs"] <= 100


@pytest.fixture(scope="module")
def scores(done: SimpleNamespace) -> dict[str, np.ndarray]:
    """Log-likelihoods of the test set under the dense network."""
    feats = Experiment(load_recipe("recipes/small", done.given[-1:]), 1).decoding.load("test")
    return dict(NetworkScores(load_model(done.exp / "runs/dense/shrunk/network.pt"), feats))


def test_search_and_lattice_find_the_cost_of_the_best_path_in_human_speech(
    done: SimpleNamespace, scores: dict[str, np.ndarray], viterbi: Callable
) -> None:
    arrays = FstArrays.of(read_fst(done.exp / "graph/HCLG.fst", "graph"))
    column = np.loadtxt(done.exp / "graph/pdfs.txt", np.int32)
    exact = Decoder(done.exp / "graph", DecodeOptions(beam=1e4, max_active=10**7))
    usual = Decoder(done.exp / "graph", DecodeOptions(beam=15.0))
    for utt in sorted(scores)[:3]:
        lattice = usual.lattice(scores[utt])
        for weight, (_, cost) in zip((5, 10, 15), lattice.sweep([(5, 0.0), (10, 0.0), (15, 0.0)]), strict=True):
            least = viterbi(arrays, scores[utt] / weight, column)
            assert -exact.best(scores[utt], 1 / weight).score == pytest.approx(least, abs=1e-3)
            assert cost == pytest.approx(least, abs=1e-3)


@pytest.mark.parametrize("beam", [13.0, 15.0])
def test_usual_beams_lose_at_most_one_best_path(
    done: SimpleNamespace, scores: dict[str, np.ndarray], beam: float
) -> None:
    """By cost, for words of one pronunciation tie under a flat unigram: which of them is printed is nobody's error."""
    exact = Decoder(done.exp / "graph", DecodeOptions(beam=1e4, max_active=10**7))
    usual = Decoder(done.exp / "graph", DecodeOptions(beam=beam))
    weights = (6, 10, 14)
    lost = dict.fromkeys(weights, 0)
    for matrix in scores.values():
        swept = usual.lattice(matrix).sweep([(weight, 0.0) for weight in weights])
        for weight, (_, cost) in zip(weights, swept, strict=True):
            lost[weight] += cost + exact.best(matrix, 1 / weight).score > 1e-2
    assert max(lost.values()) <= 1, lost


def test_files_are_transcribed_with_the_words_of_the_decode_stage(
    done: SimpleNamespace, capsys: pytest.CaptureFixture[str], an4_root: Path
) -> None:
    """Adapted to each folder, which is a speaker; O and OH cost the same here, so that rounding chooses."""
    run, test = "exp/small/runs/group_lasso-keep0.5", DataDir.read(done.here / "data/small/test")
    chosen = json.loads((done.here / run / "score_dev.json").read_text())
    place = done.here / run / f"decode_test/penalty_{chosen['penalty']:g}/{chosen['lm_weight']}.txt"
    words = {line.split()[0]: line.split()[1:] for line in place.read_text().splitlines()}
    capsys.readouterr()
    given = ["--speaker", "folder", "--times", "--confidence", "--json", *done.given[4:]]
    assert main(["transcribe", run, *test.wavs.values(), *given]) == 0
    found = {made["file"]: made for made in map(json.loads, capsys.readouterr().out.splitlines())}
    for utt, path in test.wavs.items():
        said, heard = (" ".join(own).replace("OH", "O") for own in (words[utt], found[path]["text"].split()))
        assert heard == said
        times = [word[name] for word in found[path]["words"] for name in ("start", "end")]
        assert times == sorted(times)
        assert all(0 <= word["confidence"] <= 1 for word in found[path]["words"])
    sure: dict[bool, list[float]] = {True: [], False: []}
    for utt, path in test.wavs.items():
        sure[words[utt] == test.text[utt]] += [word["confidence"] for word in found[path]["words"]]
    assert np.mean(sure[False]) + 0.05 < np.mean(sure[True]) < 1


def test_a_packed_model_has_the_same_words_and_adapts_to_speakers(
    done: SimpleNamespace, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run, packed = "exp/small/runs/group_lasso-keep0.5", str(tmp_path / "an4 ü.asr")
    assert main(["pack", run, packed, *done.given]) == 0
    wavs = list(DataDir.read("data/small/test").wavs.values())[:8]
    common = [*wavs, "--speaker", "folder", "--times", "--confidence", "--json", "--nj", "2"]
    capsys.readouterr()
    assert main(["transcribe", run, *common, *done.given[4:]]) == 0
    expected = capsys.readouterr().out
    os.chdir(tmp_path)
    try:
        assert main(["transcribe", packed, *common]) == 0
    finally:
        os.chdir(done.here)
    assert capsys.readouterr().out == expected


def test_the_times_of_words_are_those_of_the_last_pass(done: SimpleNamespace) -> None:
    """The words of dev, aligned with the network, lie where the GMM-HMM that labelled them has the same words."""
    from asr_prune.decode.word_times import HmmTimer
    from asr_prune.hmm.labels import read_labels
    from asr_prune.hmm.model import HmmModel
    from asr_prune.hmm.phones import phone_spans

    decoding = Experiment(load_recipe("recipes/small", done.given[-1:]), 1).decoding
    feats = decoding.load("dev")
    timer = HmmTimer(decoding.lang, decoding.hmm, decoding.options, 10.0)
    dev, labels = DataDir.read(decoding.set("dev")), read_labels(decoding.hmm / "ali.ark")
    transitions, off = HmmModel.load(decoding.hmm).transitions, []
    for utt, loglikes in NetworkScores(load_model(done.exp / "runs/dense/shrunk/network.pt"), feats):
        ends = {at for _, span in phone_spans(transitions, labels[utt].tolist()) for at in span}
        spans = timer(dev.text[utt], loglikes)
        assert len(spans) == len(dev.text[utt])
        off += [min(abs(at - end) for end in ends) for span in spans for at in span]
    assert np.mean(np.array(off) <= 3) > 0.8
