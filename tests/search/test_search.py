"""The smallest network within a loss."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.cli.searches import outcome

optuna = pytest.importorskip("optuna")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "sweep")]

from sweeping import write_project  # noqa: E402

from asr_prune.pruning.registry import find_options  # noqa: E402
from asr_prune.search.beams import AtBeam, exact  # noqa: E402
from asr_prune.search.bound import Bound, Loss  # noqa: E402
from asr_prune.search.pruner import CAUSE, FINAL_CE, WITHIN, FallPruner, ended  # noqa: E402
from asr_prune.search.search import SizeSearch  # noqa: E402
from asr_prune.search.space import Space, with_whole  # noqa: E402
from asr_prune.search.trials import LOSS, SURELY, again  # noqa: E402
from asr_prune.workflow.experiment import open_experiment  # noqa: E402


def add(study: optuna.Study, share: float, within: bool, ce: list[float], method: str = "l2") -> None:
    """A finished trial."""
    study.add_trial(
        optuna.trial.create_trial(
            params={"method": method, f"share of {method}": share},
            distributions={
                "method": optuna.distributions.CategoricalDistribution(["l2", "gradual"]),
                f"share of {method}": optuna.distributions.FloatDistribution(0.01, 1, log=True),
            },
            value=share if within else 2.0,
            intermediate_values=dict(enumerate(ce, 1)),
            user_attrs={WITHIN: within, FINAL_CE: ce[-1]},
        )
    )


def test_a_trial_is_smaller_than_the_best_and_larger_than_what_failed() -> None:
    study, space = optuna.create_study(), Space(("l2", "gradual"))
    assert space.bracket(study, "l2") == (0.01, 1.0)
    for share, within in ((0.5, True), (0.2, True), (0.1, False), (0.4, False)):
        add(study, share, within, [1.0])
    assert space.bracket(study, "l2") == (0.1, 0.2)
    assert space.bracket(study, "gradual") == (0.01, 0.2)
    assert Space(("l2",), vary={"penalty": (1e-5, 1e-2)}).bracket(study, "l2") == (0.01, 0.2)
    for _ in range(5):
        trial = study.ask()
        block = space.suggest(trial)
        assert space.bracket(study, block["method"])[0] < block["budget"]["params"] < 0.2


def test_the_first_trial_of_a_method_is_one_that_it_can_reach() -> None:
    study, space = optuna.create_study(), Space(("l2", "gradual", "l1"), least={"gradual": 0.4, "l1": 0.99})
    space.begin(study)
    first = [space.suggest(study.ask()) for _ in study.get_trials()]
    assert first == [
        {"method": "l2", "budget": {"params": 0.25}},
        {"method": "gradual", "budget": {"params": 0.404}},
    ]
    assert space.left(study) == ["l2", "gradual"]


def test_what_failed_below_the_least_size_leaves_that_the_least() -> None:
    study = optuna.create_study()
    add(study, 0.25, False, [1.0], "gradual")
    assert Space(("gradual",), least={"gradual": 0.4}).bracket(study, "gradual") == (0.4, 1.0)


def test_whole_numbers_are_drawn_for_keys_that_take_nothing_else() -> None:
    vary = {"every": (1000.0, 3000.0), "min_nodes": (2.0, 5.0), "warm_up": (0.1, 0.2)}
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    space = Space(("gradual",), vary=with_whole(vary, ["l2", "gradual"]))
    drawn = [space.suggest(study.ask()) for _ in range(20)]
    for block in drawn:
        find_options("gradual")(**{key: block[key] for key in vary})
        assert (type(block["every"]), type(block["min_nodes"]), type(block["warm_up"])) == (int, int, float)
        assert 1000 <= block["every"] <= 3000
    assert any(block["every"] % 10 for block in drawn)
    assert {block["min_nodes"] for block in drawn} == {2, 3, 4, 5}


def test_a_method_is_left_once_success_and_failure_meet() -> None:
    study, space = optuna.create_study(), Space(("l2", "gradual"))
    add(study, 0.2, True, [1.0])
    add(study, 0.195, False, [1.0])
    assert space.left(study) == ["gradual"]


@pytest.mark.parametrize(("ce", "pruned"), [(2.4, False), (2.6, True)])
def test_a_trial_ends_where_no_fall_could_save_it(ce: float, pruned: bool) -> None:
    """The furthest fall from epoch 1 was 1.2, a quarter more is 1.5; the bound is at 1."""
    study = optuna.create_study(pruner=FallPruner([1.5, 0.8], 1.0))
    first = study.ask()
    first.report(9.0, 1)
    assert not first.should_prune()
    add(study, 0.3, True, [2.1, 0.9])
    trial = study.ask()
    trial.report(ce, 1)
    assert trial.should_prune() is pruned


def test_what_an_interrupted_search_has_left_is_tried_again_and_counts_for_nothing() -> None:
    study, space = optuna.create_study(), Space(("l2",))
    left = study.ask()
    asked = space.suggest(left)
    again(study)
    assert ended(study) == []
    assert space.bracket(study, "l2") == (0.01, 1.0)
    assert space.suggest(study.ask()) == asked


def test_a_refused_trial_counts_as_too_small() -> None:
    study, space = optuna.create_study(), Space(("l2",))
    trial = study.ask()
    space.suggest(trial)
    trial.set_user_attr(CAUSE, "budget params 0.02 allows ...")
    study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    assert space.bracket(study, "l2")[0] == trial.params["share of l2"]


def test_a_trial_that_the_machine_has_ended_says_nothing_of_sizes_and_is_tried_once_more() -> None:
    study, space = optuna.create_study(), Space(("l2",))
    trial = study.ask()
    asked = space.suggest(trial)
    trial.set_user_attr(CAUSE, "a signal (9) killed it, perhaps for lack of memory")
    study.tell(trial, state=optuna.trial.TrialState.FAIL)
    assert space.bracket(study, "l2") == (0.01, 1.0)
    assert again(study) == 1
    repeated = study.ask()
    assert space.suggest(repeated) == asked
    study.tell(repeated, 0.5)
    assert again(study) == 1
    assert space.suggest(study.ask()) != asked


def test_a_loss_is_within_surely_if_its_whole_interval_is() -> None:
    bound = Bound("wer", 0.5)
    assert bound.within(Loss(0.3, -0.2, 0.9))
    assert not bound.surely(Loss(0.3, -0.2, 0.9))
    assert bound.surely(Loss(0.3, -0.2, 0.5))
    assert not bound.surely(Loss(0.3))  # which has none, as that of cross-entropy
    assert not bound.within(Loss(0.6, 0.1, 0.9))
    assert bound.within(Loss(100 * 7 / 600 - 100 * 4 / 600))


@pytest.mark.parametrize(
    ("unit", "loss", "verdict", "more"),
    [
        ("ce", Loss(0.03), "within", []),
        (
            "wer",
            Loss(0.3, -0.2, 0.9),
            "within",
            ["of none does the whole interval lie within: this dev set cannot tell"],
        ),
        ("wer", Loss(0.3, -0.2, 0.5), "within surely", []),
    ],
)
def test_without_an_interval_nothing_is_said_of_it(unit: str, loss: Loss, verdict: str, more: list[str]) -> None:
    study, space = optuna.create_study(), Space(("l2",))
    trial = study.ask()
    space.suggest(trial)
    told = {WITHIN: True, SURELY: loss.high != 0.9, LOSS: str(loss)}  # of cross-entropy as earlier versions told it
    for key, value in told.items():
        trial.set_user_attr(key, value)
    study.tell(trial, 0.5)
    first, found, *others = outcome(study, Bound(unit, 0.5))
    assert first.endswith(f"loss {loss}: {verdict}")
    assert found.endswith(f": {verdict}")
    assert others == more


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "dsd"], "dsd ends with every node"),
        (["--method", "gradul"], "--method 'gradul' is not known; did you mean 'gradual'"),
        (["--vary", "penalty=1:2"], "--vary 'penalty=1:2' is not of the form"),
        (["--vary", "prune.penalty=2:1"], "--vary 'prune.penalty=2:1' is not of the form"),
        (["--method", "l2", "--vary", "prune.penality=1:2"], "unknown key"),
        (["--method", "l2", "--vary", "prune.fine_tune=0.5:2"], "fine_tune"),
        (
            ["--method", "gradual", "--vary", "prune.every=1.5:8"],
            "--vary 'prune.every=1.5:8': prune.every takes whole numbers; give two.",
        ),
        (["--method", "l2", "--set", "corpus.folds=3"], "set corpus.folds to 0"),
        (["--method", "l2", "--beam", "9"], "--beam changes words and no cross-entropy"),
    ],
)
def test_mistakes_are_told_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    write_project(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    assert main(["search", "recipes/tiny", "--max-ce-loss", "0.1", *words]) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "exp").exists()


@pytest.mark.trains
def test_a_search_finds_a_network_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    command = ["search", "recipes/tiny", "--max-wer-loss", "100", "--nj", "1", "--set", "prune.method=gradual"]
    assert main([*command, "--trials", "1"]) == 0
    told = capfd.readouterr().out
    assert "smallest with a wer loss of at most 100: trial 0: gradual-params0.25, 0.25 of the dense network" in told
    assert (tmp_path / "exp/tiny/runs/gradual-params0.25/result.json").is_file()
    assert main([*command, "--trials", "2"]) == 0
    lines = [line for line in capfd.readouterr().out.split("\n") if line.startswith("trial ")]
    assert [line.split(" of ")[0] for line in lines[-2:-1]] == ["trial 0: gradual-params0.25, 0.25"]
    assert lines[-1].startswith("trial 1: gradual-params0.2")
    assert lines[-1].endswith("within surely") or "[" not in lines[-1]


def test_a_beam_keeps_its_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_project(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    search = SizeSearch(open_experiment("recipes/tiny"), Bound("wer", 1.0), Space(("l2",)))
    for beam in (13.0, 12.3456789):
        assert search.point({"method": "none"}, beam).experiment.loaded.recipe.decode.beam == beam
    assert [exact(beam) for beam in (13.0, 12.3456789)] == ["13", "12.3456789"]
    assert str(AtBeam(12.3456789, Loss(0.1), 0.5)).startswith("beam 12.3456789: ")


@pytest.mark.trains
def test_networks_and_beams_are_traded_for_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    command = ["search", "recipes/tiny", "--max-wer-loss", "100", "--nj", "1", "--trials", "2"]
    assert main([*command, "--method", "gradual", "--beam", "9", "--beam", "12"]) == 0
    lines = capfd.readouterr().out.split("\n")
    dense = [line for line in lines if line.startswith("the dense network with beam ")]
    assert [line.split(":")[0].rpartition(" ")[2] for line in dense] == ["12", "9"]
    shares = {line.split(",")[0].rpartition("-params")[2] for line in lines if line.startswith("trial ")}
    assert len(shares) == 2
    (found,) = [line for line in lines if line.startswith("fastest with a wer loss of at most 100: trial ")]
    fastest = found.rpartition("-params")[2].split(",")[0]
    matched = re.search(r"with beam (9|12) ([0-9.]+) of the time, loss", found)
    assert matched
    assert float(matched[2]) > 0
    for share in shares:
        run = f"runs=[{{prune: {{method: gradual, budget: {{params: {share}}}}}}}]"
        beam = ["--set", f"decode.beam={matched[1]}"] if share == fastest else []
        assert main(["due", "--recipe", "recipes/tiny", "--nj", "1", "--set", run, "--stop-stage", "score", *beam]) == 0
        assert all(line.endswith("up to date") for line in capfd.readouterr().out.splitlines()), share
