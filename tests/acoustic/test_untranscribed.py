from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from asr_prune.acoustic.evaluate import evaluate
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.acoustic.imported import checked_network, model_priors
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.acoustic.teacher import Lesson
from asr_prune.acoustic.unlabelled import NO_LABEL
from asr_prune.acoustic.untranscribed import Original, Untranscribed, divergence, score_distance
from asr_prune.errors import UserError
from asr_prune.nnet3.model import write_nnet3
from tests.nnet3.conftest import tdnnf_model

DICE = np.random.default_rng(0)
OUTPUTS, WANTED = (torch.from_numpy(DICE.normal(size=(3, 4))) for _ in range(2))
FEATURES = {name: DICE.normal(size=(frames, 6)).astype(np.float32) for name, frames in (("a", 5), ("b", 9), ("c", 2))}


def test_the_divergence_by_a_slow_loop() -> None:
    total = 0.0
    for q, p in zip(OUTPUTS.tolist(), WANTED.tolist(), strict=True):
        of_q, of_p = ([math.exp(v) / sum(map(math.exp, row)) for v in row] for row in (q, p))
        total += sum(b * math.log(b / a) for a, b in zip(of_q, of_p, strict=True))
    assert float(divergence(OUTPUTS, WANTED)) == pytest.approx(total / 3)


def test_the_distance_of_scores_by_a_slow_loop() -> None:
    total = 0.0
    for own, wanted in zip(OUTPUTS.tolist(), WANTED.tolist(), strict=True):
        apart = [a - b for a, b in zip(own, wanted, strict=True)]
        total += sum((value - sum(apart) / 4) ** 2 for value in apart)
    assert float(score_distance(OUTPUTS, WANTED)) == pytest.approx(total / 12 / 2)


def test_what_all_scores_of_a_frame_have_in_common_is_no_distance() -> None:
    """No decoder sees it; another score of one class is seen, however low it is."""
    assert float(score_distance(WANTED + torch.tensor([[3.0], [-1.0], [0.5]]), WANTED)) == pytest.approx(0, abs=1e-12)
    changed = WANTED.clone()
    changed[0, 1] -= 20
    further = changed.clone()
    further[0, 1] -= 20
    assert float(score_distance(further, changed)) > 10
    assert float(divergence(further, changed)) < 1e-6


def examples(network: GraphNetwork) -> Untranscribed:
    original = Original(GraphNetwork.of(tdnnf_model(), 3, "final.mdl"), torch.zeros(6))
    return Untranscribed.from_utterances(FEATURES, {}, (0, 0), lesson=Lesson(original))


def test_the_original_is_at_no_distance_from_itself() -> None:
    network = GraphNetwork.of(tdnnf_model(), 3, "final.mdl")
    found = evaluate(network, examples(network))
    assert (examples(network).loss_name, examples(network).share_name) == ("distance", "same best")
    assert (found.cross_entropy, found.accuracy) == (pytest.approx(0, abs=1e-9), 1.0)


def test_another_network_by_utterance() -> None:
    network = GraphNetwork.of(tdnnf_model(1), 3, "final.mdl")
    sets = examples(network)
    outcome = sets.outcome(network, *sets.batch_at(torch.tensor([2, 0])))
    with torch.no_grad():
        pairs = [[each(torch.from_numpy(FEATURES[name])) for each in (network, sets.teacher.network)] for name in "ca"]
    own, wanted = (torch.cat(parts) for parts in zip(*pairs, strict=True))
    torch.testing.assert_close(outcome.objective, score_distance(own, wanted))
    assert outcome.objective.requires_grad
    assert (outcome.frames, int(outcome.correct)) == (3, int((own.argmax(1) == wanted.argmax(1)).sum()))


def of_posteriors(seed: int) -> GraphNetwork:
    return GraphNetwork.of(tdnnf_model(seed, posteriors=True), 3, "final.mdl")


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_labels_stand_beside_the_original(weight: float) -> None:
    """By a slow loop: a has labels, b labels of some frames, c none."""
    network, original = of_posteriors(1), Original(of_posteriors(0), torch.zeros(6), weight)
    labels = {"a": np.array([3, 0], np.int32), "b": np.array([NO_LABEL, 5, 1], np.int32)}
    sets = Untranscribed.from_utterances(FEATURES, labels, (0, 0), lesson=Lesson(original))
    outcome = sets.outcome(network, *sets.batch_at(torch.tensor([2, 1, 0])))
    nats, apart, frames = 0.0, 0.0, 0
    for name in "cba":
        with torch.no_grad():
            own, wanted = (net(torch.from_numpy(FEATURES[name])).tolist() for net in (network, original.network))
        ids = labels.get(name, [NO_LABEL] * len(own))
        for row, right, label in zip(own, wanted, ids, strict=True):
            nats -= row[label] if label != NO_LABEL else 0
            apart += sum(math.exp(p) * (p - q) for q, p in zip(row, right, strict=True))
            frames += 1
    assert frames == 6
    assert float(outcome.loss) == pytest.approx(apart / 6, rel=1e-5)
    assert float(outcome.objective) == pytest.approx((1 - weight) * nats / 6 + weight * apart / 6, rel=1e-5)


def test_labels_of_another_length_are_refused() -> None:
    lesson = Lesson(Original(of_posteriors(0), torch.zeros(6), 0.5))
    with pytest.raises(UserError, match="utterance b has 3 outputs but 9 labels; run the stages features and align"):
        Untranscribed.from_utterances(FEATURES, {"b": np.zeros(9, np.int32)}, (0, 0), lesson=lesson)


def test_priors_are_those_of_the_model() -> None:
    model = tdnnf_model()
    assert model_priors(model, 6).tolist() == [0.0] * 6
    model.priors = np.array([0.5, 0.25, 0.25], np.float32)
    assert model_priors(model, 3).exp().tolist() == pytest.approx([0.5, 0.25, 0.25])


def test_other_features_or_outputs_are_refused(tmp_path: Path) -> None:
    write_nnet3(tmp_path / "final.mdl", tdnnf_model())
    options = NetworkOptions(type="nnet3", model=str(tmp_path), subsampling=3, left_context=0, right_context=0)
    assert checked_network(options, 6, 6).widths == [8, 3, 3, 3, 8]
    with pytest.raises(UserError, match="reads 6 values a frame and this experiment has 40"):
        checked_network(options, 40, 6)
    with pytest.raises(UserError, match="gives 6 values a frame and this experiment has 7"):
        checked_network(options, 6, 7)
