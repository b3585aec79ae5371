from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr_prune.acoustic.architectures import from_shape
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.acoustic.network import size_of
from asr_prune.errors import UserError
from asr_prune.nnet3.components import Component
from asr_prune.nnet3.graph_lines import parse_line
from asr_prune.nnet3.model import Nnet3
from tests.nnet3.conftest import affine, batch_norm, no_op, relu, renorm_model, tdnnf_model
from tests.nnet3.reference import Reference

WHERE = Path("final.mdl")


def inputs_of(network: GraphNetwork, frames: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(frames, network.inputs)).astype(np.float32))


def assert_as_defined(model: Nnet3, stride: int, frames: int) -> GraphNetwork:
    """All outputs of the network are those of the slow evaluation, at 1e-4 relative."""
    network = GraphNetwork.of(model, stride, WHERE)
    x = inputs_of(network, frames)
    dim = network.sizes["input"]
    slow = Reference(model, {"input": x[:, :dim].numpy(), "ivector": x[:, dim:].numpy()}, network.context)
    with torch.no_grad():
        fast = network(x).numpy()
    np.testing.assert_allclose(fast, slow.outputs(stride), rtol=1e-4, atol=1e-5)
    return network


@pytest.mark.parametrize("frames", [1, 9])
def test_layers_that_are_normalised(frames: int) -> None:
    """Each has gates; those that are summed are one group."""
    network = assert_as_defined(renorm_model(layers=3), 1, frames)
    assert [(group.makers, group.plain) for group in network.groups] == [
        (["tdnn1.affine"], False),
        (["tdnn2.affine"], False),
        (["tdnn3.affine", "wide"], False),
    ]


def test_normalised_blocks_keep_their_nodes() -> None:
    made = {"a": affine(4, 4, DICE), "c": Component("NormalizeComponent", ELEMENTS["NormalizeComponent"])}
    lines = ("x = a(input)", "y = c(x)", "z = last(y)", "output-node name=output input=z")
    assert not assert_as_defined(graph(*lines, last=affine(3, 4, DICE), **made), 1, 5).groups


@pytest.mark.parametrize("frames", [1, 2, 7, 30])
@pytest.mark.parametrize("stride", [1, 3])
def test_factored_layers(frames: int, stride: int) -> None:
    assert assert_as_defined(tdnnf_model(layers=3), stride, frames).context == (8, 8)


def graph(*lines: str, **made: Component) -> Nnet3:
    """A model of these lines, `name = component(what it reads)` or the whole line."""
    nodes = ["input-node name=input dim=4"]
    for line in lines:
        name, _, rest = line.partition(" = ")
        part, _, source = rest.partition("(")
        nodes.append(f"component-node name={name} component={part} input={source[:-1]}" if rest else line)
    return Nnet3([parse_line(line) for line in nodes], made)


DICE = np.random.default_rng(4)
SINGLES = {name: DICE.uniform(0.5, 1.5, 4).astype(np.float32) for name in ("Scales", "Offsets", "Params", "Bias")}
ELEMENTS: dict[str, dict[str, Any]] = {
    "SigmoidComponent": {"Dim": 4},
    "TanhComponent": {"Dim": 4},
    "RectifiedLinearComponent": {"Dim": 4},
    "LogSoftmaxComponent": {"Dim": 4},
    "SoftmaxComponent": {"Dim": 4},
    "NormalizeComponent": {
        "InputDim": 4,
        "BlockDim": 2,
        "TargetRms": np.float32(0.5),
        "AddLogStddev": False,
    },
    "BatchNormComponent": batch_norm(4, DICE).fields,
    "PerElementScaleComponent": {"Params": SINGLES["Params"]},
    "NaturalGradientPerElementScaleComponent": {"Params": SINGLES["Params"]},
    "PerElementOffsetComponent": {"Offsets": SINGLES["Offsets"]},
    "ScaleAndOffsetComponent": {
        "Dim": 4,
        "Scales": SINGLES["Scales"][:2],
        "Offsets": SINGLES["Offsets"][:2],
    },
    "FixedScaleComponent": {"Scales": SINGLES["Scales"]},
    "FixedBiasComponent": {"Bias": SINGLES["Bias"]},
    "DropoutComponent": {"Dim": 4, "DropoutProportion": np.float32(0.3)},
    "GeneralDropoutComponent": {"Dim": 4, "BlockDim": 4},
    "SpecAugmentTimeMaskComponent": {"Dim": 4},
    "NoOpComponent": {"Dim": 4},
}


