"""Gates: drawn by dense node, clipped, off after patience."""

from __future__ import annotations

import torch

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.pruning.methods.complexity.gates import Gates


def gates_of(kind: str = "residual", theta: float = 0.5, tolerance: float = 0.1, patience: int = 3) -> Gates:
    network = make(NetworkOptions(type=kind, hidden=(4, 3), stream=5), 6, 2)  # type: ignore[arg-type]
    return Gates(network.node_layers(), theta, tolerance, patience)


def test_gates_are_on_as_often_as_theta_says() -> None:
    torch.manual_seed(0)
    gates, index = gates_of(), [torch.arange(4), torch.arange(3)]
    gates.nodes[0] = torch.tensor([0.0, 0.2, 0.7, 1.0])
    total = torch.zeros(4)
    for _ in range(4000):
        gates.draw(index)
        total += gates.drawn[0]
    assert torch.allclose(total / 4000, gates.nodes[0], atol=0.03)
    assert total[0] == 0
    assert total[3] == 4000


def test_each_dense_node_has_its_own_random_number() -> None:
    gates = gates_of()
    torch.manual_seed(1)
    gates.draw([torch.arange(4), torch.arange(3)])
    whole, layers = [drawn.clone() for drawn in gates.drawn], gates.drawn_layers.clone()
    kept = [torch.tensor([True, False, True, True]), torch.tensor([False, False, True])]
    gates.narrow(kept)
    torch.manual_seed(1)
    gates.draw([mask.nonzero().flatten() for mask in kept])
    assert all(torch.equal(now, was[mask]) for now, was, mask in zip(gates.drawn, whole, kept, strict=True))
    assert torch.equal(gates.drawn_layers, layers)


def test_low_for_long_is_off_and_one_high_moment_starts_anew() -> None:
    gates, nothing = gates_of(), torch.zeros(2)
    down, up = (
        [torch.tensor([0.45, 0.0, 0.0, 0.0]), torch.zeros(3)],
        [torch.tensor([-0.2, 0, 0, 0]), torch.zeros(3)],
    )
    still = [torch.zeros(4), torch.zeros(3)]
    for steps in (down, still, up, [torch.tensor([0.2, 0, 0, 0]), torch.zeros(3)], still):
        gates.move(steps, nothing)
        assert not gates.off()[0].any()
    gates.move(still, nothing)
    assert gates.off()[0].tolist() == [True, False, False, False]


def test_a_layer_that_is_off_takes_its_nodes_along() -> None:
    gates, still = gates_of(), [torch.zeros(4), torch.zeros(3)]
    for _ in range(3):
        gates.move(still, torch.tensor([0.0, 0.6]))
    assert [mask.all().item() for mask in gates.off()] == [False, True]
    assert [p.tolist() for p in gates.probabilities()] == [[0.25] * 4, [0.0] * 3]
    assert int(gates.undecided()) == 4 + 1


def test_where_layers_cannot_go_their_gates_stay_on() -> None:
    gates = gates_of("feed_forward")
    gates.move([torch.full((4,), 9.0), torch.full((3,), -9.0)], torch.ones(2))
    assert gates.layers.tolist() == [1, 1]
    assert [theta.tolist() for theta in gates.nodes] == [[0.0] * 4, [1.0] * 3]
