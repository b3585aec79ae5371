"""Which words are compared, and what verify.json and the report say of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.priors import log_likelihoods
from asr_prune.cli.main import main
from asr_prune.decode.two_networks import words_of_two
from asr_prune.features.archive import write_matrices
from asr_prune.features.options import FeaturesOptions
from asr_prune.features.stored import Stored
from asr_prune.hmm.network_features import NetworkFeatures
from asr_prune.lang.tokens import BEGIN, BLANK
from asr_prune.score import verify_run
from asr_prune.score.verify_run import Sample, _edits_on_dev, _words_that_differ, sample
from asr_prune.stages import STAGES

pytestmark = pytest.mark.trains

RECIPE = """
corpus: {prepare: PREPARE}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
network: {hidden: [32, 24], dropout: 0.1}
train: {epochs: 2, batch: 64, threads: 1, tensorboard: false}
decode: {lm_weights: [8], penalties: [0.0]}
score: {bootstrap: 100}
runs: [{name: dense, prune: {method: none}}, {name: half, prune: {method: magnitude, keep: 0.5}}]
"""
GIVEN = ["--recipe", "recipes/tones", "--nj", "2"]
RUNS = Path("exp/tones/runs")


def stored(folder: Path, seconds: list[float]) -> Stored:
    """Features of utterances of so many seconds, a frame each 10 ms."""
    feats = [(f"utt{i:03d}", np.zeros((round(100 * own), 1), np.float32)) for i, own in enumerate(seconds)]
    write_matrices(folder / "feats", feats, place=folder / "feats")
    return Stored.open(folder / "feats.scp", lambda _, matrix: matrix)


def test_edits_are_a_share_of_words_only_if_there_are_some() -> None:
    assert _edits_on_dev(3, 40) == "3 word edits on dev, 7.5 % of 40 words before the cut"
    assert _edits_on_dev(3, 0) == "3 word edits on dev, no words before the cut"


def test_half_an_hour_is_compared_whole(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        made = sample("test", stored(tmp_path, [30.0] * 60), 0.01)
    assert made.figures == {
        "utterances": 60,
        "seconds": 1800.0,
        "utterances_of": 60,
        "seconds_of": 1800.0,
    }
    assert len(made.feats) == 60
    assert not caplog.text


def test_of_more_half_an_hour_at_random_and_always_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    feats = stored(tmp_path, list(np.random.default_rng(3).uniform(5, 60, 120)))
    with caplog.at_level(logging.INFO):
        made = sample("test", feats, 0.01)
    assert 1800 <= made.figures["seconds"] < 1860
    assert made.figures["seconds"] == pytest.approx(sum(made.feats.frames.values()) / 100)
    assert made.figures["utterances"] == len(made.feats) < made.figures["utterances_of"] == 120
    assert list(made.feats) == sorted(made.feats) == sorted(sample("test", feats, 0.01).feats)
    assert {int(utt[3:]) // 40 for utt in made.feats} == {0, 1, 2}
    assert f"compared on a random sample of {len(made.feats)} of 120 utterances, 31 of 66 minutes" in caplog.text


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The corpus of tones, all stages done; the current folder."""
    here = tmp_path_factory.mktemp("project")
    (here / "recipes/tones").mkdir(parents=True)
    prepare = Path(__file__).parents[1] / "stages/tiny.py"
    (here / "recipes/tones/recipe.yaml").write_text(RECIPE.replace("PREPARE", str(prepare)))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        assert [main([verb, *GIVEN]) for verb in STAGES] == [0] * len(STAGES)
        yield here


def verified(run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RUNS / run / "verify.json").read_text())
    return found


def test_all_words_of_a_short_set_are_compared(project: Path) -> None:
    for run in ("dense", "half"):
        found = verified(run)
        assert list(found) == [
            "holds",
            "logits",
            "utterances_that_differ",
            "rounded",
            "cut",
            "words",
        ]
        assert found["holds"]
        assert found["utterances_that_differ"] == []
        assert found["words"]["test"]["utterances"] == found["words"]["test"]["utterances_of"] == 4
    cut = verified("half")["cut"]
    assert set(cut) == {"words_dev", "words_changed_dev", "norm_mass_removed", "converged"}
    assert cut["words_dev"] > 0
    assert verified("dense")["cut"] is None
    assert verified("dense")["words"]["test"]["same_scores"] == 4
    assert "random sample" not in Path("exp/tones/report/index.html").read_text()


