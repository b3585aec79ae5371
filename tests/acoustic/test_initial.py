"""Starting from a trained network: what is taken over, and what is refused in which words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from asr_prune.acoustic.checkpoint import Model, save_model
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.initial import start_from, weights_file
from asr_prune.errors import UserError

CONTEXT = (1, 1)


def trained(hidden: tuple[int, ...] = (5, 4), activation: str = "relu", outputs: int = 3) -> FeedForward:
    torch.manual_seed(7)
    network = FeedForward(6, hidden, outputs, activation)
    network.set_normalisation(torch.randn(6), torch.rand(6) + 0.5)
    return network.eval()


def fresh() -> FeedForward:
    torch.manual_seed(1)
    return FeedForward(6, (5, 4), 3).eval()


def save_run(folder: Path, network: FeedForward, context: tuple[int, int] = CONTEXT) -> Path:
    everything = [list(range(width)) for width in network.widths]
    save_model(folder / "model/network.pt", Model(network, torch.zeros(3), context, everything))
    return folder


@pytest.mark.parametrize("form", ["run", "model file", "state dict", "safetensors"])
def test_the_network_computes_what_the_trained_one_does(tmp_path: Path, form: str) -> None:
    source, network = trained(), fresh()
    save_run(tmp_path, source)
    torch.save(source.state_dict(), tmp_path / "state.pt")
    save_file(dict(source.state_dict()), tmp_path / "state.safetensors")
    paths = {"run": ".", "model file": "model/network.pt", "state dict": "state.pt", "safetensors": "state.safetensors"}
    start_from(tmp_path / paths[form], network, CONTEXT)
    inputs = torch.randn(9, 6)
    assert torch.equal(network(inputs), source(inputs))


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_weights_under_other_names_go_by_their_order(tmp_path: Path, suffix: str) -> None:
    torch.manual_seed(2)
    other = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    path = tmp_path / f"other.{suffix}"
    save_file(other.state_dict(), path) if suffix == "safetensors" else torch.save(other.state_dict(), path)
    network = fresh()
    network.set_normalisation(torch.ones(6), torch.full((6,), 2.0))
    start_from(path, network, CONTEXT)
    inputs = torch.randn(9, 6)
    assert torch.allclose(network(inputs), other((inputs - 1) / 2), atol=1e-6)


def test_names_with_numbers_go_by_the_numbers(tmp_path: Path) -> None:
    torch.manual_seed(2)
    deep = FeedForward(6, (4,) * 11, 3)
    renamed = {
        key.replace("hidden", "map").replace("output", "map.11"): value for key, value in deep.state_dict().items()
    }
    save_file({key: value for key, value in renamed.items() if key.startswith("map")}, tmp_path / "x.safetensors")
    network = FeedForward(6, (4,) * 11, 3)
    start_from(tmp_path / "x.safetensors", network, CONTEXT)
    for ours, theirs in zip(network.affine, deep.affine, strict=True):
        assert torch.equal(ours.weight, theirs.weight)


@pytest.mark.parametrize(
    ("network", "context", "said"),
    [
        (trained((5, 9)), CONTEXT, r"hidden\.1\.weight is \[9, 5\] in .* and \[4, 5\] in the network"),
        (trained((5, 4, 4)), CONTEXT, "holds 4 affine maps with weight and bias and the network 3"),
        (trained((5,)), CONTEXT, "holds 2 affine maps with weight and bias and the network 3"),
        (trained(activation="sigmoid"), CONTEXT, "has the activation sigmoid and network relu"),
        (trained(), (2, 0), r"has the context \[2, 0\] and network \[1, 1\]"),
    ],
    ids=["width", "deeper", "shallower", "activation", "context"],
)
def test_a_network_of_another_shape_is_refused(
    tmp_path: Path, network: FeedForward, context: tuple[int, int], said: str
) -> None:
    target = fresh()
    before = {name: value.clone() for name, value in target.state_dict().items()}
    with pytest.raises(UserError, match=said):
        start_from(save_run(tmp_path, network, context), target, CONTEXT)
    assert all(torch.equal(value, before[name]) for name, value in target.state_dict().items())


class Code:
    """Something that only unpickling would run."""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a file of weights", "cannot be read as weights"),
        (Code(), "cannot be read as weights"),
        (torch.zeros(3), "holds a Tensor, not weights by name"),
        ({"state": 5, "shape": 7}, "holds 0 affine maps"),
    ],
    ids=["bytes", "code", "tensor", "numbers"],
)
def test_what_is_no_weights_is_refused(tmp_path: Path, content: object, said: str) -> None:
    path = tmp_path / "x.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(UserError, match=said):
        start_from(path, fresh(), CONTEXT)


def test_infinite_and_nan_weights_are_refused(tmp_path: Path) -> None:
    state = trained().state_dict()
    state["output.bias"][1] = torch.nan
    torch.save(state, tmp_path / "x.pt")
    with pytest.raises(UserError, match=r"output\.bias in .*x\.pt has infinite values or NaN"):
        start_from(tmp_path / "x.pt", fresh(), CONTEXT)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"train\.init: .*/model/network\.pt is not there; give a trained run's folder"):
        weights_file(tmp_path)
    with pytest.raises(UserError, match=r"nowhere\.pt is not there"):
        weights_file(tmp_path / "nowhere.pt")
