"""A pruning run writes what it promises, and says of every node why it went."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.acoustic.chunks import Chunks
from asr_prune.acoustic.examples import splice_utterance
from asr_prune.acoustic.frames import FrameSet
from asr_prune.acoustic.network import size_of
from asr_prune.acoustic.options import NetworkOptions, TrainOptions
from asr_prune.acoustic.train import Trainer
from asr_prune.errors import UserError
from asr_prune.features.archive import write_matrices
from asr_prune.features.stored import Stored
from asr_prune.hmm.labels import StoredLabels, write_labels
from asr_prune.pruning.cut import Cut
from asr_prune.pruning.registry import find_options
from asr_prune.pruning.removal import shrink
from asr_prune.pruning.training import both_sets, labelled_examples, nodes_table, train_run
from asr_prune.run_dir import RunDir

pytestmark = pytest.mark.trains

Utterances = dict[str, np.ndarray]
FEATURES = {"type": "fbank", "bins": 4}


def task(seed: int, count: int) -> tuple[Utterances, Utterances]:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).standard_normal((5, 4))
    labels = {f"u{i}": rng.integers(0, 5, 60).astype(np.int32) for i in range(count)}
    return {u: (centres[y] + rng.standard_normal((60, 4))).astype(np.float32) for u, y in labels.items()}, labels


def run(folder: Path, prune: dict[str, Any], **train: object) -> dict[str, Any]:
    network = NetworkOptions(hidden=(20, 16), left_context=1, right_context=2)
    training = TrainOptions(**{"epochs": 4, "batch": 40, "learning_rate": 0.01, "tensorboard": False, **train})
    options = network, training, find_options(prune["method"])(**prune)
    return train_run(RunDir(folder), task(1, 6), task(2, 2), 6, options, 3, FEATURES)


@pytest.mark.parametrize(
    "prune",
    [
        {"method": "none"},
        {"method": "magnitude", "keep": 0.5},
        {"method": "group_lasso", "keep": 0.5, "every": 1, "steer_every": 2},
        {"method": "l2", "strength": 1e-3, "tolerance": 0.5},
        {"method": "dsd", "granularity": "node", "keep": 0.5},
        {"method": "map", "sparsity": 0.8, "every": 4},
    ],
    ids=lambda prune: prune["method"],
)
def test_the_files_of_a_run_agree(tmp_path: Path, prune: dict[str, Any]) -> None:
    figures = run(tmp_path, prune)
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    models = {"model/network.pt", "model/before_cut.pt", "model/checkpoint.pt"}
    own = {"dsd": {"model/sparse.pt", "weights.npz"}, "map": {"attention.jsonl"}}.get(prune["method"], set())
    assert names == models | own | {"nodes.json", "norms.npz", "metrics.jsonl", "trail.jsonl"}
    masked, before = (
        load_model(tmp_path / "model/network.pt"),
        load_model(tmp_path / "model/before_cut.pt"),
    )
    layers = json.loads((tmp_path / "nodes.json").read_text())["layers"]
    with np.load(tmp_path / "norms.npz") as arrays:
        norms, kept = ([arrays[f"{name}{i}"] for i in (1, 2)] for name in ("layer", "kept"))
    assert [layer["kept"] for layer in layers] == masked.kept == [k.nonzero()[0].tolist() for k in kept]
    assert [len(n) for n in norms] == [layer["nodes"] for layer in layers] == figures["nodes_per_layer_dense"]
    assert before.kept == [list(range(20)), list(range(16))]
    for node_layer, mask in zip(masked.network.node_layers(), kept, strict=True):
        assert not node_layer.norms("incoming")[~mask].any()
        assert not node_layer.norms("outgoing")[~mask].any()
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows[-1]["nodes_per_layer"] == [int(k.sum()) for k in kept]
    assert rows[-1]["dev_ce"] == pytest.approx(figures["dev_ce_final"])
    gone = sum(n[~k].sum() for n, k in zip(norms, kept, strict=True)) / sum(n.sum() for n in norms)
    assert figures["norm_mass_removed"] == pytest.approx(gone, abs=1e-6)


def test_models_carry_what_decoding_needs(tmp_path: Path) -> None:
    figures = run(tmp_path, {"method": "magnitude", "keep": 0.5, "fine_tune": 0.0})
    features, labels = task(2, 2)
    frames = torch.from_numpy(np.concatenate([splice_utterance(features[name], (1, 2)) for name in sorted(features)]))
    target = torch.from_numpy(np.concatenate([labels[name] for name in sorted(labels)])).long()
    for name, entropy in (
        ("network", figures["dev_ce_after_cut"]),
        ("before_cut", figures["dev_ce_before_cut"]),
    ):
        model = load_model(tmp_path / f"model/{name}.pt")
        assert (model.context, model.features, len(model.priors)) == ((1, 2), FEATURES, 6)
        found = torch.nn.functional.cross_entropy(model.network(frames), target)
        assert float(found.detach()) == pytest.approx(entropy, rel=1e-5)
    counts = np.bincount(np.concatenate(list(task(1, 6)[1].values())), minlength=6)
    assert model.priors.exp()[:5].tolist() == pytest.approx((counts / counts.sum())[:5].tolist(), rel=1e-5)
    assert figures["params_dense"] == size_of(model.network).params == 16 * 20 + 20 + 20 * 16 + 16 + 16 * 6 + 6
    assert figures["dev_ce_final"] == pytest.approx(figures["dev_ce_after_cut"])


def test_the_same_seed_is_the_same_run(tmp_path: Path) -> None:
    prune = {"method": "group_lasso", "keep": 0.5, "every": 1, "steer_every": 2}
    one, other = run(tmp_path / "one", prune), run(tmp_path / "other", prune)
    assert {k: v for k, v in one.items() if "seconds" not in k} == {
        k: v for k, v in other.items() if "seconds" not in k
    }
    assert (tmp_path / "one/nodes.json").read_text() == (tmp_path / "other/nodes.json").read_text()


def archived(folder: Path, made: tuple[Utterances, Utterances]) -> tuple[Stored, StoredLabels]:
    write_matrices(folder / "feats", made[0].items())
    write_labels(folder / "pdf", made[1].items())
    return Stored.open(folder / "feats.scp", lambda _, raw: raw), StoredLabels(folder / "pdf.ark")


def of_archives(folder: Path, memory_gb: float, method: str = "none", **prune: object) -> dict[str, Any]:
    network = NetworkOptions(hidden=(20, 16), left_context=1, right_context=2)
    training = TrainOptions(epochs=4, batch=40, learning_rate=0.01, tensorboard=False, memory_gb=memory_gb)
    options = network, training, find_options(method)(method=method, **prune)
    sets = [archived(folder / name, task(*own)) for name, own in (("train", (1, 6)), ("dev", (2, 2)))]
    return train_run(RunDir(folder), *sets, 6, options, 3, FEATURES)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder / "model/network.pt").network.state_dict()


def test_seconds_are_those_of_the_epochs_to_a_hundredth(tmp_path: Path) -> None:
    figures = run(tmp_path, {"method": "none"})
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    seconds = sum(row["seconds"] for row in rows)
    assert figures["train_seconds"] == pytest.approx(seconds, abs=1e-6)
    assert figures["train_seconds_per_epoch"] == pytest.approx(seconds / len(rows), abs=0.00501)
    assert figures["train_wall_seconds"] >= figures["train_seconds"] - 0.005 * len(rows)


def test_a_set_that_fits_its_memory_trains_as_one_in_memory(tmp_path: Path) -> None:
    run(tmp_path / "arrays", {"method": "none"})
    for name, memory_gb in (("any", 0.0), ("fits", 20000e-9), ("chunks", 9000e-9)):
        of_archives(tmp_path / name, memory_gb)
    one = weights(tmp_path / "arrays")
    for name, same in (("any", True), ("fits", True), ("chunks", False)):
        other = weights(tmp_path / name)
        assert all(torch.equal(value, other[key]) for key, value in one.items()) == same, name


@pytest.mark.parametrize("method", ["group_lasso", "magnitude", "complexity"])
def test_methods_prune_what_is_trained_in_chunks(tmp_path: Path, method: str) -> None:
    asked = {
        "group_lasso": {"keep": 0.5, "every": 1, "steer_every": 2},
        "magnitude": {"keep": 0.5},
    }.get(method, {})
    one, other = (of_archives(tmp_path / name, 9000e-9, method, **asked) for name in ("one", "other"))
    assert one["updates"] == other["updates"] == 4 * (6 * 60 // 40)
    assert one["dev_ce_final"] == other["dev_ce_final"] < 1.7
    assert all(
        torch.equal(a, b)
        for a, b in zip(weights(tmp_path / "one").values(), weights(tmp_path / "other").values(), strict=True)
    )


@pytest.mark.parametrize(
    ("memory", "kinds"),
    [
        (60_000, (Chunks, Chunks)),
        (170_000, (Chunks, Chunks)),
        (193_000, (FrameSet, FrameSet)),
        (0, (FrameSet, FrameSet)),
    ],
)
def test_train_and_dev_share_the_memory(memory: int, kinds: tuple[type, type]) -> None:
    """Of 40 bytes a frame: 144,000 and 48,000."""
    network = NetworkOptions(hidden=(2,), left_context=1, right_context=2)
    how = TrainOptions(memory_gb=memory / 1e9)
    train, dev = both_sets(task(1, 60), task(2, 20), network, how, False, torch.device("cpu"))
    assert train.held_bytes + dev.held_bytes <= (memory or 192_000)
    assert dev.held_bytes <= (memory / 4 or 48_000)
    assert (type(train), type(dev)) == kinds


def test_what_a_gpu_has_no_memory_for_is_refused_with_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 184 bytes a frame of 40 columns, 100 hours."""
    frames = 100 * 360_000
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda _: (5_750_000_000, 12_000_000_000))
    monkeypatch.setattr("torch.cuda.memory_reserved", lambda _: 1_000_000_000)
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda _: 250_000_000)
    there = torch.device("cuda")
    speech = {"u": np.broadcast_to(np.float32(0), (frames, 40))}, {"u": np.broadcast_to(np.int32(0), frames)}
    network = NetworkOptions(hidden=(2,))
    sentence = r"would take 6\.6 GB of the 6\.5 GB that are free on the GPU; set train\.memory_gb=5\.2, so that"
    for memory in (0.0, 8.0):
        with pytest.raises(UserError, match=sentence):
            labelled_examples(speech, network, TrainOptions(), False, there, int(memory * 1e9))
    with pytest.raises(UserError, match=r"would take 6\.6 GB"):  # in chunks
        labelled_examples(speech, network, TrainOptions(), False, there, 6_600_000_000)


