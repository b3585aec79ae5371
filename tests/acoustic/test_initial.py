"""Starting from a trained network: what is taken over, and what is refused in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import prune

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.checkpoint import Model, save_model
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.initial import start_from, weights_file
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.acoustic.thin import select_inputs
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


@torch.no_grad()
@pytest.mark.parametrize("narrow", [True, False])
def test_a_network_of_some_inputs_starts_from_one_of_the_same(tmp_path: Path, narrow: bool) -> None:
    source, network, read = trained(), fresh(), torch.tensor([0, 2, 5])
    inputs = torch.randn(9, 6)
    if narrow:
        select_inputs(source, read)
    else:
        source.affine[0].weight[:, [1, 3, 4]] = 0
    select_inputs(network, read)
    start_from(save_run(tmp_path, source), network, CONTEXT)
    torch.testing.assert_close(network(inputs), source(inputs))


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


TIME_DELAY = {"type": "tdnn", "hidden": (4, 4), "strides": (1,), "context": ((0,), (-1, 0, 1))}
FACTORED = {"type": "tdnnf", "hidden": (6, 3), "strides": (1,), "context": ((0,), (-1, 0, 1))}


@pytest.mark.parametrize(
    ("trained_as", "other", "said"),
    [
        (TIME_DELAY, {"context": ((0,), (-3, 0, 3))}, r"the taps \[\[0\], \[-1, 0, 1\]\] and network"),
        (TIME_DELAY, {"strides": (3,)}, r"the strides \[1, 1\] and network \[3, 3\]"),
        (FACTORED, {"context": ((0,), (-3, 0, 3))}, "the taps .* and network"),
        (FACTORED, {"bypass": 0.3}, r"the bypass 0\.66 and network 0\.3"),
    ],
)
def test_weights_of_other_frames_or_another_bypass_are_refused(
    tmp_path: Path, trained_as: dict[str, Any], other: dict[str, Any], said: str
) -> None:
    """Their shapes do not tell."""
    before, after = (make(NetworkOptions(**options), 6, 3) for options in (trained_as, trained_as | other))
    with pytest.raises(UserError, match=said):
        start_from(save_run(tmp_path, before, CONTEXT), after, CONTEXT)
    start_from(tmp_path, make(NetworkOptions(**trained_as), 6, 3), CONTEXT)


def masked_net() -> nn.Sequential:
    """A network with weights of torch.nn.utils.prune, half of them masked, and one masked bias."""
    torch.manual_seed(2)
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    for layer in (net[0], net[4]):
        prune.random_unstructured(layer, "weight", 0.5)
    prune.ln_structured(net[2], "weight", 2, n=2, dim=0)
    prune.random_unstructured(net[2], "bias", 2)
    return net


@pytest.mark.parametrize("wrapper", ["", "state", "state_dict", "model_state_dict", "model"])
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.module.", "model.net."])
@pytest.mark.parametrize("names", ["ours", "other", "masked"])
def test_checkpoints_of_training_programs_are_read(tmp_path: Path, wrapper: str, prefix: str, names: str) -> None:
    source: nn.Module = trained() if names == "ours" else masked_net()
    if names == "other":
        for layer, part in ((0, "weight"), (2, "weight"), (2, "bias"), (4, "weight")):
            prune.remove(source[layer], part)  # type: ignore[index]
    state = {prefix + name: value for name, value in source.state_dict().items()}
    content = {wrapper: state, "epoch": 3, "loss": torch.tensor(0.5)} if wrapper else state
    torch.save(content, tmp_path / "checkpoint.pt")
    network = fresh()
    start_from(tmp_path / "checkpoint.pt", network, CONTEXT)
    inputs = torch.randn(9, 6)
    assert torch.allclose(network(inputs), source(inputs), atol=1e-6)


def test_masked_weights_in_safetensors_are_multiplied_by_their_masks(tmp_path: Path) -> None:
    source, network = masked_net(), fresh()
    save_file(source.state_dict(), tmp_path / "x.safetensors")
    start_from(tmp_path / "x.safetensors", network, CONTEXT)
    for ours, theirs in zip(network.affine, (source[0], source[2], source[4]), strict=True):
        assert torch.equal(ours.weight, theirs.weight)
        assert torch.equal(ours.bias, theirs.bias)


def computed(kind: str) -> nn.Sequential:
    net = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3))
    wrap = {
        "weight_norm": nn.utils.weight_norm,
        "parametrized": nn.utils.parametrizations.weight_norm,
        "orthogonal": nn.utils.parametrizations.orthogonal,
        "spectral_norm": nn.utils.spectral_norm,
    }
    wrap[kind](net[2])
    return net


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        ("weight_norm", "remove_weight_norm"),
        ("parametrized", "remove_parametrizations"),
        ("orthogonal", "remove_parametrizations"),
        ("spectral_norm", "remove_spectral_norm"),
    ],
)
def test_weights_that_are_computed_from_others_are_refused(tmp_path: Path, kind: str, remedy: str) -> None:
    torch.save(computed(kind).state_dict(), tmp_path / "x.pt")
    with pytest.raises(UserError, match=rf"2\..*weight.* is a part from which a weight is computed.*{remedy}"):
        start_from(tmp_path / "x.pt", fresh(), CONTEXT)


def test_tensors_of_which_nothing_is_known_are_refused(tmp_path: Path) -> None:
    other = nn.Sequential(nn.Linear(6, 5), nn.PReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 3)).state_dict()
    cases = {
        r"holds 1\.slope \(1 in all\)": {name.replace("1.weight", "1.slope"): value for name, value in other.items()},
        r"holds extra\.running_mean \(1 in all\)": trained().state_dict() | {"extra.running_mean": torch.ones(3)},
        r"holds shift, scale \(2 in all\)": {
            name.replace("hidden", "layer"): value for name, value in trained().state_dict().items()
        },
        "holds 4 affine maps": other,
    }
    for said, state in cases.items():
        torch.save(state, tmp_path / "x.pt")
        with pytest.raises(UserError, match=said):
            start_from(tmp_path / "x.pt", fresh(), CONTEXT)


def test_two_state_dicts_in_one_file_are_not_chosen_from(tmp_path: Path) -> None:
    state = trained().state_dict()
    torch.save({"model": state, "state_dict": state}, tmp_path / "x.pt")
    with pytest.raises(UserError, match=r"holds model \((dict|OrderedDict)\), state_dict"):
        start_from(tmp_path / "x.pt", fresh(), CONTEXT)


class Code:
    """Something that only unpickling would run."""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"not a file of weights", "cannot be read as weights"),
        (Code(), "cannot be read as weights"),
        (torch.zeros(3), "holds a Tensor, not weights by name"),
        ({"state": 5, "shape": 7}, r"holds state \(int\), shape \(int\); give a file of tensors only"),
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