@pytest.mark.parametrize("kind", ELEMENTS)
def test_components(kind: str) -> None:
    made = {
        "a": affine(4, 4, DICE),
        "c": Component(kind, ELEMENTS[kind]),
        "last": affine(3, 4, DICE),
    }
    model = graph("x = a(input)", "y = c(x)", "z = last(y)", "output-node name=output input=z", **made)
    assert_as_defined(model, 1, 5)


def test_posteriors_are_given_as_logarithms() -> None:
    made = {"a": affine(4, 4, DICE), "s": Component("SoftmaxComponent", {"Dim": 4})}
    model = graph("x = a(input)", "y = s(x)", "output-node name=output input=y", **made)
    network = GraphNetwork.of(model, 1, WHERE)
    x = inputs_of(network, 6)
    with torch.no_grad():
        found = network(x).exp().numpy()
    np.testing.assert_allclose(found, Reference(model, {"input": x.numpy()}, (0, 0)).outputs(1), rtol=1e-4)
    assert network.normalised
    assert not GraphNetwork.of(tdnnf_model(), 3, WHERE).normalised


def test_a_normalised_vector_with_its_deviation() -> None:
    fields = {"InputDim": 4, "TargetRms": np.float32(1), "AddLogStddev": True}
    made = {"c": Component("NormalizeComponent", fields), "last": affine(3, 5, DICE)}
    assert_as_defined(graph("y = c(input)", "z = last(y)", "output-node name=output input=z", **made), 1, 5)


@pytest.mark.parametrize(
    "source",
    [
        "Sum(Offset(x, -2), Scale(0.5, x))",
        "Offset(Sum(x, y), 3)",
        "Round(x, 3)",
        "Sum(x, Const(0.5, 4))",
        "Sum(y, IfDefined(Offset(x, -4)))",
        "Sum(IfDefined(Offset(x, 5)), y)",
        "Failover(Offset(x, -3), y)",
        "Sum(x, ReplaceIndex(y, t, 0))",
        "Sum(x, Sum(y, Scale(-1, Offset(y, 1))))",
    ],
)
def test_descriptors(source: str) -> None:
    made = {
        "a": affine(4, 4, DICE),
        "b": affine(4, 12, DICE),
        "last": affine(3, 4, DICE),
        "n": no_op(4),
    }
    lines = (
        "x = a(input)",
        "y = b(Append(Offset(input, -1), x, Offset(x, 2)))",
        f"z = n({source})",
        "o = last(z)",
    )
    model = graph(*lines, "output-node name=output input=o", **made)
    for stride in (1, 2):
        assert_as_defined(model, stride, 9)


def test_failover_needs_the_part_with_the_least_context() -> None:
    made = {"a": affine(4, 4, DICE), "b": affine(3, 4, DICE)}
    lines = ("x = a(Offset(input, 1))", "y = b(Failover(Offset(x, -20), Failover(Offset(x, 9), x)))")
    assert assert_as_defined(graph(*lines, "output-node name=output input=y", **made), 1, 30).context == (0, 1)


def test_components_with_names_of_attributes() -> None:
    made = {"type": affine(4, 4, DICE), "training": relu(4, DICE), "float": affine(3, 4, DICE)}
    lines = ("x = type(input)", "y = training(x)", "z = float(y)")
    network = assert_as_defined(graph(*lines, "output-node name=output input=z", **made), 1, 5)
    assert network.widths == [4]


def test_several_utterances_are_independent() -> None:
    network = GraphNetwork.of(tdnnf_model(), 3, WHERE)
    parts = [inputs_of(network, frames, frames) for frames in (4, 9, 1)]
    with torch.no_grad():
        joined, lengths = network.forward_utterances(torch.cat(parts), torch.tensor([4, 9, 1]))
        alone = [network(part) for part in parts]
    assert lengths.tolist() == [2, 3, 1] == [len(part) for part in alone]
    torch.testing.assert_close(joined, torch.cat(alone))


def test_the_shape_makes_it_again() -> None:
    network = GraphNetwork.of(tdnnf_model(), 3, WHERE)
    again = from_shape(network.shape())
    again.load_state_dict(network.state_dict())
    x = inputs_of(network, 12)
    with torch.no_grad():
        torch.testing.assert_close(again.eval()(x), network(x))
    assert again.shape() == network.shape()


def test_groups_come_from_the_graph() -> None:
    network = GraphNetwork.of(tdnnf_model(layers=2), 3, WHERE)
    found = [(group.name, group.plain, len(group.makers), len(group.readers)) for group in network.groups]
    assert found == [
        ("tdnn1.affine", False, 3, 3),
        ("tdnnf2.linear", True, 1, 1),
        ("tdnnf3.linear", True, 1, 1),
        ("prefinal-l", True, 1, 1),
        ("prefinal-output.affine", True, 1, 1),
    ]
    assert network.widths == [8, 3, 3, 3, 8]
    assert not network._map("lda").weight.requires_grad


