"""Every map factored within a budget of parameters: ranks, exactness, resume, refusals."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.acoustic.initial import start_from
from asr_prune.acoustic.network import Network, size_of
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.errors import UserError
from asr_prune.pruning.budget import BudgetOptions
from asr_prune.pruning.low_rank import Moments, Spectrum, ranks_within, spectrum
from asr_prune.pruning.methods.svd.options import SvdOptions
from asr_prune.pruning.shrink_job import shrink_run
from asr_prune.pruning.training import train_run
from asr_prune.pruning.verify import compare_networks
from asr_prune.run_dir import RunDir

from ...conftest import PDFS, task


def drawn(shapes: list[tuple[int, int]], seed: int) -> list[Spectrum]:
    generator = torch.Generator().manual_seed(seed)
    found = []
    for rows, columns in shapes:
        frames = torch.randn(50, columns, generator=generator, dtype=torch.float64)
        weight = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
        found.append(spectrum(weight, Moments(frames.mean(0), frames.T.cov(correction=0).reshape(columns, columns))))
    return found


def cost(found: Spectrum, rank: int | None) -> int:
    rows = len(found.left)
    return rows + (rows * found.columns if rank is None else rank * (rows + found.columns))


@given(
    st.lists(st.tuples(st.integers(2, 20), st.integers(2, 20)), min_size=1, max_size=5),
    st.integers(0, 9),
    st.floats(0.05, 1.2),
)
@settings(max_examples=60, deadline=None)
def test_ranks_use_the_budget_and_lose_alike(shapes: list[tuple[int, int]], seed: int, share: float) -> None:
    spectra = drawn(shapes, seed)
    least = sum(cost(found, 1 if found.largest else None) for found in spectra)
    budget = max(least, round(share * sum(cost(found, None) for found in spectra)))
    ranks = ranks_within(spectra, budget, lambda i, rank: cost(spectra[i], rank))
    spent = sum(map(cost, spectra, ranks))
    assert spent <= budget
    for found, rank in zip(spectra, ranks, strict=True):
        if rank is not None:
            assert 1 <= rank <= found.largest
            more = cost(found, rank + 1 if rank < found.largest else None)
            assert spent - cost(found, rank) + more > budget
    lost = [0.0 if rank is None else 1 - float(f.shares[rank - 1]) for f, rank in zip(spectra, ranks, strict=True)]
    gained = [
        1.0 if rank in (None, 1) else 1 - float(f.shares[rank - 2]) for f, rank in zip(spectra, ranks, strict=True)
    ]
    wanting = [i for i, rank in enumerate(ranks) if rank is not None]
    cheapest = [i for i in wanting if cost(spectra[i], 2) - cost(spectra[i], 1) <= min(map(sum, shapes))]
    assert all(lost[i] <= min(gained) + 1e-12 for i in cheapest)


def params(share: float) -> BudgetOptions:
    return BudgetOptions(params=share)


def trained(run: Path, budget: BudgetOptions, kind: str = "feed_forward", epochs: int = 4) -> Network:
    shape: dict[str, Any] = {"type": kind, "hidden": (20, 16), "left_context": 1, "right_context": 1}
    shape |= {"context": ((-1, 0), (0,))} if kind == "tdnn" else {"stream": 12}
    training = TrainOptions(epochs=epochs, batch=50, learning_rate=0.01, tensorboard=False, threads=1)
    options = NetworkOptions(**shape), training, SvdOptions(method="svd", budget=budget)
    train_run(RunDir(run), task(1, 6), task(2, 2), PDFS, options, 3, {})
    shrink_run(RunDir(run))
    return load_model(RunDir(run).shrunk).network


@pytest.mark.trains
@pytest.mark.parametrize("share", [0.35, 0.6, 1.0])
def test_the_network_has_the_parameters_asked_and_computes_the_same(tmp_path: Path, share: float) -> None:
    small = trained(tmp_path, params(share))
    dense = 18 * 20 + 20 * 16 + 16 * PDFS + 20 + 16 + PDFS
    assert size_of(small).params <= round(share * dense)
    assert size_of(small).params > share * dense - 40
    assert small.widths == [20, 16]
    masked = load_model(RunDir(tmp_path).network)
    assert all(row.holds for row in compare_networks(masked, load_model(RunDir(tmp_path).shrunk), task(2, 2)[0]))
    figures = json.loads(RunDir(tmp_path).size.read_text())
    assert figures["params"] == size_of(small).params
    assert len(RunDir(tmp_path).metrics.read_text().splitlines()) == 4


@pytest.mark.trains
def test_a_run_that_was_killed_ends_as_one_that_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from asr_prune.acoustic.train import Trainer

    whole = trained(tmp_path / "whole", params(0.5)).state_dict()
    one_epoch = Trainer._one_epoch

    def killed(trainer: Trainer) -> None:
        if trainer.epoch == 3:
            raise KeyboardInterrupt
        one_epoch(trainer)

    monkeypatch.setattr(Trainer, "_one_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "killed", params(0.5))
    monkeypatch.setattr(Trainer, "_one_epoch", one_epoch)
    again = trained(tmp_path / "killed", params(0.5)).state_dict()
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[name], again[name]) for name in whole)


@pytest.mark.trains
def test_training_may_start_from_it(tmp_path: Path) -> None:
    small = trained(tmp_path, params(0.5))
    options = NetworkOptions(hidden=(20, 16), left_context=1, right_context=1)
    from asr_prune.acoustic.architectures import make

    fresh = make(replace(options, dropout=0.0), 18, PDFS)
    start_from(RunDir(tmp_path).network, fresh, (1, 1))
    frames = torch.randn(20, 18)
    assert torch.allclose(deepcopy(fresh).eval()(frames), small.eval()(frames), atol=1e-4)


@pytest.mark.trains
def test_what_cannot_be_had_is_refused_before_training(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"maps of rank 1 have \d+; raise the budget \(to 0\.\d+ of the dense network\)\."
    ) as told:
        trained(tmp_path / "a", params(0.05))
    least = float(str(told.value).split("(to ")[1].split()[0])
    assert size_of(trained(tmp_path / "b", params(least), epochs=2)).params > 0
    with pytest.raises(UserError, match="feed_forward and tdnn networks, not residual"):
        trained(tmp_path / "c", params(0.5), "residual")
    assert not RunDir(tmp_path / "c").network.exists()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"keep": 0.5}, "svd removes no nodes; give budget"),
        ({"strength": 0.5}, "svd removes no nodes; give budget"),
        ({"output_rank": 3}, "leave output_rank out"),
        ({"inputs": True}, "leave inputs out"),
        ({"budget": BudgetOptions(bytes="20k")}, "budget of params or macs, not of bytes"),
    ],
    ids=str,
)
def test_options_that_mean_nothing_are_refused(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SvdOptions(method="svd", **asked)
