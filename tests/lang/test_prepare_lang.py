from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import kaldi_hmm_gmm as khg
import pytest

from asr_prune.errors import UserError
from asr_prune.lang.lang import LANG_FILES, Lang
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang

TEXT = "TO T UW\nTWO T UW\nA AH\n<UNK> SPN\n"


def test_tables_as_kaldi_orders_them(lexicon: Callable[[str], Path], tmp_path: Path) -> None:
    out = tmp_path / "lang"
    counts = prepare_lang(lexicon(TEXT), out, LangOptions(silence_phones=("SIL", "SPN")))
    assert (counts.words, counts.pronunciations, counts.phones, counts.disambig) == (4, 4, 5, 4)
    assert (out / "words.txt").read_text().split()[::2] == ["<eps>", "<UNK>", "A", "TO", "TWO", "#0", "<s>", "</s>"]
    phones = ["<eps>", "SIL", "SPN", "AH", "T", "UW", "#0", "#1", "#2", "#3"]
    assert (out / "phones.txt").read_text().split()[::2] == phones
    assert (out / "phones/disambig.csl").read_text() == "6:7:8:9\n"
    lang = Lang.read(out)
    assert (lang.silence, lang.optional_silence, lang.disambig) == ([1, 2], 1, [6, 7, 8, 9])
    assert lang.shared == [[1], [2], [3], [4], [5]]
    assert lang.oov == lang.words["<UNK>"]
    assert lang.word_ids(["A", "ELEPHANT"]) == [2, 1]


def test_without_a_word_for_unknown_words(lexicon: Callable[[str], Path], tmp_path: Path) -> None:
    prepare_lang(lexicon("A AH\n"), tmp_path / "lang", LangOptions())
    lang = Lang.read(tmp_path / "lang")
    assert lang.oov is None
    assert lang.word_ids(["A", "ELEPHANT"]) is None


def test_position_dependent_phones_share_their_states(lexicon: Callable[[str], Path], tmp_path: Path) -> None:
    out = tmp_path / "lang"
    prepare_lang(lexicon("TWO T UW\nA AH\n"), out, LangOptions(position_dependent=True))
    names = (out / "phones.txt").read_text().split()[::2]
    assert names[1:10] == ["SIL", "SIL_B", "SIL_E", "SIL_I", "SIL_S", "AH_B", "AH_E", "AH_I", "AH_S"]
    assert Lang.read(out).shared[:2] == [[1, 2, 3, 4, 5], [6, 7, 8, 9]]
    kinds = (out / "phones/word_boundary.txt").read_text().splitlines()
    assert kinds[:3] == ["SIL nonword", "SIL_B begin", "SIL_E end"]
    assert "AH_I internal" in kinds
    assert (out / "phones/roots.txt").read_text().splitlines()[1] == "shared split AH_B AH_E AH_I AH_S"


def test_topology_is_kaldis(lexicon: Callable[[str], Path], tmp_path: Path) -> None:
    prepare_lang(lexicon("A AH\n"), tmp_path / "lang", LangOptions())
    topo = khg.HmmTopology()
    topo.read(Lang.read(tmp_path / "lang").topo)
    topo.check()
    assert [topo.num_pdf_classes(phone) for phone in (1, 2)] == [5, 3]
    assert topo.min_length(2) == 3
    for phone in (1, 2):
        for state in topo.topology_for_phone(phone)[:-1]:
            assert sum(p for _, p in state.transitions) == pytest.approx(1)
    assert [target for target, _ in topo.topology_for_phone(1)[0].transitions] == [0, 1, 2, 3]
    assert [target for target, _ in topo.topology_for_phone(1)[2].transitions] == [1, 2, 3, 4]


def test_replaces_an_old_folder_completely(lexicon: Callable[[str], Path], tmp_path: Path) -> None:
    out = tmp_path / "lang"
    prepare_lang(lexicon("A AH\n"), out, LangOptions())
    (out / "G.fst").write_text("of the old lexicon")
    prepare_lang(lexicon("B B\n"), out, LangOptions())
    assert not (out / "G.fst").exists()
    with pytest.raises(UserError):
        prepare_lang(lexicon("B\n"), out, LangOptions())
    assert "B" in Lang.read(out).words


@pytest.mark.parametrize("name", ["phones.txt", "words.txt", "topo", "phones/sets.int", "oov.int"])
def test_a_missing_file_is_named(lexicon: Callable[[str], Path], tmp_path: Path, name: str) -> None:
    prepare_lang(lexicon("A AH\n"), tmp_path / "lang", LangOptions())
    (tmp_path / "lang" / name).unlink()
    with pytest.raises(UserError, match=name.split("/")[-1]):
        Lang.read(tmp_path / "lang")


def test_only_silence_is_refused(lexicon: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="silence_phones"):
        prepare_lang(lexicon("!SIL SIL\n"), tmp_path / "lang", LangOptions())


@pytest.mark.parametrize(
    "wrong", [{"sil_prob": 1.0}, {"phone_states": 0}, {"silence_states": 2}, {"optional_silence": "X"}]
)
def test_options_out_of_range(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        LangOptions(**wrong)


def test_lang_files_are_those_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "lexicon.txt").write_text("YES Y EH S\n")
    prepare_lang(tmp_path / "lexicon.txt", tmp_path / "lang", LangOptions())
    for path in [path for path in (tmp_path / "lang").rglob("*") if path.is_file()]:
        if str(path.relative_to(tmp_path / "lang")) not in LANG_FILES:
            path.unlink()
    whole = Lang.read(tmp_path / "lang")
    assert whole.silence
    for name in LANG_FILES:
        content = (tmp_path / "lang" / name).read_bytes()
        (tmp_path / "lang" / name).unlink()
        with pytest.raises(UserError, match=name):
            Lang.read(tmp_path / "lang")
        (tmp_path / "lang" / name).write_bytes(content)