def test_a_finished_run_called_again_writes_the_same(tmp_path: Path) -> None:
    prune = {"method": "magnitude", "keep": 0.5}
    first = run(tmp_path, prune)
    before = load_model(tmp_path / "model/before_cut.pt").network.state_dict()
    (tmp_path / "nodes.json").unlink()
    again = run(tmp_path, prune)
    assert {k: v for k, v in first.items() if k != "train_wall_seconds"} == {
        k: v for k, v in again.items() if k != "train_wall_seconds"
    }
    after = load_model(tmp_path / "model/before_cut.pt").network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert (tmp_path / "nodes.json").is_file()


def test_wall_seconds_of_a_killed_run_are_summed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one_epoch = Trainer._one_epoch

    def killed_in_the_third(trainer: Trainer) -> None:
        if trainer.epoch == 2:
            raise KeyboardInterrupt
        trainer.sitting_start -= 100
        one_epoch(trainer)

    monkeypatch.setattr(Trainer, "_one_epoch", killed_in_the_third)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, {"method": "none"})
    monkeypatch.setattr(Trainer, "_one_epoch", one_epoch)
    assert 200 < run(tmp_path, {"method": "none"})["train_wall_seconds"] < 260


def test_the_table_says_why_a_node_went() -> None:
    cut = Cut(
        step=70,
        kept=[torch.tensor([True, False, False, True])],
        alive=[torch.tensor([True, False, True, True])],
        scores=[torch.tensor([0.7, 0.0, 0.123456789, 0.5])],
        dev_ce_before=1.0,
        dev_ce_after=1.1,
    )
    table = nodes_table(cut)
    assert table["cut_after_update"] == 70
    assert table["layers"] == [
        {
            "nodes": 4,
            "kept": [0, 3],
            "removed_by_the_method": [1],
            "removed_by_the_cut": {"2": 0.123457},
            "lowest_score_kept": 0.5,
        }
    ]
    assert all(key in table["why"] for key in ("removed_by_the_method", "removed_by_the_cut"))
    assert json.loads(json.dumps(table)) == table


