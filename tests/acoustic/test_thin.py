"""Selected inputs and factored outputs: what they compute, count, and keep on disk."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest
import torch

from asr_prune.acoustic.architectures import from_shape, make
from asr_prune.acoustic.checkpoint import Model, load_model, save_model
from asr_prune.acoustic.initial import start_from
from asr_prune.acoustic.network import Network, size_of
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.acoustic.thin import factor_map, multiply_maps, select_all_inputs, select_inputs
from asr_prune.errors import UserError

INPUTS, OUTPUTS, INDEX = 12, 9, [0, 2, 3, 7, 11]
KINDS = ["feed_forward", "residual", "tdnn", "tdnnf"]


def network_of(kind: str) -> Network:
    torch.manual_seed(4)
    options = NetworkOptions(type=kind, hidden=(6, 5), stream=7, context=((-1, 0), (0,)))  # type: ignore[arg-type]
    network = make(options, INPUTS, OUTPUTS).double().eval()
    network.set_normalisation(torch.randn(INPUTS), torch.rand(INPUTS) + 0.5)
    for layer in network.affine:
        if layer.bias is not None:
            torch.nn.init.normal_(layer.bias)
    return network


def thin(network: Network, rank: int = 3) -> Network:
    small = deepcopy(network)
    select_inputs(small, torch.tensor(INDEX))
    factor_map(
        small,
        len(small.maps) - 1,
        torch.linalg.qr(torch.randn(OUTPUTS, rank).double())[0],
        torch.randn(OUTPUTS).double(),
    )
    return small


@pytest.mark.parametrize("kind", KINDS)
def test_selected_inputs_are_as_columns_of_zeros(kind: str) -> None:
    network = network_of(kind)
    masked, small = deepcopy(network), deepcopy(network)
    others = [i for i in range(INPUTS) if i not in INDEX]
    with torch.no_grad():
        masked.affine[0].weight[..., others] = 0
    select_inputs(small, torch.tensor(INDEX))
    frames = torch.randn(20, INPUTS).double()
    assert (small(frames) - masked(frames)).abs().max() < 1e-12
    assert (small.inputs, size_of(small).inputs, size_of(masked).inputs) == (INPUTS, 5, INPUTS)
    select_inputs(small, torch.tensor([1, 4]))
    assert small.selection is not None
    assert small.selection.tolist() == [2, 11]


@pytest.mark.parametrize("kind", KINDS)
def test_a_factored_output_of_full_rank_is_the_same_function(kind: str) -> None:
    network = network_of(kind)
    small, frames = deepcopy(network), torch.randn(20, INPUTS).double()
    factor_map(small, len(small.maps) - 1, torch.linalg.qr(network.output.weight.detach().flatten(1))[0])
    assert (small(frames) - network(frames)).abs().max() < 1e-12
    assert small.widths == network.widths
    columns = network.output.weight.shape[-1]
    assert size_of(small).params == size_of(network).params + columns * columns
    assert size_of(small).output_rank == columns
    rate = 1 / network.stride
    assert size_of(small).macs == pytest.approx(size_of(network).macs + rate * columns * columns, abs=1)


@pytest.mark.parametrize("kind", KINDS)
def test_thin_ends_and_back(kind: str) -> None:
    network = network_of(kind)
    small = thin(network)
    whole, frames = deepcopy(small), torch.randn(20, INPUTS).double()
    multiply_maps(whole)
    select_all_inputs(whole, network.shift, network.scale)
    assert (whole(frames) - small(frames)).abs().max() < 1e-12
    assert whole.shape() == network.shape()
    assert torch.equal(whole.shift, network.shift)


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_tells_the_ends(tmp_path: Path, kind: str) -> None:
    small = thin(network_of(kind))
    save_model(tmp_path / "network.pt", Model(small, torch.zeros(OUTPUTS), (1, 1), [[0], [1]]))
    loaded = load_model(tmp_path / "network.pt", torch.float64).network
    frames = torch.randn(20, INPUTS).double()
    assert torch.equal(loaded(frames), small(frames))
    assert loaded.shape() == small.shape()
    assert "columns" not in network_of(kind).shape()
    content = torch.load(tmp_path / "network.pt")
    wrong = [[0, 1, 2, 3, 12], [0, 1, 2, 3, -1], [0], [], [0, 0, 0, 1, 1]]
    for key, value in [
        *(("columns", columns) for columns in wrong),
        *(("ranks", ranks) for ranks in ({"2": 0}, {"2": 4}, {"0": 2}, {"7": 3}, {"x": 3})),
    ]:
        torch.save(content | {"shape": content["shape"] | {key: value}}, tmp_path / "other.pt")
        with pytest.raises(UserError, match="is damaged"):
            load_model(tmp_path / "other.pt")


def test_the_shape_of_thin_ends_gives_the_same_counts() -> None:
    small = thin(network_of("feed_forward"))
    again = from_shape(small.shape())
    assert size_of(again).params == size_of(small).params == 5 * 6 + 6 + 6 * 5 + 5 + 5 * 3 + 3 * OUTPUTS + OUTPUTS


def test_training_starts_from_thin_ends(tmp_path: Path) -> None:
    small, fresh = thin(network_of("feed_forward")).float(), network_of("feed_forward").float()
    save_model(tmp_path / "network.pt", Model(small, torch.zeros(OUTPUTS), (1, 1), [[0], [1]]))
    shift = fresh.shift + 1
    fresh.shift.copy_(shift)
    start_from(tmp_path / "network.pt", fresh, (1, 1))
    frames = torch.randn(20, INPUTS)
    assert torch.allclose(fresh(frames), small(frames), atol=1e-5)
    assert torch.equal(fresh.shift[1], shift[1])
    other = make(NetworkOptions(hidden=(6, 5)), INPUTS + 3, OUTPUTS)
    with pytest.raises(UserError, match=r"is \[12\] in .* and \[15\] in the network"):
        start_from(tmp_path / "network.pt", other, (1, 1))


def test_a_shape_on_no_device_knows_what_is_read() -> None:
    small = thin(network_of("feed_forward"))
    with torch.device("meta"):
        again = from_shape(small.shape())
    again.load_state_dict(small.state_dict(), assign=True)
    frames = torch.randn(20, INPUTS).double()
    assert torch.equal(again(frames), small(frames))
