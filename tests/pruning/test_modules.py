"""Any PyTorch module is pruned in a loop of its user, and refused if it cannot be pruned exactly."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import asr_prune
from asr_prune.pruning.modules import ModulePruner
from asr_prune.pruning.pairs import NodePair, PrunableModule, find_pairs

ROOT = Path(__file__).resolve().parents[2]
STEPS, BATCH = 60, 40


def data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(400, 8, generator=generator)
    return inputs, (inputs[:, 0] * inputs[:, 1] > 0).long() + 2 * (inputs[:, 2] > 0)


def sequential(activation: Callable[[], nn.Module] = nn.ReLU, dropout: float = 0.0) -> nn.Sequential:
    torch.manual_seed(0)
    hidden = [nn.Linear(8, 24), activation(), nn.Dropout(dropout), nn.Linear(24, 20), activation()]
    return nn.Sequential(*hidden, nn.Linear(20, 4))


def train(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    pruner: ModulePruner | None,
    steps: int = STEPS,
) -> None:
    inputs, targets = data()
    order = torch.Generator().manual_seed(2)
    for _ in range(steps):
        rows = torch.randint(0, len(inputs), (BATCH,), generator=order)
        loss = nn.functional.cross_entropy(model(inputs[rows]), targets[rows])
        loss = loss + pruner.penalty() if pruner else loss
        optimiser.zero_grad()
        loss.backward()
        if pruner:
            pruner.after_backward()
        optimiser.step()
        if pruner:
            pruner.after_step()
    if pruner:
        pruner.finish()


def hidden_nodes(model: nn.Module) -> int:
    return sum(m.out_features for m in model.modules() if isinstance(m, nn.Linear)) - 4


METHODS: list[dict[str, Any]] = [
    {"method": "group_lasso", "every": 2, "steer_every": 4},
    {"method": "group_lasso", "vectors": "incoming", "every": 2, "steer_every": 4},
    {"method": "guided", "cut": "prefix"},
    {"method": "l1"},
    {"method": "l2", "vectors": "incoming"},
    {"method": "magnitude"},
    {"method": "magnitude", "score": "entropy"},
    {"method": "gradual", "every": 5, "score": "inorm"},
    {"method": "map", "granularity": "node", "every": 4},
    {"method": "complexity", "rate": 0.3, "patience": 5},
]


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("asked", METHODS, ids=str)
def test_every_method_prunes_a_sequential(asked: dict[str, Any], live: bool) -> None:
    model = sequential(dropout=0.1)
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    options = {
        "keep": 0.5,
        "min_nodes": 2,
        "live_shrink": live,
        "run_over": lambda: model(data()[0]),
        **asked,
    }
    pruner = asr_prune.prune(model, optimiser=optimiser, steps=STEPS, **options)
    train(model, optimiser, pruner)
    small = asr_prune.shrink(model)
    assert pruner.cut is not None
    assert sum(pruner.cut.nodes) == 22
    assert hidden_nodes(small) <= 22
    assert asr_prune.verify(model, small, data()[0]).holds


@pytest.mark.parametrize(
    "activation",
    [nn.Sigmoid, nn.Tanh, nn.GELU, nn.SiLU, lambda: nn.ReLU(inplace=True), nn.Softplus],
)
@pytest.mark.parametrize("vectors", ["incoming", "outgoing"])
def test_constants_are_those_of_any_activation(activation: Callable[[], nn.Module], vectors: str) -> None:
    model = sequential(activation)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    pruner = asr_prune.prune(model, "l2", vectors=vectors, keep=0.5, optimiser=optimiser, steps=20)
    train(model, optimiser, pruner, 20)
    small = asr_prune.shrink(model)
    assert hidden_nodes(small) == 22
    assert asr_prune.verify(model, small, data()[0]).holds


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Linear(8, 24), nn.Linear(24, 20), nn.Linear(20, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.tanh(self.second(torch.tanh(self.first(x)))))


NAMED = [("first", "second"), ("second", "last")]


def test_named_pairs_of_any_module() -> None:
    model = Net()
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    pruner = asr_prune.prune(
        model,
        "l1",
        keep=0.5,
        vectors="incoming",
        pairs=NAMED,
        activation=torch.tanh,
        optimiser=optimiser,
        steps=STEPS,
    )
    train(model, optimiser, pruner)
    small = asr_prune.shrink(model)
    assert hidden_nodes(small) == 22
    assert asr_prune.verify(model, small, data()[0]).holds
    again = asr_prune.shrink(model, pairs=NAMED, activation=torch.tanh)
    assert asr_prune.verify(small, again, data()[0]).difference == 0


def test_a_wrong_activation_is_found_by_verify() -> None:
    model = Net()
    with torch.no_grad():
        model.second.weight[:3] = 0
        model.second.bias.fill_(-1.0)
    assert asr_prune.verify(model, asr_prune.shrink(model, NAMED, torch.tanh), data()[0]).holds
    wrong = asr_prune.verify(model, asr_prune.shrink(model, NAMED, torch.relu), data()[0])
    assert not wrong.holds
    assert "TOO LARGE" in str(wrong)


def test_before_the_sparsify_phase_training_is_that_without_a_pruner() -> None:
    one, other = sequential(), sequential()
    optimisers = [torch.optim.Adam(m.parameters(), lr=5e-3) for m in (one, other)]
    pruner = asr_prune.prune(other, "magnitude", keep=0.5, fine_tune=0.0, optimiser=optimisers[1], steps=STEPS + 1)
    train(one, optimisers[0], None)
    inputs, _ = data()
    expected = one(inputs)
    pruner.finish, finish = lambda: None, pruner.finish  # type: ignore[method-assign]
    train(other, optimisers[1], pruner)
    assert torch.equal(other(inputs), expected)
    finish()


def test_acting_weights_are_those_of_the_forward_pass_and_not_of_the_optimiser() -> None:
    model = sequential()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.05)
    pruner = asr_prune.prune(model, "map", sparsity=0.8, every=1, optimiser=optimiser, steps=STEPS)
    pruner.finish, finish = lambda: None, pruner.finish  # type: ignore[method-assign]
    train(model, optimiser, pruner, 10)
    weights = pruner.hooks.method.weights
    trained, inputs = deepcopy(model), data()[0]
    for handle in (*trained._forward_hooks, *trained._forward_pre_hooks):
        trained._forward_hooks.pop(handle, None)
        trained._forward_pre_hooks.pop(handle, None)
    assert not torch.equal(model(inputs), trained(inputs))
    model.zero_grad()
    with pytest.raises(RuntimeError, match="before the model is evaluated"), torch.no_grad():
        model(inputs)
    pruner.after_backward()
    linears = [module for module in trained if isinstance(module, nn.Linear)]
    for linear, factor in zip(linears, weights.forward, strict=True):  # type: ignore[attr-defined]
        linear.weight.data *= factor
    with torch.no_grad():
        assert torch.equal(model(inputs), trained(inputs))
    finish()


@pytest.mark.parametrize(("warm_up", "left"), [(0.0, 0.0), (0.2, 0.1)])
def test_penalised_weights_lose_their_decay_with_the_penalty_and_keep_their_optimiser(
    warm_up: float, left: float
) -> None:
    model = sequential()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    asked = {"vectors": "outgoing", "keep": 0.5, "warm_up": warm_up}
    asr_prune.prune(model, "group_lasso", **asked, optimiser=optimiser, steps=STEPS)
    decays = {id(p): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    assert [decays[id(model[i].weight)] for i in (0, 3, 5)] == [0.1, left, left]
    assert len(decays) == 6


def test_dropout_follows_the_nodes() -> None:
    model = sequential(dropout=0.4)
    network = PrunableModule(model, find_pairs(model))
    assert network.dropouts == [0.4, 0.0]
    network.dropouts = [0.1, 0.3]
    assert model[2].p == 0.1


def test_nested_sequentials_and_several_modules_between() -> None:
    block = nn.Sequential(nn.Linear(8, 12), nn.Tanh(), nn.ReLU())
    model = nn.Sequential(block, nn.Sequential(nn.Linear(12, 10)), nn.Linear(10, 4))
    pairs = find_pairs(model)
    assert [(p.incoming, p.outgoing) for p in pairs] == [("0.0", "1.0"), ("1.0", "2")]
    first, second = PrunableModule(model, pairs).node_layers()
    values = torch.randn(5)
    assert torch.equal(first.activation(values), torch.relu(torch.tanh(values)))
    assert torch.equal(second.activation(values), values)
    assert (first.gives_logits, second.gives_logits) == (False, True)


@pytest.mark.parametrize("method", ["group_lasso", "guided", "l1"])
@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.SGD])
@pytest.mark.parametrize("still", [range(10), range(30, 40)], ids=["at first", "later"])
def test_a_learning_rate_of_zero_moves_nothing(kind: Any, method: str, still: range) -> None:
    model, (inputs, targets) = sequential(), data()
    optimiser = kind(model.parameters(), lr=0.01)
    pruner = asr_prune.prune(model, method, keep=0.4, warm_up=0.0, every=1, optimiser=optimiser, steps=STEPS)
    for step in range(STEPS):
        before = deepcopy(model.state_dict())
        optimiser.param_groups[0]["lr"] = optimiser.param_groups[-1]["lr"] = 0.0 if step in still else 0.01
        loss = nn.functional.cross_entropy(model(inputs), targets) + pruner.penalty()
        optimiser.zero_grad()
        loss.backward()
        pruner.after_backward()
        optimiser.step()
        pruner.after_step()
        if step in still:
            assert all(torch.allclose(now, before[name], atol=1e-5) for name, now in model.state_dict().items())
    pruner.finish()
    assert hidden_nodes(asr_prune.shrink(model)) == round(0.4 * 44)


def test_the_learning_rates_of_a_methods_phases() -> None:
    model = sequential()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    pruner = asr_prune.prune(model, "dsd", optimiser=optimiser, steps=9, restart=True)
    factors = []
    for _ in range(9):
        factors.append(pruner.learning_rate_factor)
        pruner.after_step()
    assert factors == pytest.approx([1] * 3 + [0.1] * 3 + [0.01] * 3)
    assert pruner.learning_rate_factor == pytest.approx(0.01)


def test_figures_of_an_epoch() -> None:
    model = sequential()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    pruner = asr_prune.prune(model, keep=0.5, optimiser=optimiser, steps=9, evaluate=lambda: 3.0)
    assert pruner.end_of_epoch(1.0) == {"strength": 0.0}
    assert pruner.phase == "warm_up"
    pruner.finish()
    assert pruner.cut is not None
    assert pruner.cut.dev_ce_after == 3.0
    assert pruner.end_of_epoch(math.nan) == {}


def test_a_pair_is_what_was_named() -> None:
    assert NodePair("a", "b").activation is torch.relu


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)


def test_the_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    namespace: dict[str, Any] = {"__name__": "example"}
    for block in blocks("docs/python.md"):
        exec(block, namespace)
    out = capsys.readouterr().out
    assert "outputs" not in out
    assert out.rstrip().endswith(": ok")
    assert hidden_nodes(namespace["small"]) == 32