def test_a_layer_that_kept_nothing_has_no_lowest_score() -> None:
    none = torch.zeros(2, dtype=torch.bool)
    table = nodes_table(Cut(1, [none], [none], [torch.zeros(2)], 1.0, 1.0))
    assert table["layers"][0]["lowest_score_kept"] is None
    assert table["layers"][0]["removed_by_the_method"] == [0, 1]


def test_the_sparse_phases_network_stands_beside_the_dense_one(tmp_path: Path) -> None:
    figures = run(tmp_path, {"method": "dsd", "granularity": "node", "keep": 0.5, "min_nodes": 1}, epochs=3)
    sparse = load_model(tmp_path / "model/sparse.pt")
    small, kept = shrink(sparse.network)
    assert figures["sparse_nodes_per_layer"] == small.widths == [10, 8]
    assert [figures["sparse_nodes"], figures["sparse_params"]] == [18, size_of(small).params]
    assert sparse.kept == kept
    assert shrink(load_model(tmp_path / "model/network.pt").network)[0].widths == [20, 16]
    features, labels = task(2, 2)
    frames = torch.from_numpy(np.concatenate([splice_utterance(features[name], (1, 2)) for name in sorted(features)]))
    target = torch.from_numpy(np.concatenate([labels[name] for name in sorted(labels)])).long()
    found = torch.nn.functional.cross_entropy(small(frames), target)
    assert float(found) == pytest.approx(figures["sparse_dev_ce"], rel=1e-5)
    assert figures["norm_mass_removed"] == 0
    assert figures["converged"] is None


def test_a_run_starts_from_a_trained_one(tmp_path: Path) -> None:
    first = run(tmp_path / "first", {"method": "none"}, epochs=6)
    asked = {"method": "map", "sparsity": 0.0}
    again = run(tmp_path / "again", asked, epochs=1, learning_rate=1e-9, init=str(tmp_path / "first"))
    assert again["dev_ce_final"] == pytest.approx(first["dev_ce_final"], rel=1e-4)
    file = str(tmp_path / "first/model/network.pt")
    pruned = run(
        tmp_path / "pruned",
        {"method": "magnitude", "keep": 0.5, "fine_tune": 0.0},
        epochs=1,
        init=file,
    )
    assert pruned["dev_ce_before_cut"] < run(tmp_path / "cold", {"method": "none"}, epochs=1)["dev_ce_final"]
