"""Every method trains and resumes on a GPU, or on one that is pretended: no tensor is left on the CPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, nullcontext
from typing import Any

import pytest
import torch

from asr_prune.acoustic import examples, frames, in_memory, segments
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.pruner import Pruner

from .pretended_gpu import PretendedGpu, here
from .test_host_reads import CASES, deciding

#: removed nodes that stay as zeros
HELD = [{**case, "live_shrink": False} for case in CASES if case["method"] in ("group_lasso", "guided", "gradual")]
#: whose steps have another metric there
BY_SGD = [(case, "sgd") for case in CASES if case["method"] in ("l1", "guided")]
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device")


class Killed(Exception):
    pass


@pytest.fixture(params=["pretended", pytest.param("real", marks=on_gpu)])
def gpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendedGpu | None]:
    """Within the test `cuda` is a GPU, the one that is given or a real one."""
    with ExitStack() as stack:
        pretended = PretendedGpu() if request.param == "pretended" else None
        if pretended:
            for module in (examples, frames, in_memory, segments):  # which copy through page-locked memory
                monkeypatch.setattr(module, "to_device", lambda values, device: values.to(device))
            save = torch.save
            monkeypatch.setattr("torch.save", lambda content, file: save(_here(content), file))
            monkeypatch.setattr(torch.__future__, "get_overwrite_module_params_on_conversion", lambda: True)
            stack.enter_context(pretended)
        yield pretended


def _here(content: Any) -> Any:
    """What torch saves of tensors on a GPU is loaded on the CPU."""
    if isinstance(content, dict):
        return {key: _here(value) for key, value in content.items()}
    return [_here(value) for value in content] if isinstance(content, (list, tuple)) else here(content)


def resumes(
    make: Callable[..., Trainer], monkeypatch: pytest.MonkeyPatch, prune: dict[str, Any], **network: Any
) -> None:
    """Killed after each of two epochs, a training ends with the weights of one that ran through."""
    setting = {"epochs": 3, "batch": 100, "tensorboard": False}
    whole = make(prune, setting, "whole", "cuda", **network)
    whole.run()
    save = Trainer._save

    def killed_after(trainer: Trainer) -> None:
        save(trainer)
        raise Killed

    for killed in range(3):
        monkeypatch.setattr(Trainer, "_save", killed_after if killed < 2 else save)
        trainer = make(prune, setting, "part", "cuda", **network)
        with pytest.raises(Killed) if killed < 2 else nullcontext():
            trainer.run()
    for name, value in whole.network.state_dict().items():
        assert value.is_cuda
        assert torch.equal(value, trainer.network.state_dict()[name]), name


@pytest.mark.parametrize("prune", [*CASES, *HELD], ids=str)
def test_every_method_resumes_on_a_gpu(
    make_trainer: Callable[..., Trainer], prune: dict[str, Any], gpu: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumes(make_trainer, monkeypatch, prune)


@pytest.mark.parametrize("kind", ["residual", "tdnn", "tdnnf"])
@pytest.mark.parametrize("method", ["group_lasso", "complexity"])
def test_every_kind_of_network_resumes_on_a_gpu(
    make_trainer: Callable[..., Trainer], kind: str, method: str, gpu: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumes(make_trainer, monkeypatch, {"method": method, "keep": 0.5}, type=kind)


@pytest.mark.parametrize("gpu", ["pretended"], indirect=True)
@pytest.mark.parametrize(("prune", "optimiser"), [*((case, "adamw") for case in CASES), *BY_SGD], ids=str)
def test_an_update_copies_nothing_to_the_gpu_but_where_the_method_decides(
    make_trainer: Callable[..., Trainer], prune: dict[str, Any], optimiser: str, gpu: PretendedGpu
) -> None:
    size = {"epochs": 3, "batch": 10} if "warm_up" in prune else {"epochs": 5}
    trainer = make_trainer(prune, {**size, "optimiser": optimiser, "tensorboard": False}, device="cuda")
    assert isinstance(trainer.hooks, Pruner)
    allowed, found = deciding(trainer.hooks), []
    for epoch in range(trainer.options.epochs):
        order = torch.Generator().manual_seed(epoch)
        for batch in trainer.train_frames.batches(trainer.options.batch, order):
            gpu.copies = 0
            trainer._update(*batch)
            found += [trainer.step] if gpu.copies and trainer.step not in allowed else []
    assert not found
