from __future__ import annotations

import json
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import read_table
from asr_prune.errors import UserError
from asr_prune.features.archive import read_matrices
from asr_prune.features.options import HmmFeatureOptions
from asr_prune.hmm.labels import read_labels
from asr_prune.hmm.network_features import pass_features
from asr_prune.kaldi.labels import read_kaldi_labels
from asr_prune.kaldi.take_labels import take_labels
from asr_prune.recipe.load import load_recipe
from asr_prune.workflow.experiment import Experiment

from .conftest import GIVEN, Project
from .test_labels import SAT, same, write_pdfs

Printed = pytest.CaptureFixture[str]
FROM_SAT = [*GIVEN, "--set", f"hmm.labels={SAT}"]


def lengths_of(project: Project) -> dict[str, int]:
    """Frames of the features of train and dev."""
    sets = (project.data / part / "feats.scp" for part in ("train", "dev"))
    return {utt: len(matrix) for scp in sets for utt, matrix in read_matrices(scp)}


def test_what_does_not_fit_is_left_out_counted_and_listed(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    lengths = lengths_of(project)
    lengths["ann-0"] += 1
    lengths["new-0"] = 50
    del lengths["bob-1"], lengths["bob-2"]
    labels = read_kaldi_labels(SAT)
    taken = take_labels(labels, lengths, project.data / "lang", Path("out/kaldi"), 0.01)
    assert (taken.failed, taken.mismatched, taken.unknown) == (["new-0"], ["ann-0"], ["bob-1", "bob-2"])
    assert taken.utterances == len(lengths) - 2
    left = "1 without labels, 1 of another length, 2 in no set"
    assert str(taken).endswith(f"{taken.pdfs} pdfs; left out: {left}")
    assert "1 utterance of another length than their features, left out (e.g. ann-0)" in caplog.text
    kept = {utt: own for utt, own in labels.pdfs.items() if utt in lengths and utt != "ann-0"}
    same(read_labels(Path("out/kaldi/pdf.ark")), kept)
    summary = json.loads(Path("out/kaldi/summary.json").read_text())
    assert summary["mismatched"] == ["ann-0"]
    assert summary["frames"] == sum(map(len, kept.values()))
    same(dict(read_matrices(Path("out/kaldi/trans.scp"))), dict(read_matrices(project.exp / "align/sat/trans.scp")))


def test_nothing_left_is_one_sentence(project: Project) -> None:
    labels, lang = read_kaldi_labels(SAT), project.data / "lang"
    with pytest.raises(UserError, match=r"no utterance has as many labels as frames \(ann-0: \d+ and 3\)"):
        take_labels(labels, {"ann-0": 3}, lang, Path("out"), 0.01)
    with pytest.raises(
        UserError, match=r"no labelled utterance is in train or dev \(e.g. ann-0 in the labels, ANN-0 in the corpus\)"
    ):
        take_labels(labels, {"ANN-0": 3}, lang, Path("out"), 0.01)
    assert not Path("out").exists()


@pytest.mark.parametrize("with_table", [True, False])
def test_other_phones_are_one_sentence(project: Project, with_table: bool) -> None:
    table = read_table(project.data / "lang/phones.txt")
    names = {"M": "N"} if with_table else {}
    more = {} if with_table else {"Z": "2000"}
    lines = [f"{names.get(phone, phone)} {i}\n" for phone, i in (table | more).items()]
    (project.data / "lang/phones.txt").write_text("".join(lines))
    (project.data / "lang/SHA256SUMS").unlink()
    if not with_table:
        (SAT / "phones.txt").unlink()
    result = f"phone {table['M']} is M in kaldi/sat and N" if with_table else "phone 2000 is none in kaldi/sat and Z"
    with pytest.raises(UserError, match=result):
        take_labels(read_kaldi_labels(SAT), lengths_of(project), project.data / "lang", Path("out"), 0.01)


def test_the_stages_go_on_from_an_alignment_directory(project: Project, capsys: Printed) -> None:
    graph = (project.exp / "graph/HCLG.fst").read_bytes()
    for verb in ("align", "train", "shrink", "graph", "decode", "score"):
        assert main([verb, *FROM_SAT]) == 0
    same(read_labels(project.exp / "align/kaldi/pdf.ark"), read_labels(project.exp / "align/sat/pdf.ark"))
    assert (project.exp / "graph/HCLG.fst").read_bytes() == graph
    capsys.readouterr()
    assert main(["align", *FROM_SAT]) == 0
    assert "align kaldi: up to date" in capsys.readouterr().out
    assert main(["ladder", *FROM_SAT]) == 1
    assert "hmm.labels names other labels" in capsys.readouterr().err


def test_a_changed_archive_is_taken_again(project: Project, capsys: Printed) -> None:
    assert main(["align", *FROM_SAT]) == 0
    (SAT / "ali.3.gz").rename(SAT / "ali.2.gz")
    (SAT / "num_jobs").write_text("2\n")
    capsys.readouterr()
    assert main(["align", *FROM_SAT]) == 0
    assert "4 utterances without labels, left out (e.g. cat-0)" in capsys.readouterr().out


def test_a_set_without_labels_is_one_sentence(project: Project, capsys: Printed) -> None:
    Path("pdfs.txt").write_text("ann-0 1 2 3\n")
    assert main(["align", *GIVEN, "--set", "hmm.labels=pdfs.txt"]) == 1
    error = capsys.readouterr().err
    assert "pdfs.txt labels no utterance of dev (ann-0 there, dan-0 here); give both" in error


def test_the_network_may_see_the_features_of_the_hmm_that_came(project: Project) -> None:
    change = [*FROM_SAT, "--set", "features.network.type=hmm"]
    assert [main([verb, *change]) for verb in ("features", "align", "graph", "train")] == [0] * 4
    for part in ("dev", "test"):
        (own,) = (dict(read_matrices(project.exp / f"align/kaldi/adapt_{part}/trans.scp")),)
        assert {matrix.shape for matrix in own.values()} == {(10, 11)}
    assert Experiment(load_recipe(Path(GIVEN[1]), change[len(GIVEN) + 1 :: 2])).dim == 10


def test_bare_pdf_ids_train_and_shrink_and_decoding_says_what_is_missing(project: Project, capsys: Printed) -> None:
    labels = write_pdfs(project, Path("pdfs.txt"))
    given = [*GIVEN, "--set", "hmm.labels=pdfs.txt"]
    assert [main([verb, *given]) for verb in ("align", "train", "shrink")] == [0, 0, 0]
    same(read_labels(project.exp / "align/kaldi/pdf.ark"), labels)
    result = json.loads((project.exp / "runs/dense/verify.json").read_text())
    assert result["holds"]
    assert result["utterances_that_differ"] is None
    assert "by logits alone" in capsys.readouterr().out
    assert [main([verb, *given]) for verb in ("graph", "decode")] == [0, 1]
    assert "set hmm.model to the folder of their final.mdl and tree, or stop after the shrink stage" in (
        capsys.readouterr().err
    )
    assert main(["due", *given, "--stop-stage", "shrink"]) == 0
    assert "shrink: up to date" in capsys.readouterr().out
    model = [*given, "--set", f"hmm.model={SAT}"]
    assert [main([verb, *model]) for verb in ("align", "train", "shrink", "graph", "decode")] == [0] * 5


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("hmm.model=kaldi/sat", "model and pdfs describe labels; set labels too"),
        ("hmm.pdfs=5", "model and pdfs describe labels; set labels too"),
        ("hmm.labels=nowhere", "hmm.labels: nowhere does not exist"),
        ("hmm.lables=x", "unknown key 'hmm.lables'; did you mean 'labels'"),
    ],
)
def test_mistakes_in_the_recipe(project: Project, capsys: Printed, change: str, sentence: str) -> None:
    assert main(["align", *GIVEN, "--set", change]) == 1
    assert sentence in capsys.readouterr().err