def test_what_is_joined_with_other_values_stays() -> None:
    made = {
        "a": affine(4, 4, DICE),
        "b": affine(4, 8, DICE),
        "r": relu(4, DICE),
        "last": affine(3, 4, DICE),
    }
    lines = "x = a(input)", "y = b(Append(x, input))", "z = r(y)", "o = last(z)"
    network = GraphNetwork.of(graph(*lines, "output-node name=output input=o", **made), 1, WHERE)
    assert [group.makers for group in network.groups] == [["y"]]


def delta_model() -> Nnet3:
    """As steps/nnet3/xconfig_to_configs.py writes a delta-layer: parts that are all of a node."""
    first = "Sum(Offset(Scale(-1, same), -1), Offset(x, 1))"
    second = "Sum(Offset(x, -2), Sum(Offset(x, 2), Offset(Scale(-2, also), 0)))"
    lines = (
        "x = norm(input)",
        "dim-range-node name=same input-node=x dim-offset=0 dim=4",
        "dim-range-node name=also input-node=x dim-offset=0 dim=4",
        f"deltas = wide(Append(Offset(x, 0), {first}, {second}))",
        "h = a(deltas)",
        "dim-range-node name=some input-node=deltas dim-offset=3 dim=5",
        "o = last(Append(h, some))",
        "y = b(o)",
        "output-node name=output input=y",
    )
    made = {"norm": batch_norm(4, DICE), "wide": no_op(12), "a": affine(6, 12, DICE)}
    return graph(*lines, **made, last=affine(5, 11, DICE), b=affine(3, 5, DICE))


@pytest.mark.parametrize("frames", [1, 4, 20])
def test_parts_of_a_node(frames: int) -> None:
    network = assert_as_defined(delta_model(), 1, frames)
    assert network.context == (2, 2)
    assert [group.makers for group in network.groups] == [["o"]]


def test_a_node_of_which_a_part_is_read_keeps_its_nodes() -> None:
    lines = "h = a(input)", "dim-range-node name=part input-node=h dim-offset=1 dim=2", "o = last(part)", "y = b(h)"
    made = {"a": affine(5, 4, DICE), "last": affine(3, 2, DICE), "b": affine(3, 5, DICE)}
    both = GraphNetwork.of(graph(*lines, "output-node name=output input=Sum(o, y)", **made), 1, WHERE)
    assert not both.groups


def test_plans_of_few_lengths_are_kept() -> None:
    network = GraphNetwork.of(tdnnf_model(), 3, WHERE)
    for frames in range(1, 200):
        network.plan(frames)
    assert len(network.plans) == 128
    assert network.plan(199) is network.plan(199)


def test_sizes_per_frame() -> None:
    """Of the frames that the output does not need, nothing is counted."""
    one, three = (size_of(GraphNetwork.of(tdnnf_model(), stride, WHERE)) for stride in (1, 3))
    assert one.params == three.params
    assert three.macs < 0.75 * one.macs


WRONG = {
    "o = last(input)": "there is no output-node 'output'",
    "output-node name=output input=Sum(input, x)|x = a(input)": "joins Sum(input, x), whose parts have [4, 3] values",
    "x = a(Append(input, input))|output-node name=output input=x": "the node 'x' reads 8 values, its component 4",
    "x = a(y)|y = a(x)|output-node name=output input=x": "reads its own output; recurrent models",
    "dim-range-node name=x input-node=input dim-offset=2 dim=3|output-node name=output input=x": (
        "the node 'x' takes the values from 2 to 5 of 4"
    ),
    "input-node name=other dim=4|output-node name=output input=other": "the input-node 'other' is not known",
}


@pytest.mark.parametrize("lines", WRONG)
def test_graphs_that_cannot_be_used(lines: str) -> None:
    model = graph(*lines.split("|"), a=affine(3, 4, DICE), last=affine(3, 4, DICE))
    with pytest.raises(UserError) as caught:
        GraphNetwork.of(model, 1, WHERE)
    assert WRONG[lines] in str(caught.value)
    assert str(caught.value).startswith("final.mdl: ")


def test_batch_normalisation_that_saw_nothing() -> None:
    model = tdnnf_model()
    model.components["tdnn1.batchnorm"].fields["Count"] = np.float64(0)
    with pytest.raises(UserError, match=r"final.mdl: 'tdnn1.batchnorm' has counted no frames"):
        GraphNetwork.of(model, 3, WHERE)
