from __future__ import annotations

import shutil
import struct
from pathlib import Path

import kaldifst
import numpy as np
import pytest

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import read_table
from asr_prune.decode.arrays import FstArrays
from asr_prune.errors import UserError
from asr_prune.export.places import EXPORT_MARK
from asr_prune.features.archive import kaldi_io, read_matrices
from asr_prune.hmm.labels import read_labels
from asr_prune.hmm.mdl import read_mdl
from asr_prune.kaldi.export import ExportFolders, export_pass
from asr_prune.kaldi.lang import export_lang, pronunciations
from asr_prune.kaldi.vectors import read_int_vectors
from asr_prune.kaldi_format import KaldiReader
from asr_prune.lang.fst import read_fst
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang

from .conftest import Project

SAT = {
    "final.mdl",
    "final.mat",
    "final.alimdl",
    "final.occs",
    "tree",
    "cmvn_opts",
    "splice_opts",
    "num_jobs",
}
JOBS = {f"{name}{job}{end}" for job in (1, 2, 3) for name, end in (("ali.", ".gz"), ("trans.", ""))}


def test_the_files_that_kaldis_scripts_look_for(project: Project) -> None:
    out = Path("kaldi/sat")
    assert {path.name for path in out.iterdir()} - {EXPORT_MARK} == SAT | JOBS | {"phones.txt", "lang", "graph"}
    for name in ("final.mdl", "final.mat", "final.alimdl", "tree", "cmvn_opts", "splice_opts"):
        assert (out / name).read_bytes() == (project.exp / "align/sat" / name).read_bytes()
    assert (out / "num_jobs").read_text() == "3\n"
    assert (out / "phones.txt").read_bytes() == (out / "lang/phones.txt").read_bytes()
    phones = {path.name for path in (out / "lang/phones").iterdir()}
    lists = {f"{name}.{end}" for name in ("silence", "nonsilence", "disambig") for end in ("int", "txt", "csl")}
    assert (
        lists
        | {
            "extra_questions.int",
            "align_lexicon.int",
            "wdisambig.txt",
            "wdisambig_phones.int",
            "wdisambig_words.int",
        }
        <= phones
    )
    assert {path.name for path in (out / "graph").iterdir()} == {
        *("HCLG.fst", "words.txt", "phones.txt", "phones", "num_pdfs", "disambig_tid.int")
    }


def test_labels_are_those_of_the_pass_split_by_speaker(project: Project) -> None:
    split = [read_int_vectors(Path(f"kaldi/sat/ali.{job}.gz")) for job in (1, 2, 3)]
    ours = read_labels(project.exp / "align/sat/ali.ark")
    assert sum(map(len, split)) == len(ours)
    for utt, ids in ours.items():
        np.testing.assert_array_equal(next(own for own in split if utt in own)[utt], ids)
    assert [sorted({utt[:3] for utt in own}) for own in split] == [["ann", "bob"], ["cat"], ["dan"]]


def test_transforms_go_where_their_speakers_go(project: Project) -> None:
    ours = dict(read_matrices(project.exp / "align/sat/trans.scp"))
    split = [dict(kaldi_io.read_mat_ark(f"kaldi/sat/trans.{job}")) for job in (1, 2, 3)]
    assert [sorted(own) for own in split] == [["ann", "bob"], ["cat"], ["dan"]]
    for own in split:
        for speaker, matrix in own.items():
            assert matrix.dtype == np.float32
            np.testing.assert_array_equal(matrix, ours[speaker])


def test_occupancies_and_graph_fit_the_model(project: Project) -> None:
    transitions, gmms = read_mdl(Path("kaldi/sat/final.mdl"))
    occupancies = KaldiReader.open(Path("kaldi/sat/final.occs"), "align").vector()
    pdfs = np.concatenate(list(read_labels(project.exp / "align/sat/pdf.ark").values()))
    np.testing.assert_array_equal(occupancies, [(pdfs == pdf).sum() for pdf in range(gmms.num_pdfs)])
    assert Path("kaldi/sat/graph/num_pdfs").read_text() == f"{gmms.num_pdfs}\n"
    labels = FstArrays.of(read_fst(Path("kaldi/sat/graph/HCLG.fst"), "graph")).arcs["ilabel"]
    assert 0 <= labels.min() <= labels.max() <= transitions.num_transition_ids
    removed = [int(i) for i in Path("kaldi/sat/graph/disambig_tid.int").read_text().split()]
    assert removed[0] == transitions.num_transition_ids + 1


