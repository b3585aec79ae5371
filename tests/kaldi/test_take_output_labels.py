from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.features.archive import write_matrices
from asr_prune.hmm.labels import read_labels
from asr_prune.kaldi.take_output_labels import take_output_labels

from .conftest import Project
from .test_labels import SAT, same

LENGTHS = {"train": {"a": 7, "b": 6, "c": 4}, "dev": {"d": 5}, "test": {"e": 2}}


@pytest.fixture
def sets(tmp_path: Path) -> dict[str, Path]:
    """feats.scp of three sets."""
    for part, lengths in LENGTHS.items():
        (tmp_path / part).mkdir()
        matrices = ((utt, np.zeros((frames, 2), np.float32)) for utt, frames in lengths.items())
        write_matrices(tmp_path / part / "feats", matrices)
    return {part: tmp_path / part / "feats.scp" for part in LENGTHS}


def text_of(path: Path, labels: dict[str, list[int]]) -> Path:
    path.write_text("".join(f"{utt} {' '.join(map(str, own))}\n" for utt, own in labels.items()))
    return path


def test_a_label_for_each_output_or_each_frame(
    sets: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Frame 0, 3, 6, ... are those of the outputs; dev and test may have labels, which nobody reads."""
    labels = {"a": [0, 1, 2, 3, 4, 5, 6], "b": [7, 8], "c": [1, 2, 3], "d": [1] * 5, "x": [1]}
    take_output_labels(text_of(tmp_path / "pdfs.txt", labels), 9, 3, sets, tmp_path / "out/kaldi", 0.01)
    expected = {"a": np.array([0, 3, 6]), "b": np.array([7, 8])}
    same(read_labels(tmp_path / "out/kaldi/pdf.ark"), expected)
    summary = json.loads((tmp_path / "out/kaldi/summary.json").read_text())
    assert (summary["pdfs"], summary["utterances"], summary["frames"]) == (9, 2, 5)
    assert (summary["mismatched"], summary["failed"], summary["unknown"]) == (["c"], [], ["x"])
    other = "1 utterance with another number of labels than frames or outputs: the original alone teaches (e.g. c)"
    assert other in caplog.text
    assert "1 utterance labelled but in no set, left out (e.g. x)" in caplog.text


def test_transition_ids_of_an_alignment_directory(project: Project) -> None:
    """What follows the transition model is not read: it may be a network."""
    pdfs = read_labels(project.exp / "align/sat/pdf.ark")
    outputs = json.loads((project.exp / "align/sat/summary.json").read_text())["pdfs"]
    data = (SAT / "final.mdl").read_bytes()
    (SAT / "final.mdl").write_bytes(data[: data.index(b"</TransitionModel>") + 30])
    sets = {part: project.data / part / "feats.scp" for part in LENGTHS}
    take_output_labels(SAT, outputs, 1, sets, Path("out/kaldi"), 0.01)
    taken = read_labels(Path("out/kaldi/pdf.ark"))
    assert taken
    same(taken, {utt: pdfs[utt] for utt in taken})
    for other in (outputs - 1, outputs + 1):
        with pytest.raises(UserError, match=rf"labels of {outputs} pdfs, and network.model has {other} outputs; align"):
            take_output_labels(SAT, other, 1, sets, Path("out/other"), 0.01)
    (SAT / "final.mdl").unlink()
    with pytest.raises(UserError, match=r"final.mdl is missing; copy the final.mdl that made these alignments"):
        take_output_labels(SAT, outputs, 1, sets, Path("out/other"), 0.01)
    shutil.rmtree(SAT)
    with pytest.raises(UserError, match=r"kaldi/sat does not exist; give an alignment directory or archive"):
        take_output_labels(SAT, outputs, 1, sets, Path("out/other"), 0.01)
    assert not Path("out/other").exists()


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ({"a": [0, 1, 9]}, "has labels of 10 pdfs, and network.model has 9 outputs; align with the model"),
        ({"a": [0, 1, -1]}, "pdf-ids must be 0 to 8; give that model"),
        ({"a": [0, 1], "d": [1, 1]}, "utterance a has 2 labels, 7 frames and 3 outputs; align the same audio with"),
        ({"d": [1, 1]}, r"no utterance of train has labels \(d there, a in train\); give those of train, with"),
    ],
)
def test_labels_of_something_else_are_one_sentence(
    sets: dict[str, Path], tmp_path: Path, labels: dict[str, list[int]], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        take_output_labels(text_of(tmp_path / "pdfs.txt", labels), 9, 3, sets, tmp_path / "out", 0.01)
    assert not (tmp_path / "out").exists()


def test_a_dangling_link_is_named(sets: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "ali").symlink_to("gone")
    with pytest.raises(UserError, match="ali is a link to gone, which does not exist"):
        take_output_labels(tmp_path / "ali", 9, 3, sets, tmp_path / "out", 0.01)
