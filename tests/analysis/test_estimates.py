"""Estimates grow with what they are of, and the table says what it knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from asr_prune.acoustic.options import NetworkOptions
from asr_prune.analysis import searches, speeds
from asr_prune.analysis.amount import Amount
from asr_prune.analysis.estimate import Estimate
from asr_prune.analysis.estimates import Estimator
from asr_prune.analysis.fold_estimates import FoldEstimator
from asr_prune.analysis.pass_costs import pass_seconds
from asr_prune.analysis.speeds import GmmSpeed, NetworkSpeed, seconds_each
from asr_prune.cli.main import main
from asr_prune.cli.plan import duration, size_of_bytes, speech_lines, whole_duration
from asr_prune.decode.search.run import prepare_search
from asr_prune.hmm.options import LdaMlltOptions, MonoOptions, SatOptions, TriOptions
from asr_prune.recipe.load import load_recipe
from asr_prune.run_dir import RunDir
from asr_prune.stages import all_works
from asr_prune.workflow.experiment import Experiment
from asr_prune.workflow.runner import State

SPEED = GmmSpeed(score=10.0, search=1.0, statistics=2.0, speaker=5.0, diagonal=7.0)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_search()  # compiling it raises the peak memory, which estimates start from
    monkeypatch.setattr(speeds, "PATIENCE", 0.02)
    monkeypatch.setattr(searches, "ALLOWANCE", dict.fromkeys(searches.ALLOWANCE, 0.02))


def test_seconds_of_a_pass_are_those_of_its_schedule() -> None:
    flat = {"gaussians": 100, "iterations": 5, "grow_iterations": 1}
    mono = MonoOptions(realign=(1, 3, 9), **flat)
    assert pass_seconds(mono, SPEED, 100) == pytest.approx(2 * 11 + 4 * 2 + 11)
    assert pass_seconds(replace(mono, starts=3, start_iterations=2), SPEED, 100) == pytest.approx(41 + 2 * (11 + 4))
    tri = TriOptions(leaves=50, gaussians=100, iterations=5, grow_iterations=4, realign=(2,))
    assert pass_seconds(tri, SPEED, 50) == pytest.approx(7.5 + 1 + 2 * (0.625 + 0.75 + 0.875 + 1) + 11)
    assert pass_seconds(replace(tri, starts=3), SPEED, 50) == pytest.approx(3 * pass_seconds(tri, SPEED, 50))
    lda = LdaMlltOptions(leaves=50, mllt_iterations=(2, 4), realign=(3,), **flat)
    assert pass_seconds(lda, SPEED, 100) == pytest.approx(11 + 8 + 11 + 3 * 7)
    sat = SatOptions(leaves=50, fmllr_iterations=(2, 4), realign=(3,), **flat)
    assert pass_seconds(sat, SPEED, 100) == pytest.approx(11 + 8 + 11 + 4 * 5 + 11)


def test_processes_share_a_pass_but_for_what_one_does() -> None:
    flat = {"gaussians": 100, "leaves": 50, "iterations": 5, "grow_iterations": 1}
    lda, sat = LdaMlltOptions(mllt_iterations=(2, 4), **flat), SatOptions(**flat)
    alone, shared = pass_seconds(lda, SPEED, 100), pass_seconds(lda, SPEED, 100, 4)
    assert shared - 3 * 7 == pytest.approx((alone - 3 * 7) / 4)
    assert pass_seconds(sat, SPEED, 100, 4) == pytest.approx(pass_seconds(sat, SPEED, 100) / 4)


def test_a_call_is_timed_as_often_as_there_is_patience() -> None:
    calls: list[int] = []
    assert 0 < seconds_each(lambda: calls.append(sum(range(1000)))) < 0.02
    assert len(calls) > 10


def estimates(recipe: Path, hours: float, *sets: str) -> dict[str, tuple[float, int, int, int]]:
    """Sums over the works of each stage, of the runs only `one`."""
    experiment = Experiment(load_recipe(recipe, sets), 1)
    parts = {"train": 8.0, "dev": 1.0, "test": 1.0}
    speech = {part: Amount(int(100 * share), hours * share) for part, share in parts.items()}
    estimator, sums = Estimator(experiment, speech), dict[str, tuple[float, int, int, int]]()
    for work in all_works(experiment):
        if not work.run or work.run.startswith("one"):
            estimate, before = estimator.of(work), sums.get(work.stage, (0, 0, 0, 0))
            figures = (estimate.seconds, estimate.frames, estimate.disk, estimate.memory)
            sums[work.stage] = tuple(a + (b or 0) for a, b in zip(before, figures, strict=True))
    return sums


def test_ten_times_the_speech_takes_ten_times_as_much(tones: Path) -> None:
    one, ten = estimates(tones, 0.1, "hmm.passes=[{type: mono}]"), estimates(tones, 1.0, "hmm.passes=[{type: mono}]")
    for stage in ("features", "train", "decode"):
        assert ten[stage][1] == pytest.approx(10 * one[stage][1], rel=0.01)
        assert 2 < ten[stage][0] / one[stage][0] < 50
    assert one["features"][1] == 2 * 360_000
    assert one["features"][2] == 360_000 * 4 * (13 + 40)
    assert one["train"][1] == 8 * 36_000
    assert ten["train"][3] - one["train"][3] == pytest.approx(9 * 9 * 36_000 * (4 * 40 + 24), rel=0.6)


def test_a_bound_on_memory_bounds_the_estimate(tones: Path) -> None:
    free, bound = (estimates(tones, 10.0, f"train.memory_gb={asked}") for asked in (0, 0.5))
    assert free["train"][3] - bound["train"][3] == pytest.approx(9 * 3.6e6 * 184 - 5e8, rel=0.1)


def test_posteriors_of_a_teacher_take_time_and_are_kept(tones: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Estimator, "_speed", lambda *_: NetworkSpeed(train=3e-6, forward=1e-6, params=1000))
    runs = "runs=[{name: zero, prune: {method: none}}, {name: one, train: {%s}}]"
    asked = ("", "teacher: zero", "teacher: zero, teacher_top: 4", "teacher: zero, teacher_top: 0")
    alone, kept, few, live = (estimates(tones, 1.0, runs % text)["train"] for text in asked)
    frames = 8 * 360_000
    assert kept[2] - alone[2] == 8 * 16 * frames
    assert kept[3] - alone[3] == pytest.approx(8 * 16 * frames, rel=0.3)  # and what this process has grown
    assert few[2] - alone[2] == 8 * 4 * frames
    assert live[2] == alone[2]
    epochs = load_recipe(tones).runs()[0].train.epochs
    assert kept[0] - alone[0] == pytest.approx(1e-6 * frames)
    assert live[0] - alone[0] == pytest.approx(1e-6 * frames * epochs)


def test_a_training_that_goes_on_takes_its_further_epochs(tones: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Estimator, "_speed", lambda *_: NetworkSpeed(train=3e-6, forward=1e-6, params=1000))
    experiment = Experiment(load_recipe(tones, ["train.epochs=4"]), 1)
    estimator = FoldEstimator(experiment, {part: Amount(100, 1.0) for part in ("train", "dev", "test")})
    work = next(work for work in all_works(experiment) if work.entry == "train")
    whole = estimator.of(work).seconds
    assert whole
    anew, begun = State(work, True, "not done yet"), State(work, True, "not done yet", begun=True)
    assert estimator.of_state(begun).seconds == whole  # no epoch is done
    run = RunDir(work.home)
    run.models.mkdir(parents=True)
    run.checkpoint.touch()
    run.metrics.write_text("{}\n" * 3)
    assert estimator.of_state(begun).seconds == pytest.approx(whole / 4)
    assert estimator.of_state(anew).seconds == whole
    assert estimator.of_state(State(work, False, "")) == Estimate()


def test_runs_that_take_as_long_are_timed_once(tones: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timed: list[tuple[int, ...]] = []

    def speed(network: NetworkOptions, *_: object) -> NetworkSpeed:
        timed.append(network.hidden)
        return NetworkSpeed(train=3e-6, forward=1e-6, params=1000)

    monkeypatch.setattr("asr_prune.analysis.estimates.network_speed", speed)
    trains = "train: {epochs: 9}", "train: {learning_rate: 0.5, weight_decay: 0}", "train: {teacher: one}", "seed: 7"
    blocks = *trains, "network: {dropout: 0.5}", "prune: {method: l2, keep: 0.5}", "network: {hidden: [9, 9]}"
    runs = ", ".join(f"{{name: one-{i}, {block}}}" for i, block in enumerate(blocks))
    estimates(tones, 1.0, f"runs=[{{name: one}}, {runs}]")
    assert len(timed) == 2
    assert timed[1] == (9, 9)


def test_a_subset_is_a_share(tones: Path) -> None:
    all_of_it, some = (
        estimates(tones, 1.0, f"hmm.passes=[{{type: mono, utterances: {asked}, name: mono}}]") for asked in (0, 90)
    )
    assert some["align"][1] == pytest.approx(all_of_it["align"][1] / 10, rel=0.01)


def test_the_verb_says_what_there_is_and_writes_nothing(tones: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(tones)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("no speech yet: run the corpus stage first")
    assert "train     one" in said
    assert "Not known before the corpus stage has run: whether the corpus has a lexicon" in said
    assert "0 s" not in said
    assert not Path("exp").exists()
    assert main(["corpus", "--recipe", str(tones), "--nj", "1"]) == 0
    capsys.readouterr()
    assert main(["plan", str(tones), "--nj", "1", "--set", "train.epochs=1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["train", "12", "utterances", "0.00", "h", "3", "speakers", "30", "words"]
    states = {line.split()[0]: "up to date" in line for line in lines[4:20] if line}
    assert states["corpus"]
    assert not states["features"]
    assert any(line.startswith("train     one-epochs-1") and " s" in line for line in lines)
    assert any("All figures are estimates" in line for line in lines)
    assert next(line for line in lines if line.startswith("decode    one")).split()[6].startswith("~")
    assert lines[-1].startswith("Search of decode (~): not measured, extrapolated")


@pytest.mark.parametrize("unknown", ["all", "dev", "test", "train"])
def test_work_on_unknown_hours_is_unknown(tones: Path, unknown: str) -> None:
    experiment = Experiment(load_recipe(tones, ["hmm.passes=[{type: mono}]"]), 1)
    hours = dict.fromkeys(("train", "dev", "test"), 1.0) | {unknown: 0.0}
    if unknown == "all":
        hours = {"corpus": 1.0}
    estimator = Estimator(experiment, {part: Amount(100, share) for part, share in hours.items()})
    found = {work.entry: estimator.of(work) for work in all_works(experiment) if work.run in ("", "one")}
    for entry in ("decode", "shrink-verify"):
        assert (found[entry].seconds is None) == (unknown != "train")
        assert (found[entry].frames is None) == (unknown != "train")
    for entry in ("train", "features-hmm", "align-mono"):
        assert (found[entry].seconds is None) == (unknown == "train")


def test_totals_are_of_what_is_known(tones: Path) -> None:
    works = list(all_works(Experiment(load_recipe(tones), 1)))[:3]
    due = [State(work, True, "") for work in works]

    def total(*estimates: Estimate) -> str:
        return whole_duration(list(zip(due, estimates, strict=False)))

    assert total(Estimate(), Estimate()) == "-"
    assert total(Estimate(60.0), Estimate()) == "at least 60 s"
    assert total(Estimate(60.0), Estimate(30.0)) == "90 s"
    assert total(Estimate(60.0), Estimate(30.0, extrapolated=True), Estimate()) == "at least ~90 s"
    assert whole_duration([(State(works[0], False, ""), Estimate())]) == "0 s"


def test_sets_whose_audio_cannot_be_read_have_no_hours() -> None:
    assert speech_lines({"dev": Amount(3, 0.0)}) == ["dev          3 utterances  - h"]
    assert speech_lines({"dev": Amount(3, 0.001)}) == ["dev          3 utterances  0.00 h"]


def test_figures_are_readable() -> None:
    assert [size_of_bytes(n) for n in (None, 3_400_000, 55_100_000_000)] == ["-", "3 MB", "55.1 GB"]
    assert [duration(n) for n in (None, 0.2, 119, 600, 8000)] == ["-", "0 s", "119 s", "10 min", "2.2 h"]