def test_a_front_end_of_other_cepstra_is_one_sentence(project: Project, capsys: Printed) -> None:
    change = [*FROM_SAT, "--set", "features.network.type=hmm", "--set", "features.hmm.ceps=12"]
    assert main(["features", *change]) == 0
    assert main(["align", *change]) == 1
    assert "kaldi/sat has a GMM-HMM of features with 13 columns" in (error := capsys.readouterr().err)
    assert "but features.hmm gives 12; set features.hmm.ceps" in error
    options = HmmFeatureOptions(ceps=12)
    with pytest.raises(UserError, match=r"align/lda_mllt has a GMM-HMM of features with 13 columns"):
        dict(pass_features(project.data / "dev", options, project.exp / "align/lda_mllt"))
    network = [*FROM_SAT, "--set", "features.hmm.ceps=12"]
    assert [main([verb, *network]) for verb in ("features", "align")] == [0, 0]


def test_pdf_ids_have_nothing_to_export_to_kaldi(project: Project, capsys: Printed) -> None:
    write_pdfs(project, Path("pdfs.txt"))
    assert main(["align", *GIVEN, "--set", "hmm.labels=pdfs.txt", "--set", "hmm.model=kaldi/sat"]) == 0
    assert main(["export-kaldi", "exp/tones/align/kaldi", "out"]) == 1
    error = capsys.readouterr().err
    assert "exp/tones/align/kaldi has labels that came as pdf-ids, which hold no transition-ids" in error
    assert not Path("out").exists()
