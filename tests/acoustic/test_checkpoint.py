"""A model on disk is the model that was written, and anything else is refused in a sentence."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
import torch

from asr_prune.acoustic.checkpoint import Model, load_model, save_model
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.errors import UserError


def make_model(activation: str = "relu") -> Model:
    torch.manual_seed(0)
    network = FeedForward(12, (6, 5), 4, activation, dropout=0.3)
    network.set_normalisation(torch.randn(12), torch.rand(12) + 0.5)
    return Model(network, torch.randn(4), (1, 2), [[0, 2, 3, 5, 7, 9], [1, 2, 3, 4, 8]], {"type": "fbank", "bins": 3})


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_round_trip(tmp_path: Path, dtype: torch.dtype, activation: str) -> None:
    model = make_model(activation)
    model.network.to(dtype)
    with torch.no_grad():
        model.network.affine[0].weight.add_(torch.rand(6, 12, dtype=dtype) / 3)
    save_model(tmp_path / "network.pt", model)
    loaded = load_model(tmp_path / "network.pt", dtype)
    for name, value in model.network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], value), name
    inputs = torch.randn(9, 12, dtype=dtype)
    assert not loaded.network.training
    assert torch.equal(loaded.network(inputs), model.network.eval()(inputs))
    assert torch.equal(loaded.priors, model.priors)
    assert (loaded.context, loaded.kept, loaded.features) == (model.context, model.kept, model.features)


def test_a_float32_model_opens_in_float64(tmp_path: Path) -> None:
    model = make_model()
    save_model(tmp_path / "network.pt", model)
    loaded = load_model(tmp_path / "network.pt", torch.float64)
    assert torch.equal(loaded.network.output.weight, model.network.output.weight.double())


def test_the_file_alone_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(tmp_path / "network.pt", make_model())
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "network.pt").rename(tmp_path / "elsewhere/network.pt")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert load_model(Path("network.pt")).network.widths == [6, 5]


def test_a_network_without_nodes_comes_back(tmp_path: Path) -> None:
    model = Model(FeedForward(3, (0, 0), 2), torch.zeros(2), (0, 0), [[], []])
    save_model(tmp_path / "network.pt", model)
    assert load_model(tmp_path / "network.pt").network.widths == [0, 0]


def refused(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_model(path)
    sentence = str(caught.value)
    assert sentence.startswith(str(path))
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_files_that_are_no_model_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.pt"
    assert "is missing" in refused(path)
    save_model(path, make_model())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "is damaged" in refused(path)
    path.write_text("nnet3")
    assert "is damaged" in refused(path)
    torch.save(torch.zeros(3), path)
    assert "not a file of asr_prune" in refused(path)
    torch.save({"weights": torch.zeros(3)}, path)
    assert "model format None" in refused(path)
    torch.save({"format": 99}, path)
    assert "model format 99" in refused(path)
    torch.save({"format": 2}, path)
    assert "is damaged (KeyError)" in refused(path)


def test_a_network_that_lacks_weights_is_damaged_and_its_stage_named(tmp_path: Path) -> None:
    for folder, stage in (("model", "the train stage"), ("shrunk", "the shrink stage")):
        path = tmp_path / folder / "network.pt"
        save_model(path, make_model())
        content = torch.load(path, weights_only=True)
        del content["state"]["output.bias"]
        torch.save(content, path)
        assert refused(path) == f"{path} is damaged (RuntimeError); delete it and run {stage} again."
        path.write_bytes(b"")
        assert f"run {stage} again" in refused(path)
        path.unlink()
        assert refused(path) == f"{path} is missing; correct its path."


def test_no_flipped_bit_of_a_model_is_ever_used(tmp_path: Path) -> None:
    """torch compares no checksum, and takes a record with the attribute of a folder for empty."""
    path = tmp_path / "network.pt"
    save_model(path, make_model())
    good, data = load_model(path), path.read_bytes()
    entries = [found.start() for found in re.finditer(b"PK\1\2", data)]
    attributes = [(entry + 38 + byte, bit) for entry in entries for byte in range(4) for bit in range(8)]
    anywhere = [(at, bit) for at in range(len(data)) for bit in range(8)]
    refused = 0
    for at, bit in [*attributes, *random.Random(1).sample(anywhere, 400)]:
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :])
        try:
            read = load_model(path)
        except UserError:
            refused += 1
            continue
        assert vars(read).keys() == vars(good).keys()
        for name, value in good.network.state_dict().items():
            assert torch.equal(read.network.state_dict()[name], value), at
        assert torch.equal(read.priors, good.priors)
        assert (read.context, read.kept, read.features, read.tokens) == (
            good.context, good.kept, good.features, good.tokens,
        )  # fmt: skip
    assert refused > 200
