"""What is brought to a device is the same there."""

from __future__ import annotations

import pytest
import torch

from asr_prune.acoustic.placing import SLICE, check_fits, gpu_memory, slices, state_on, to_device
from asr_prune.errors import UserError

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")


def test_on_the_cpu_nothing_is_copied() -> None:
    values = torch.arange(6.0)
    assert to_device(values, "cpu") is values


def test_every_tensor_of_a_state_is_placed_and_nothing_else_is_changed() -> None:
    state = {"masks": [torch.ones(2), torch.ones(3)], "cut": None, "of": ({"mean": torch.zeros(())}, 0.5), "step": 7}
    there = state_on(torch.device("meta"), state)
    tensors = [*there["masks"], there["of"][0]["mean"]]
    assert [(value.device.type, tuple(value.shape)) for value in tensors] == [
        ("meta", (2,)),
        ("meta", (3,)),
        ("meta", ()),
    ]
    assert (there["cut"], there["of"][1], there["step"]) == (None, 0.5, 7)
    assert (type(there["masks"]), type(there["of"])) == (list, tuple)


def test_what_leaves_a_gpu_little_memory_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of 6.5 GB, 0.75 of them in torch's own hands."""
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda _: (5_750_000_000, 12_000_000_000))
    monkeypatch.setattr("torch.cuda.memory_reserved", lambda _: 1_000_000_000)
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda _: 250_000_000)
    check_fits(5_200_000_000, torch.device("cuda"))
    check_fits(10**15, torch.device("cpu"))
    assert not caplog.records
    check_fits(6_400_000_000, torch.device("cuda"))
    assert "take 6.4 GB of the 6.5 GB that are free on the GPU; if the network finds" in caplog.text
    with pytest.raises(UserError, match=r"would take 6\.6 GB .* set train\.memory_gb=5\.2"):
        check_fits(6_600_000_000, torch.device("cuda"))


def test_a_gpu_without_memory_is_a_sentence() -> None:
    lack = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 11.77 GiB"
    sentence = r"too little memory \(CUDA out of memory, Tried to allocate 2\.00 GiB\); lower train\.batch or"
    with pytest.raises(UserError, match=sentence), gpu_memory():
        raise torch.OutOfMemoryError(lack)


@pytest.mark.parametrize("shape", [(7, 3), (8,), (16,), (1,), (), (0, 3)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool])
def test_slices_are_all_values_once_in_views_of_a_size(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    values = torch.randint(2, shape).to(dtype)
    parts = slices(values, 32)
    assert torch.equal(torch.cat(parts), values.flatten())
    assert all(part.nbytes == 32 for part in parts[:-1])
    assert parts[-1].nbytes <= 32
    for part in parts:
        part.fill_(1)
    assert bool(values.all())


@on_gpu
def test_a_gpu_has_the_values_though_memory_is_used_again() -> None:
    busy = torch.randn(4096, 4096, device="cuda")
    for i in range(20):
        there = to_device(torch.full((1 << 20,), float(i)), "cuda")
        busy = busy @ busy / 4096
        doubled = there * 2
        del there
        assert float(doubled.min()) == float(doubled.max()) == 2 * i


@on_gpu
@pytest.mark.parametrize("shape", [(3 * (SLICE // 160) + 5, 40), (5, 40), (), (0, 40)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.bool])
def test_a_gpu_has_the_values_of_every_slice(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    values = torch.randint(2**20, shape).to(dtype)
    there = to_device(values, "cuda")
    assert there.dtype == dtype
    assert there.shape == values.shape
    assert torch.equal(there.cpu(), values)


@on_gpu
def test_chunks_that_were_freed_make_room_for_others() -> None:
    reserved = []
    for i in range(6):
        there = to_device(torch.full((1 << 24,), float(i)), "cuda")
        assert float(there[-1]) == i
        del there
        torch.cuda.synchronize()
        reserved.append(torch.cuda.memory_reserved())
    assert len(set(reserved)) == 1


@on_gpu
def test_large_values_are_page_locked_in_slices() -> None:
    before = torch.cuda.host_memory_stats()["allocated_bytes.current"]
    to_device(torch.zeros(9 * SLICE // 4), "cuda")
    assert torch.cuda.host_memory_stats()["allocated_bytes.current"] - before <= 3 * SLICE