@pytest.mark.parametrize(
    ("name", "sorted_by"),
    [("L.fst", 0x40000000), ("L_disambig.fst", 0x40000000), ("G.fst", 1 << 28)],
)
def test_fsts_are_vectors_of_standard_arcs_that_say_how_they_are_sorted(
    project: Project, name: str, sorted_by: int
) -> None:
    data = Path("kaldi/sat/lang", name).read_bytes()
    head = struct.pack("<i", 2125659606) + b"\6\0\0\0vector\x08\0\0\0standard"
    assert data.startswith(head)
    assert struct.unpack_from("<Q", data, len(head) + 8)[0] & sorted_by


def test_a_pass_without_transforms_and_a_data_directory_of_choice(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(project.data / "train")
    assert main(["export-kaldi", "exp/tones/align/mono", "kaldi/mono", "--nj", "1", "--data", data]) == 0
    text = capsys.readouterr().out
    assert "4 labelled utterances are in no data directory, left out" in text
    assert "exp/tones/align/mono has no decoding graph, left out; run the graph stage" in text
    assert "kaldi/mono: 12 utterances of 3 speakers in 1 jobs" in text
    files = {path.name for path in Path("kaldi/mono").iterdir()} - {EXPORT_MARK}
    model = {"final.mdl", "final.occs", "tree", "cmvn_opts", "delta_opts"}
    assert files == model | {"num_jobs", "ali.1.gz", "phones.txt", "lang"}
    assert set(read_int_vectors(Path("kaldi/mono/ali.1.gz"))) == set(read_table(project.data / "train/utt2spk"))


def test_an_earlier_export_is_replaced_and_nothing_else(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["export-kaldi", "exp/tones/align/sat"]
    assert main([*command, "kaldi/sat", "--nj", "1"]) == 0
    assert not Path("kaldi/sat/ali.2.gz").exists()
    assert main([*command, "data"]) == 1
    assert "data exists and is not an earlier kaldi export" in capsys.readouterr().err
    assert (project.data / "train").is_dir()


def test_what_is_missing_or_does_not_belong_together_is_one_sentence(project: Project, tmp_path: Path) -> None:
    align, out = project.exp / "align", tmp_path / "out"
    foreign = ExportFolders(align / "mono", project.data / "lang", project.exp / "graph", (project.data / "train",))
    with pytest.raises(UserError, match=r"exp/tones/graph is not the decoding graph of .*align/mono"):
        export_pass(foreign, out, 1)
    (align / "mono/tree").unlink()
    with pytest.raises(UserError, match=r"mono/tree.*run the align stage, which makes it"):
        export_pass(ExportFolders.around(align / "mono"), out, 1)
    with pytest.raises(UserError, match="5 jobs; use --nj 4"):
        export_pass(ExportFolders.around(align / "sat"), out, 5)
    with pytest.raises(UserError, match=r"elsewhere/final\.mdl is missing; give a folder such as"):
        ExportFolders.around(Path("elsewhere"))
    shutil.rmtree(project.data)
    with pytest.raises(UserError, match=r"has no data directory; .*--data"):
        ExportFolders.around(align / "sat")
    assert not out.exists()


def test_questions_of_position_dependent_phones(tmp_path: Path) -> None:
    (tmp_path / "lexicon.txt").write_text("YES Y EH S\nA EH\n")
    prepare_lang(tmp_path / "lexicon.txt", tmp_path / "lang", LangOptions(position_dependent=True))
    export_lang(tmp_path / "lang", tmp_path / "out")
    lines = (tmp_path / "out/phones/extra_questions.txt").read_text().splitlines()
    assert lines[:2] == ["EH_B S_B Y_B", "EH_E S_E Y_E"]
    assert lines[4:] == ["SIL", "SIL_B", "SIL_E", "SIL_I", "SIL_S"]
    ids = read_table(tmp_path / "lang/phones.txt")
    numbers = (tmp_path / "out/phones/extra_questions.int").read_text().splitlines()
    assert numbers == [" ".join(ids[phone] for phone in line.split()) for line in lines]


def test_probabilities_are_exported_as_kaldi_writes_them(tmp_path: Path) -> None:
    files = {
        "lexiconp.txt": "!SIL 1.0 SIL\nA 1.0 EH\nAN 0.5 EH N\n",
        "lexiconp_silprob.txt": "!SIL 1.0 0.5 1.0 1.0 SIL\nA 1.0 0.2 1.5 0.5 EH\nAN 0.5 0.01 1.0 1.0 EH N\n",
        "silprob.txt": "<s> 0.9\n</s>_s 2.5\n</s>_n 0.01\noverall 0.2\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    prepare_lang(tmp_path / "lexiconp_silprob.txt", tmp_path / "lang", LangOptions())
    export_lang(tmp_path / "lang", tmp_path / "out")
    assert {name: (tmp_path / "out" / name).read_text() for name in files} == files
    lines = (tmp_path / "out/phones/align_lexicon.txt").read_text().splitlines()
    assert lines == ["!SIL !SIL SIL", "<eps> <eps> SIL", "A A EH", "AN AN EH N"]


@pytest.mark.parametrize("sil_prob", [0.0, 0.5])
def test_pronunciations_are_read_off_the_lexicon_fst(tmp_path: Path, sil_prob: float) -> None:
    entries = {"YES": ["Y EH S", "Y AH SIL"], "A": ["EH"], "AN": ["EH N", "EH"]}
    lines = [f"{word} {phones}\n" for word, own in entries.items() for phones in own]
    (tmp_path / "lexicon.txt").write_text("".join(lines))
    prepare_lang(tmp_path / "lexicon.txt", tmp_path / "lang", LangOptions(sil_prob=sil_prob))
    export_lang(tmp_path / "lang", tmp_path / "out")
    result = (tmp_path / "out/phones/align_lexicon.txt").read_text().splitlines()
    assert result == sorted([f"{line.split()[0]} {line}".strip() for line in [*lines, "<eps> SIL"]])
    words, phones = (read_table(tmp_path / f"lang/{name}.txt") for name in ("words", "phones"))
    for line, ids in zip(result, (tmp_path / "out/phones/align_lexicon.int").read_text().splitlines(), strict=True):
        tables = [words, words, *[phones] * len(line.split())]
        assert ids.split() == [table[symbol] for table, symbol in zip(tables, line.split(), strict=False)]


def test_pronunciations_of_a_lexicon_fst_of_kaldi_before_august_2018() -> None:
    """make_lexicon_fst.pl with silence: the start leads to the one boundary with and without it."""
    arcs = [(0, 1, 0, 0), (0, 1, 1, 0), (2, 1, 1, 0)]  # 0: start, 1: boundary, 2: before silence
    arcs += [(1, 3, 2, 1), (3, 1, 3, 0), (3, 2, 3, 0)]  # word 1: phones 2 3
    arcs += [(1, 1, 4, 2), (1, 2, 4, 2), (1, 1, 1, 3)]  # word 2: phone 4; word 3: silence
    arcs += [(1, 4, 4, 2), (4, 1, 1, 0)]  # word 2: phone 4, silence
    text = "".join(f"{' '.join(map(str, arc))} 0.7\n" for arc in sorted(arcs))
    lexicon = kaldifst.compile(f"{text}1 0\n", acceptor=False)
    assert pronunciations(lexicon) == {(1, (2, 3)), (2, (4,)), (2, (4, 1)), (3, (1,))}
