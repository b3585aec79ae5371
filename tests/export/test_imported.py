"""What may and may not become of the directories of imported models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import yaml

from asr_prune.acoustic.checkpoint import Model, save_model
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.errors import UserError
from asr_prune.export.imported import export_imported
from asr_prune.export.places import EXPORT_MARK, export_dir
from asr_prune.export.trained_run import TrainedRun
from asr_prune.files import digest, files_below
from asr_prune.nnet3.model import read_nnet3, write_nnet3
from asr_prune.pruning.removal import narrow
from asr_prune.run_dir import RunDir
from tests.kaldi.test_import_model import model_directory
from tests.nnet3.conftest import tdnnf_model

FINAL = "am/final.mdl"


def directory(place: Path, seed: int = 0) -> Path:
    folder = model_directory(place, tdnnf_model(seed=seed, width=16, rank=6, pdfs=12, ivector=False))
    (folder / "graph/HCLG.fst").touch()
    return folder


def trained(run: RunDir, place: Path) -> TrainedRun:
    """A run that left half of the nodes of the model in `place`."""
    network = GraphNetwork.of(read_nnet3(place / FINAL), 3, place)
    kept = [list(range(n // 2)) for n in network.widths]
    narrow(network.node_layers(), [torch.arange(n) < n // 2 for n in network.widths])
    save_model(run.shrunk, Model(network, torch.zeros(12), (0, 0), kept))
    run.recipe.write_text(yaml.safe_dump({"network": {"model": str(place)}}))
    run.records.mkdir()
    inputs = {str(place / FINAL): digest(place / FINAL)}
    (run.records / "train.json").write_text(json.dumps({"inputs": inputs}))
    return TrainedRun(run)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_imported_model_is_never_replaced(tmp_path: Path) -> None:
    source = directory(tmp_path / "models/large")
    run, before = trained(RunDir(tmp_path / "run"), source), contents(tmp_path / "models")
    (tmp_path / "link").symlink_to(source)
    for out in (source, tmp_path / "link", source / "smaller", source.parent):
        with pytest.raises(UserError, match=r"overlaps .*, the imported model, which stays as it is; name another"):
            export_imported(run, out, "vosk")
    assert contents(tmp_path / "models") == before


def test_another_model_is_not_taken_for_an_earlier_export(tmp_path: Path) -> None:
    run = trained(RunDir(tmp_path / "run"), directory(tmp_path / "model"))
    other = directory(tmp_path / "other", seed=5)
    before = contents(other)
    with pytest.raises(UserError, match="other exists and is not an earlier vosk export; name another folder, or del"):
        export_imported(run, other, "vosk")
    assert contents(other) == before
    export_imported(run, tmp_path / "out", "vosk")
    (tmp_path / "out/old").touch()
    export_imported(run, tmp_path / "out", "vosk")
    assert contents(tmp_path / "out").keys() == before.keys() | {Path(EXPORT_MARK)}


def test_links_are_followed_and_protected_folders_copied(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = directory(tmp_path / "model")
    (source / "graph").rename(tmp_path / "large")
    (source / "graph").symlink_to(tmp_path / "large")
    (tmp_path / "large/again").symlink_to(source)
    (source / "twice").symlink_to("conf")
    (source / "tree").symlink_to("gone")
    run, before = trained(RunDir(tmp_path / "run"), source), files_below(source)
    for path in (source / FINAL, source / "am"):
        path.chmod(0o555)
    export_imported(run, tmp_path / "out", "vosk")
    (source / "am").chmod(0o755)
    assert {source / path for path in contents(tmp_path / "out")} == {*before, source / EXPORT_MARK}
    assert (tmp_path / "out/am").stat().st_mode & 0o200
    assert not (tmp_path / "out/graph").is_symlink()
    assert not (tmp_path / "out/graph/again").exists()
    assert contents(tmp_path / "out/twice") == contents(tmp_path / "out/conf")
    assert f"1 dangling link left out: {source}/tree" in caplog.text


def test_what_vosk_does_not_open_is_exported_for_kaldi(tmp_path: Path) -> None:
    source = directory(tmp_path / "model")
    run = trained(RunDir(tmp_path / "run"), source)
    (source / "conf/model.conf").unlink()
    with pytest.raises(UserError, match="is no model directory of Vosk; export the run with --nnet3"):
        export_imported(run, tmp_path / "out", "vosk")
    export_imported(run, tmp_path / "out", "nnet3")


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("nnet1", ["final.nnet", "final.mdl", "tree", "ali_train_pdf.counts"]),
        ("nnet3", ["final.raw", "final.mdl", "tree"]),
        ("vosk", ["am/final.mdl", "conf/model.conf"]),
        ("onnx", ["network.onnx"]),
        ("sherpa", ["model.onnx", "tokens.txt"]),
        ("kaldi", ["final.mdl", "num_jobs", "ali.1.gz"]),
        ("onnx", [EXPORT_MARK]),
    ],
)
def test_the_files_of_a_kind_do_not_make_an_export(tmp_path: Path, kind: str, files: list[str]) -> None:
    for name in files:
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text("trained for weeks\n")
    with pytest.raises(UserError, match=f"is not an earlier {kind} export"), export_dir(tmp_path / "out", kind):
        pass
    assert len(contents(tmp_path / "out")) == len(files)


def test_a_model_of_the_same_graph_that_was_trained_again_is_noticed(tmp_path: Path) -> None:
    source = directory(tmp_path / "model")
    run = trained(RunDir(tmp_path / "run"), source)
    write_nnet3(source / FINAL, tdnnf_model(seed=9, width=16, rank=6, pdfs=12, ivector=False))
    with pytest.raises(UserError, match="is not the model that the run was made from; put it back or train"):
        export_imported(run, tmp_path / "out", "vosk")
    assert not (tmp_path / "out").exists()
