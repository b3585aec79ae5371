"""CTC: the loss against every path, training that resumes exactly, and what goes wrong."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.augment import Augment
from asr_prune.acoustic.evaluate import evaluate
from asr_prune.acoustic.hooks import Hooks
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.train import Trainer
from asr_prune.acoustic.utterances import UtteranceSet, collapsed, fewest_frames, token_errors
from asr_prune.errors import UserError
from asr_prune.run_dir import RunDir

TOKENS = 4  # and the blank
Data = tuple[dict[str, np.ndarray], dict[str, np.ndarray]]


def data(seed: int, count: int = 24) -> Data:
    """Tokens of 6 to 9 frames each, which lie about the token's centre, with silence between; float32 [frames, 3]."""
    rng, centres = np.random.default_rng(seed), np.random.default_rng(0).standard_normal((TOKENS + 1, 3)) * 3
    tokens = {f"u{i:02d}": rng.integers(1, TOKENS + 1, rng.integers(1, 5)) for i in range(count)}
    feats = {}
    for name, own in tokens.items():
        path = np.concatenate([np.repeat([t, 0], rng.integers(6, 10, 2)) for t in own])
        feats[name] = (centres[path] + rng.standard_normal((len(path), 3))).astype(np.float32)
    return feats, tokens


def network_of(kind: str, examples: UtteranceSet) -> Network:
    torch.manual_seed(3)
    options = NetworkOptions(type=kind, hidden=(16, 12), dropout=0.2, stream=8, strides=(1, 3))  # type: ignore[arg-type]
    network = make(options, examples.inputs, TOKENS + 1)
    network.set_normalisation(*examples.moments())
    return network


@pytest.fixture
def make_trainer(tmp_path: Path) -> Callable[..., Trainer]:
    def made(name: str, kind: str, **train: object) -> Trainer:
        given = {"epochs": 4, "utterances": 5, "learning_rate": 0.02, "tensorboard": False, **train}
        options = TrainOptions(**given)  # type: ignore[arg-type]
        examples = UtteranceSet.from_utterances(*data(1), (1, 1), stride=3, augment=Augment.from_options(options))
        dev = UtteranceSet.from_utterances(*data(2), (1, 1), stride=3)
        return Trainer(network_of(kind, examples), options, examples, dev, Hooks(), 5, RunDir(tmp_path / name))

    return made


def test_the_loss_is_summed_over_every_path_that_spells_the_tokens() -> None:
    feats = {"a": np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)}
    examples = UtteranceSet.from_utterances(feats, {"a": np.array([2, 2])}, (0, 0))
    torch.manual_seed(0)
    network = make(NetworkOptions(hidden=(6,), dropout=0.0), 3, 3)
    posteriors = network(torch.from_numpy(feats["a"])).softmax(-1)
    total = 0.0
    for path in product(range(3), repeat=4):
        if collapsed(np.array(path)).tolist() == [2, 2]:
            total += math.prod(posteriors[t, token].item() for t, token in enumerate(path))
    outcome = examples.outcome(network, *next(examples.batches(1)))
    assert outcome.loss.item() == pytest.approx(-math.log(total) / 4, rel=1e-5)
    assert evaluate(network, examples).cross_entropy == pytest.approx(-math.log(total) / 4, rel=1e-5)


def test_all_ways_to_spell_add_up() -> None:
    feats, _ = data(6, 3)
    ways = {"u00": np.array([[1, 2, 3], [4, 2, 0]]), "u01": np.array([1, 2]), "u02": np.array([[3, 3], [3, 0], [4, 1]])}
    examples = UtteranceSet.from_utterances(feats, ways, (1, 1), stride=3)
    network, total = network_of("tdnn", examples), 0.0
    for name, own in ways.items():
        chances = []
        for way in np.atleast_2d(own):
            alone = UtteranceSet.from_utterances({name: feats[name]}, {name: way[way > 0]}, (1, 1), stride=3)
            chances.append(math.exp(-evaluate(network, alone).cross_entropy * len(feats[name])))
        total -= math.log(sum(chances))
    frames = sum(map(len, feats.values()))
    assert evaluate(network, examples).cross_entropy == pytest.approx(total / frames, rel=1e-5)


def test_ways_that_frames_do_not_suffice_for_are_left_out() -> None:
    feats = {"a": np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)}
    both, one = (
        UtteranceSet.from_utterances(feats, {"a": np.array(ways)}, (0, 0))
        for ways in ([[1, 1, 1, 0], [2, 1, 0, 0]], [[2, 1]])
    )
    assert [len(ways) for ways in both.tokens] == [1]
    network = make(NetworkOptions(hidden=(6,), dropout=0.0), 3, 3)
    assert evaluate(network, both) == evaluate(network, one)


