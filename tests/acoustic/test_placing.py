"""What is brought to a device is the same there."""

from __future__ import annotations

import pytest
import torch

from asr_prune.acoustic.placing import to_device


def test_on_the_cpu_nothing_is_copied() -> None:
    values = torch.arange(6.0)
    assert to_device(values, "cpu") is values


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")
def test_a_gpu_has_the_values_though_memory_is_used_again() -> None:
    busy = torch.randn(4096, 4096, device="cuda")
    for i in range(20):
        there = to_device(torch.full((1 << 20,), float(i)), "cuda")
        busy = busy @ busy / 4096
        doubled = there * 2
        del there
        assert float(doubled.min()) == float(doubled.max()) == 2 * i