def test_a_sample_is_stated_in_verify_json_log_and_report(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify_run, "COMPARED_SECONDS", 2.0)
    assert main(["verify", "exp/tones/runs/half", "--nj", "2"]) == 0
    found = verified("half")
    few = found["words"]["test"]
    assert 1 <= few["utterances"] < few["utterances_of"] == 4
    assert all(row["frames"] > 350 for row in found["logits"] if row["inputs"] == "test frames")
    assert f"random sample of {few['utterances']} of 4 utterances" in capsys.readouterr().out
    assert main(["report", *GIVEN]) == 0
    page = Path("exp/tones/report/index.html").read_text()
    sentence = "half: words of the masked and the shrunk network compared on a random sample of test:"
    assert f"{sentence} {few['utterances']} of 4 utterances" in page


def speller(scale: float) -> Model:
    """Says A where the first feature is high and B where it is low; with a scale of -1 the other way round."""
    network = FeedForward(1, (4,), 4)
    with torch.no_grad():
        for layer in network.affine:
            layer.weight.zero_()
            layer.bias.zero_()
        network.affine[0].weight[:2, 0] = torch.tensor([1.0, -1.0])
        network.affine[1].weight[2, 0] = network.affine[1].weight[3, 1] = scale
        network.affine[1].bias[:2] = -9.0
    features = NetworkFeatures(FeaturesOptions(), "mono").plain()
    tokens = [BLANK, BEGIN, BEGIN + "A", BEGIN + "B"]
    return Model(network, torch.zeros(4), (0, 0), [[0, 1, 2, 3]], features, tokens)


def test_utterances_with_other_words_are_named_whichever_network_says_which(tmp_path: Path) -> None:
    feats = {name: np.full((3, 1), value, np.float32) for name, value in (("low", -1.0), ("high", 1.0), ("mid", 0.0))}
    one, other = speller(1.0), speller(-1.0)
    pairs = words_of_two(one, one, feats, None, 1, "both", tmp_path / "both")
    assert {name: pair.one for name, pair in pairs.items()} == {
        "low": ["B"],
        "high": ["A"],
        "mid": ["A"],
    }
    assert _words_that_differ(one, one, Sample(feats, {}), None, 1, tmp_path / "same") == ([], [])
    for name, pair in (("first", (one, other)), ("second", (other, one))):
        assert _words_that_differ(*pair, Sample(feats, {}), None, 1, tmp_path / name) == (
            ["high", "low"],
            [],
        )


@pytest.mark.parametrize("name", ["low", "high"])
def test_one_utterance_that_differs_is_enough(tmp_path: Path, name: str) -> None:
    feats = {name: np.full((3, 1), 1.0 if name == "high" else -1.0, np.float32)}
    assert _words_that_differ(speller(1.0), speller(-1.0), Sample(feats, {}), None, 1, tmp_path) == ([name], [])


def adder(order: Sequence[int]) -> Model:
    """Says A where x is above the sum of 0.7 x, 0.2 x and 0.1 x, B where it is below; order: of the hidden nodes."""
    model = speller(1.0)
    first, second = model.network.affine
    with torch.no_grad():
        first.weight[:, 0] = torch.tensor([1.0, 0.7, 0.2, 0.1])[list(order)]
        second.weight[2:] = torch.tensor([[1.0, 0, 0, 0], [0, 1.0, 1.0, 1.0]])[:, list(order)]
    return model


def letters_of(model: Model, feats: dict[str, np.ndarray]) -> dict[str, int]:
    scores = log_likelihoods(model.network, model.priors, feats, model.context)
    return {utt: int(own[0, 2:].argmax()) for utt, own in scores}


def test_words_that_only_rounding_changes_are_no_difference(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The same function, its terms added in another order."""
    one, other = adder([0, 1, 2, 3]), adder([3, 2, 0, 1])
    values = torch.rand(4000, 1, generator=torch.Generator().manual_seed(1)) + 0.5
    # two by two, as below: of many at once, a CPU's library may add in another order
    pairs = ({f"utt{i}": x.numpy()[None] for i, x in enumerate(pair)} for pair in values.split(2))
    unlike = (feats for feats in pairs if not letters_of(one, feats).items() & letters_of(other, feats).items())
    feats = next(unlike)
    with caplog.at_level(logging.INFO):
        assert _words_that_differ(one, other, Sample(feats, {}), None, 1, tmp_path) == (
            [],
            ["utt0", "utt1"],
        )
    assert "2 of 2 utterances differ" in caplog.text
    assert "2 of these by rounding: scored in float64, both networks give the same words" in caplog.text
