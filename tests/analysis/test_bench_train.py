"""bench train: every figure is there and adds up, on a network of seconds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from asr_prune.acoustic.examples import Outcome
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.train import Trainer
from asr_prune.analysis.bench_train import Bench, bench_device, bench_train
from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.pruning.proximal import ProximalPenalty


def test_a_row_for_each_precision_and_batch(capsys: pytest.CaptureFixture[str]) -> None:
    size = ["--layers", "2", "--nodes", "24", "--outputs", "10", "--rounds", "1", "--updates", "2", "--device", "cpu"]
    assert main(["bench", "train", *size, "--batch", "16", "64", "--precision", "float32", "bf16"]) == 0
    head, titles, *rows = capsys.readouterr().out.splitlines()
    work = 6 * (440 * 24 + 24 * 24 + 24 * 10) - 2 * 440 * 24
    assert f"2 x 24, 440 inputs, 10 outputs, {work / 1e6:.1f} MFLOP a frame" in head
    assert titles.split()[-3:] == ["group_lasso", "/", "l2"]
    assert [row.split()[:2] for row in rows] == [
        [kind, what] for kind in ("float32", "bf16") for what in ("16", "64", "peak:")
    ]
    for row, of_peak in ((rows[0], rows[2]), (rows[1], rows[2]), (rows[3], rows[5]), (rows[4], rows[5])):
        _, _, rate, share, _, plain, ratio, wait, _, against = row.replace(",", "").split()
        peak = float(of_peak.split()[2])
        assert float(ratio) == pytest.approx(float(rate) / float(plain), abs=0.01)
        rounded = 0.006 * float(share) + 0.06 * peak
        assert float(share) * peak == pytest.approx(100 * work * float(rate) / 1e12, rel=0.01, abs=rounded)
        assert 0 <= float(wait) < 100
        assert float(against) > 0


def test_every_round_of_a_method_has_all_that_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda is corrected each 24th update."""
    corrected: list[int] = []
    steer = ProximalPenalty._steer
    monkeypatch.setattr(ProximalPenalty, "_steer", lambda own, step: corrected.append(step) or steer(own, step))
    list(bench_train(Bench(torch.device("cpu"), 2, 16, 4, [8], ["float32"], updates=2, rounds=3)))
    assert corrected == [1, 25, 49, 73]


def test_the_loader_goes_on_from_round_to_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass has 32 batches, of which 2 x 5 are used."""
    passes: list[int] = []
    batches = FrameSet.batches
    monkeypatch.setattr(FrameSet, "batches", lambda own, size, *more: passes.append(size) or batches(own, size, *more))
    list(bench_train(Bench(torch.device("cpu"), 2, 16, 4, [8], ["float32"], updates=2, rounds=3)))
    assert passes == [8]


def test_as_many_updates_are_timed_as_take_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    done, spans = [0], []
    update = Trainer._update

    def counted(own: Trainer, *batch: torch.Tensor) -> Outcome:
        done[0] += 1
        return update(own, *batch)

    def timed(act: Callable[[], object], device: torch.device) -> float:
        before = done[0]
        act()
        spans.append(done[0] - before)
        return 0.16

    monkeypatch.setattr(Trainer, "_update", counted)
    monkeypatch.setattr("asr_prune.analysis.bench_train._timed", timed)
    list(bench_train(Bench(torch.device("cpu"), 2, 16, 4, [8], ["float32"], rounds=1)))
    assert [span for span in spans if span] == [8, *2 * [10, 10, 24, 24]]


def test_without_a_gpu_a_network_is_measured_that_takes_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Bench] = []
    monkeypatch.setattr("asr_prune.analysis.bench_train.bench_train", lambda bench: asked.append(bench) or [])
    assert main(["bench", "train", "--device", "cpu"]) == 0
    assert main(["bench", "train", "--device", "cpu", "--nodes", "1024", "--batch", "8192"]) == 0
    assert [(own.nodes, list(own.batches)) for own in asked] == [(512, [256]), (1024, [8192])]


@pytest.mark.parametrize("name", ["bogus", "svd"])
def test_a_method_that_cannot_be_compared_is_a_sentence(name: str) -> None:
    bench = Bench(torch.device("cpu"), 1, 8, 4, [8], ["float32"], name, 1, 1)
    with pytest.raises(UserError, match=rf"^--method {name} cannot be compared: .*\.$"):
        list(bench_train(bench))


@pytest.mark.skipif(torch.cuda.is_available(), reason="torch sees a CUDA device")
def test_a_device_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(UserError, match="give --device cpu"):
        bench_device("cuda")
    assert bench_device("auto") == torch.device("cpu")
