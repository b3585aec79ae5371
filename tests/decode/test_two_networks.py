"""The words of two networks are those of each alone, and equal scores are searched once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.network_scores import NetworkScores
from asr_prune.decode.options import DecodeOptions
from asr_prune.decode.two_networks import words_of_two
from asr_prune.features.options import FeaturesOptions
from asr_prune.hmm.network_features import NetworkFeatures

FEATS = {f"utt{i}": np.random.default_rng(i).normal(size=(30 + i, 5)).astype(np.float32) for i in range(6)}


def model(outputs: int, seed: int, tokens: list[str] | None = None) -> Model:
    """A network with random weights, large ones so that words differ."""
    torch.manual_seed(seed)
    network = FeedForward(5, [8], outputs)
    with torch.no_grad():
        for layer in network.affine:
            layer.weight *= 6
    features = NetworkFeatures(FeaturesOptions(), "mono").plain()
    return Model(network, torch.zeros(outputs), (0, 0), [list(range(8))], features, tokens or [])


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A number for each search of this process."""
    best, made = Decoder.best, list[int]()

    def counted(*arguments: Any) -> Any:
        made.append(len(arguments[1]))
        return best(*arguments)

    monkeypatch.setattr(Decoder, "best", counted)
    return made


@pytest.mark.parametrize("nj", [1, 2])
def test_words_are_those_of_each_network_alone(recogniser: Any, tmp_path: Path, nj: int) -> None:
    one, other = (model(recogniser.pdfs, seed) for seed in (1, 2))
    narrow = DecodeOptions(beam=11.0, max_active=1500)
    decoder = Decoder(recogniser.graph, narrow)
    alone = [{utt: decoder.best(m, 1 / 12) for utt, m in NetworkScores(each, FEATS)} for each in (one, other)]
    pairs = words_of_two(one, other, FEATS, recogniser.graph, nj, "both", tmp_path)
    assert set(pairs) == set(FEATS)
    assert {utt: pair.one for utt, pair in pairs.items()} == {utt: path.words for utt, path in alone[0].items()}
    assert {utt: pair.other for utt, pair in pairs.items()} == {utt: path.words for utt, path in alone[1].items()}
    assert any(pair.one != pair.other for pair in pairs.values())
    assert not any(pair.alike for pair in pairs.values())


def test_equal_scores_are_searched_once_or_not_at_all(recogniser: Any, tmp_path: Path, searches: list[int]) -> None:
    one, same = model(recogniser.pdfs, 1), model(recogniser.pdfs, 1)
    pairs = words_of_two(one, same, FEATS, recogniser.graph, 1, "both", tmp_path / "all")
    assert searches == [len(frames) for frames in FEATS.values()]
    assert all(pair.alike and pair.one == pair.other for pair in pairs.values())
    searches.clear()
    assert words_of_two(one, same, FEATS, recogniser.graph, 1, "both", tmp_path / "unlike", unlike=True) == {}
    assert searches == []


def test_the_smallest_difference_is_searched(recogniser: Any, tmp_path: Path, searches: list[int]) -> None:
    one, other = model(recogniser.pdfs, 1), model(recogniser.pdfs, 1)
    other.priors[0] = 1e-6
    pairs = words_of_two(one, other, FEATS, recogniser.graph, 1, "both", tmp_path / "unlike", unlike=True)
    assert list(pairs) == list(FEATS)
    assert len(searches) == 2 * len(FEATS)


def test_greedy_networks_too(tmp_path: Path) -> None:
    tokens = ["<blk>", "▁a", "b", "c"]
    one, other = model(4, 1, tokens), model(4, 2, tokens)
    pairs = words_of_two(one, other, FEATS, None, 2, "both", tmp_path / "two")
    assert any(pair.one != pair.other for pair in pairs.values())
    assert all(pair.alike for pair in words_of_two(one, one, FEATS, None, 1, "both", tmp_path / "one").values())


def test_unfinished_words_name_no_setting(recogniser: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The beam of the comparison is no setting."""
    feats = {"short": FEATS["utt0"][:2]}
    words_of_two(
        model(recogniser.pdfs, 1), model(recogniser.pdfs, 2), feats, recogniser.graph, 1, "both", tmp_path / "all"
    )
    assert "1 utterance reached no final state" in caplog.text
    assert "decode.beam" not in caplog.text
