"""The comparison with other libraries: its plan, its table, its refusal, and the libraries where
they are installed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

import peer_methods
import peer_pat
import peers
from trials import Data

from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.errors import UserError
from asr_prune.pruning.registry import find_options
from asr_prune.recipe.load import load_recipe

ROOT = Path(__file__).resolve().parents[2]
PLAN = ROOT / "recipes/an4/trials/peers.yaml"
PDFS = 7
INSTALLED = {name: bool(find_spec(name)) for name in ("torch_pruning", "torchao")}


def rows(**more: Any) -> list[dict[str, Any]]:
    plan = yaml.safe_load(PLAN.read_text()) | more
    return list(peers.rows_of(plan, None, None))


def test_every_row_of_the_plan_is_a_recipe() -> None:
    for row in rows(trials=2, keeps=[0.25]):
        words = [word for word in row["settings"].split() if not word.startswith("peer.")]
        (run,) = load_recipe(ROOT / "recipes/an4", words).runs()
        assert run.prune.keep == (None if row["keep"] == 1 else row["keep"])
        assert (run.prune.method == "none") == (row["method"] in peers.PEERS or row["method"] == "dense")


def test_a_plan_has_each_row_once_and_as_many_trials_for_all() -> None:
    made = rows(trials=4, seeds=[1, 2], keeps=[0.5, 0.25])
    assert len({(r["method"], r["settings"], r["seed"]) for r in made}) == len(made)
    count = {name: sum(r["method"] == name for r in made) for name in yaml.safe_load(PLAN.read_text())["methods"]}
    assert count.pop("dense") == 4 * 2
    assert set(count.values()) == {4 * 2 * 2}
    plan = yaml.safe_load(PLAN.read_text())
    assert {r["method"] for r in peers.rows_of(plan, 2, ["gradual"])} == {"gradual"}
    assert len(list(peers.rows_of(plan, 2, ["gradual"]))) == 2 * len(plan["keeps"]) * len(plan["seeds"])


def row(method: str, keep: float, choose: float, dev: float, seed: int = 1, **settings: Any) -> dict[str, Any]:
    words = [f"prune.method={method}", "network.hidden=[8,8]", f"prune.keep={keep}"]
    words += [f"prune.{key}={value}" for key, value in settings.items()]
    sizes = {"nodes": 8, "per_layer": "4/4", "params": 90, "macs": 80, "seconds": 10 * seed}
    scores = {"ce_choose": choose, "ce_report": dev + 0.1, "ce_dev": dev}
    kept = {"method": method, "keep": keep, "settings": " ".join(words), "seed": seed}
    return kept | scores | sizes | {"version": "torch 2", "cpu": "A CPU", "note": "a note" if settings else ""}


def test_the_table_has_the_chosen_trial_of_each_method_and_means_over_seeds() -> None:
    made = [
        row("l2", 0.25, 1.0, 1.30, 1),
        row("l2", 0.25, 1.2, 1.50, 2),
        row("l2", 0.25, 1.2, 0.90, 1, penalty=0.1),
        row("l2", 0.25, 1.4, 0.90, 2, penalty=0.1),
        row("l1", 0.25, 1.0, 1.00, 1, penalty=0.2),
        row("none", 1, 1.0, 2.00),
    ]
    told = peers.table(made, ["prune.method", "prune.keep", "network.hidden"])
    head, _, *lines, _, cpus = told.splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    assert [(c[0], c[1]) for c in cells] == [("`none`", "1"), ("`l1`", "0.25"), ("`l2`", "0.25")]
    assert cells[2][2:] == [
        *("**1.400** (1.300 to 1.500, 2 seeds)", "1.500", "8 (4/4)", "90", "80", "15", "defaults", "torch 2"),
    ]
    assert cells[1][8] == "penalty 0.2; a note"
    assert {len(c) for c in cells} == {len(head.strip("|").split(" | "))}
    assert cpus == "CPU: A CPU."


@pytest.mark.skipif(any(INSTALLED.values()), reason="the libraries are installed")
def test_missing_libraries_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    shutil.copy(PLAN, tmp_path)
    command = [sys.executable, str(ROOT / "tests/bench/peers.py"), "peers.yaml", "--recipe", "nowhere"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "this comparison needs torch-pruning and torchao: make an environment for it" in done.stderr
    assert "pip install torch-pruning==1.6.1 torchao==0.18.0" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["peers.yaml"]
    peers.check_installed(["gradual", "dense"])
    with pytest.raises(UserError, match=r"^this comparison needs torchao: "):
        peers.check_installed(["gradual", "torchao pat"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.yaml"], "there is no plan nowhere.yaml; recipes/an4/trials/peers.yaml is one."),
        ([str(PLAN), "--methods", "gradul"], "peers.yaml has no row 'gradul'; its rows are dense, dense_small, "),
    ],
)
def test_what_does_not_exist_is_refused(words: list[str], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["peers.py", *words])
    with pytest.raises(SystemExit) as end:
        peers.main()
    assert says in str(end.value)


def test_what_misses_its_nodes_is_no_row() -> None:
    peers.check_nodes("x", [60, 68], 127)
    with pytest.raises(UserError, match=r"x ended with 130 nodes \[60, 70\], not the 127 that were requested"):
        peers.check_nodes("x", [60, 70], 127)


@given(total=st.integers(20, 2000), share=st.floats(0.05, 0.9), half=st.floats(1e-3, 1e2), power=st.floats(0.5, 4))
def test_a_strength_is_found_that_leaves_enough_and_not_many_more(
    total: int, share: float, half: float, power: float
) -> None:
    asked: dict[float, int] = {}

    def left(strength: float) -> int:
        assert strength not in asked
        asked[strength] = round(total / (1 + (strength / half) ** power))
        return asked[strength]

    target = max(1, round(share * total))
    strength, tried = peer_pat.find_strength(left, target, 0.1)
    assert asked[strength] == min(nodes for nodes in asked.values() if nodes >= target)
    assert len(asked) == tried <= peer_pat.TRIES


def test_no_strength_that_leaves_enough() -> None:
    with pytest.raises(UserError, match=r"all strengths from 0.1 to .* leave fewer than 5 nodes"):
        peer_pat.find_strength(lambda strength: 4, 5, 0.1)


def task(seed: int, count: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((PDFS, 6))
    labels = {f"u{i:02d}": rng.integers(0, PDFS, 100).astype(np.int32) for i in range(count)}
    return {u: (centres[y] + rng.standard_normal((100, 6))).astype(np.float32) for u, y in labels.items()}, labels


def trained(name: str, own: dict[str, Any], keep: float, hidden: tuple[int, ...] = (32, 24)) -> tuple[Any, list[str]]:
    data = Data(task(1, 12), task(2, 3), task(3, 3), PDFS)
    network = NetworkOptions(hidden=hidden, dropout=0.1, left_context=1, right_context=1)
    train = TrainOptions(epochs=6, batch=50, learning_rate=0.01, tensorboard=False, device="cpu")
    run = SimpleNamespace(network=network, train=train, prune=find_options("none")(keep=keep, min_nodes=2), seed=1)
    notes: list[str] = []
    made, cross_entropy = peers.train_peer(name, own, notes, SimpleNamespace(runs=[run]), data)
    assert 0 < cross_entropy < 2
    return made, notes


def documented() -> dict[str, dict[str, Any]]:
    methods = yaml.safe_load(PLAN.read_text())["methods"]
    of_peers = {name: own["fixed"] for name, own in methods.items() if name in peers.PEERS}
    return {name: {k[5:]: v for k, v in own.items() if k.startswith("peer.")} for name, own in of_peers.items()}


@pytest.mark.trains
@pytest.mark.parametrize("keep", [0.5, 0.3])
@pytest.mark.parametrize("name", peers.PEERS)
def test_a_peer_ends_with_the_requested_nodes(name: str, keep: float) -> None:
    pytest.importorskip(name.split()[0])
    network, notes = trained(name, documented()[name], keep)
    assert abs(sum(network.widths) - keep * 56) <= 1
    assert bool(notes) == name.startswith("torchao")


@pytest.mark.trains
@pytest.mark.parametrize("scope", ["local", "global"])
def test_nodes_are_removed_as_the_library_removes_them(scope: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch_pruning")
    cut, both = peer_methods.TorchPruning.cut, []

    def twice(self: Any) -> None:
        copied = deepcopy(self.network)
        self.pruner_of(copied).step()
        cut(self)
        both.append((deepcopy(self.network.state_dict()), copied.state_dict()))

    monkeypatch.setattr(peer_methods.TorchPruning, "cut", twice)
    trained("torch_pruning magnitude", {"scope": scope, "normalizer": "mean"}, 0.4)
    ((ours, theirs),) = both
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


@pytest.mark.trains
def test_other_networks_are_refused() -> None:
    run = SimpleNamespace(network=NetworkOptions(type="residual"), train=TrainOptions())
    with pytest.raises(UserError, match=r"torchao pat is compared on network.type feed_forward only, not residual"):
        peers.train_peer("torchao pat", {}, [], SimpleNamespace(runs=[run]), None)  # type: ignore[arg-type]