def test_accuracy_is_that_of_the_likeliest_way() -> None:
    feats = {"a": np.zeros((3, 2), np.float32)}
    examples = UtteranceSet.from_utterances(feats, {"a": np.array([[1, 2], [3, 0]])}, (0, 0))
    network = make(NetworkOptions(hidden=(4,), dropout=0.0), 2, 4)
    torch.nn.init.zeros_(network.output.weight)
    network.output.bias.data = torch.tensor([0.0, -9.0, -9.0, 9.0])
    assert evaluate(network, examples).accuracy == 1.0


@pytest.mark.parametrize("kind", ["feed_forward", "residual", "tdnn", "tdnnf"])
def test_utterances_in_one_batch_are_judged_as_alone(kind: str) -> None:
    examples = UtteranceSet.from_utterances(*data(4), (1, 1), stride=3)
    network = network_of(kind, examples)
    one, all_at_once = evaluate(network, examples, 1), evaluate(network, examples, 99)
    assert one.cross_entropy == pytest.approx(all_at_once.cross_entropy, rel=1e-5)
    assert one.accuracy == pytest.approx(all_at_once.accuracy)


@pytest.mark.parametrize(
    ("kind", "train"),
    [("feed_forward", {}), ("tdnn", {}), ("tdnn", {"tempo": 0.2, "warp": 0.1, "mask_frames": 3, "mask_bands": 1})],
)
def test_a_run_that_was_killed_ends_as_one_that_was_not(
    make_trainer: Callable[..., Trainer], kind: str, train: dict[str, float]
) -> None:
    whole = make_trainer("whole", kind, **train)
    quality = whole.run()
    for epoch in (1, 3):
        killed = make_trainer(f"part{epoch}", kind, **train)
        while killed.epoch < epoch:
            killed._one_epoch()
        resumed = make_trainer(f"part{epoch}", kind, **train)
        assert resumed.run() == quality
        for name, value in whole.network.state_dict().items():
            assert torch.equal(value, resumed.network.state_dict()[name]), (epoch, name)


def test_it_learns_to_spell(make_trainer: Callable[..., Trainer], tmp_path: Path) -> None:
    quality = make_trainer("run", "tdnn", epochs=40, utterances=4).run()
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert quality.accuracy > 0.7
    assert rows[-1]["dev_ce"] < 0.3 * rows[0]["dev_ce"]
    assert rows[-1]["train_accuracy"] > 0.7


def test_what_cannot_be_spelled_in_its_frames_is_left_out_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    feats = {name: np.zeros((9, 2), np.float32) for name in "abc"}
    tokens = {"a": np.array([1, 2, 3]), "b": np.array([1, 1, 2]), "c": np.array([], int)}
    with caplog.at_level(logging.WARNING):
        assert len(UtteranceSet.from_utterances(feats, tokens, (0, 0), stride=3)) == 2
    assert "1 of 3 utterances have too few frames for their tokens at one of 3 frames" in caplog.text
    with pytest.raises(UserError, match=r"no utterance has both features and enough frames"):
        UtteranceSet.from_utterances({"b": feats["b"]}, tokens, (0, 0), stride=3)


def test_an_utterance_without_tokens_trains_silence() -> None:
    feats = {"a": np.ones((5, 2), np.float32), "b": np.zeros((4, 2), np.float32)}
    examples = UtteranceSet.from_utterances(feats, {"a": np.array([], int), "b": np.array([1])}, (0, 0))
    outcome = examples.outcome(make(NetworkOptions(hidden=(4,)), 2, 3), *next(examples.batches(2)))
    assert math.isfinite(outcome.loss.item())


@given(st.lists(st.integers(0, 3), max_size=12))
def test_a_path_collapses_as_by_hand(path: list[int]) -> None:
    expected = [t for i, t in enumerate(path) if t and (i == 0 or path[i - 1] != t)]
    assert collapsed(np.array(path, int)).tolist() == expected


@given(st.lists(st.integers(1, 3), max_size=6), st.lists(st.integers(1, 3), max_size=6))
def test_errors_are_the_least_edits(said: list[int], heard: list[int]) -> None:
    table = [[i + j for j in range(len(heard) + 1)] for i in range(len(said) + 1)]
    for i, one in enumerate(said, 1):
        for j, other in enumerate(heard, 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (one != other))
    assert token_errors([np.array(said, int)], [np.array(heard, int)]) == table[-1][-1]


@given(st.lists(st.integers(1, 2), min_size=1, max_size=4))
@settings(max_examples=20)
def test_the_fewest_frames_are_those_of_the_shortest_path(tokens: list[int]) -> None:
    lengths = [
        n
        for n in range(1, 8)
        if any(collapsed(np.array(path)).tolist() == tokens for path in product(range(3), repeat=n))
    ]
    assert fewest_frames(np.array(tokens)) == lengths[0]
