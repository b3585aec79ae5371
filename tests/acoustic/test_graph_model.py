from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.graph_model import cut_model
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.acoustic.graph_parts import GraphMap
from asr_prune.acoustic.thin import factor_map
from asr_prune.nnet3.components import Component
from asr_prune.nnet3.graph_lines import parse_line
from asr_prune.nnet3.model import Nnet3, bytes_of, nnet3_of
from asr_prune.pruning.removal import narrow
from tests.nnet3.conftest import affine, relu, renorm_model, tdnnf_model

FRAMES = torch.from_numpy(np.random.default_rng(0).normal(size=(25, 6)).astype(np.float32))
WHERE = Path("final.mdl")


@settings(max_examples=20)
@given(st.data())
def test_the_smaller_model_computes_what_the_network_does(data: st.DataObject) -> None:
    """Written, read and made a network again; layers without nodes and trained biases included."""
    model = data.draw(st.sampled_from([tdnnf_model, renorm_model]))(data.draw(st.integers(0, 3)))
    network = GraphNetwork.of(model, 3, WHERE)
    masks = [torch.tensor(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))) for n in network.widths]
    narrow(network.node_layers(), masks)
    with torch.no_grad():
        for name, part in network.parts.items():
            if isinstance(part, GraphMap) and name != "lda":
                part.weight.mul_(1.25)
                part.bias.add_(0.1)
    kept_index = [mask.nonzero().flatten().tolist() for mask in masks]
    small = nnet3_of(bytes_of(cut_model(model, network, kept_index)), WHERE)
    again = GraphNetwork.of(small, 3, WHERE)
    assert again.widths == [max(1, n) for n in network.widths]
    with torch.no_grad():
        torch.testing.assert_close(again(FRAMES), network(FRAMES), rtol=1e-4, atol=1e-4)


def test_nothing_removed() -> None:
    """Only what `output` does not need is left out, and weights change by rounding alone."""
    model = tdnnf_model()
    network = GraphNetwork.of(model, 3, WHERE)
    same = cut_model(model, network, [list(range(n)) for n in network.widths])
    gone = [name for name in model.components if name not in same.components]
    assert gone == [name for name in model.components if "output-xent" in name]
    for name, component in same.components.items():
        for field, value in component.fields.items():
            if isinstance(value, np.ndarray):
                np.testing.assert_allclose(value, model.components[name].fields[field], rtol=1e-6)
            else:
                assert value == model.components[name].fields[field]


def test_a_factored_output() -> None:
    model = tdnnf_model()
    network = GraphNetwork.of(model, 3, WHERE)
    before = deepcopy(network)
    factor_map(network, 0, torch.linalg.qr(torch.randn(6, 6))[0])
    same = cut_model(model, network, [list(range(n)) for n in network.widths])
    with torch.no_grad():
        found = GraphNetwork.of(same, 3, WHERE)(FRAMES)
        torch.testing.assert_close(found, before(FRAMES), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["relu", "dropout"])
def test_nodes_around_a_component_that_two_nodes_share_keep_their_widths(name: str) -> None:
    """Or its one dimension would not fit both."""
    dice = np.random.default_rng(0)
    fields = {"Dim": 8, "DropoutProportion": np.float32(0.25)}
    shared = relu(8, dice) if name == "relu" else Component("DropoutComponent", fields)
    maps = {"a": affine(8, 4, dice), "b": affine(8, 8, dice), "c": affine(6, 8, dice), "d": affine(5, 6, dice)}
    nodes = [("a", "a", "input"), ("s1", "s", "a"), ("b", "b", "s1"), ("s2", "s", "b"), ("c", "c", "s2")]
    lines = [f"component-node name={x} component={y} input={z}" for x, y, z in [*nodes, ("d", "d", "c")]]
    lines = ["input-node name=input dim=4", *lines, "output-node name=output input=d"]
    model = Nnet3([parse_line(line) for line in lines], {**maps, "s": shared})
    network = GraphNetwork.of(model, 1, "model")
    assert network.widths == [6]
    narrow(network.node_layers(), [torch.arange(6) < 3])
    small = nnet3_of(bytes_of(cut_model(model, network, [[0, 1, 2]])), Path("small"))
    x = torch.randn(7, 4)
    with torch.no_grad():
        torch.testing.assert_close(GraphNetwork.of(small, 1, "small")(x), network(x), rtol=1e-4, atol=1e-5)
