from __future__ import annotations

import logging
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.errors import UserError
from asr_prune.lang.arpa import check_arpa
from asr_prune.lang.ngram.build import Text, build_lm
from asr_prune.lang.ngram.options import LmOptions


@pytest.fixture
def text(tmp_path: Path) -> Text:
    (tmp_path / "text").write_text("A B C\nA X B\nC A\nB B A\n")
    return Text([tmp_path / "text"])


def test_each_step_is_logged(text: Text, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    build_lm(text, tmp_path / "lm.arpa", LmOptions(ngrams=6), ["A", "B", "C", "<unk>"], "<unk>", [text])
    lines = [line.strip().replace(str(tmp_path), "") for line in caplog.messages]
    assert lines[0] == (
        "language model of /text: 11 words in 4 sentences, 1 (9.09 %) outside the vocabulary: X; they count as <unk>"
    )
    assert [line.split(":")[0] for line in lines[1:4]] == ["1-grams", "2-grams", "3-grams"]
    assert lines[4] == "4 words, 6 1-grams, 13 2-grams, 11 3-grams"
    assert lines[5].startswith("perplexity on /text: ")
    assert lines[6].startswith("pruned to 4 words, 6 1-grams, ")
    assert lines[7].startswith("perplexity on /text: ")
    assert lines[5].endswith(" with those")
    assert check_arpa(tmp_path / "lm.arpa").words == {"<s>", "</s>", "A", "B", "C", "<unk>"}


def test_without_a_word_for_others_no_n_gram_spans_them(
    text: Text, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    model = build_lm(text, tmp_path / "lm.arpa", LmOptions(order=2), ["A", "B", "C"], "<unk>")
    assert caplog.messages[0].endswith("outside the vocabulary: X; no n-gram spans them")
    grams = [line.split("\t")[1] for line in (tmp_path / "lm.arpa").read_text().splitlines() if "\t" in line]
    pairs = ["<s> A", "<s> B", "<s> C", "A </s>", "A B", "B </s>", "B A", "B B", "B C", "C </s>", "C A"]
    assert grams == ["<s>", "</s>", "A", "B", "C", *pairs]
    assert model.words == ["<s>", "</s>", "A", "B", "C"]


def test_too_short_empty_or_foreign_text_is_one_sentence(text: Text, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"order 6 is above the longest sentence of .*text, which is 5 with its start"):
        build_lm(text, tmp_path / "lm.arpa", LmOptions(order=6))
    with pytest.raises(UserError, match="letter case"):
        build_lm(text, tmp_path / "lm.arpa", LmOptions(), ["a", "b"])
    (tmp_path / "empty").write_text("\n<s> </s>\n")
    with pytest.raises(UserError, match="empty holds no words"):
        build_lm(Text([tmp_path / "empty"]), tmp_path / "lm.arpa", LmOptions())
    assert not (tmp_path / "lm.arpa").exists()


def test_files_are_added_up(text: Text, tmp_path: Path) -> None:
    (tmp_path / "more").write_text("A B C\nD D\n")
    both = build_lm(Text([*text.files, tmp_path / "more"]), tmp_path / "lm.arpa", LmOptions())
    (tmp_path / "whole").write_text((tmp_path / "text").read_text() + (tmp_path / "more").read_text())
    build_lm(Text([tmp_path / "whole"]), tmp_path / "whole.arpa", LmOptions())
    assert (tmp_path / "lm.arpa").read_bytes() == (tmp_path / "whole.arpa").read_bytes()
    assert "D" in both.words


def test_the_verb(text: Text, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "lexicon.txt").write_text("A a\nB b\nC k\n<unk> spn\n")
    files = [str(tmp_path / name) for name in ("text", "lm.arpa", "lexicon.txt")]
    given = ["lm", files[0], "--out", files[1], "--lexicon", files[2], "--test", files[0]]
    assert main([*given, "--order", "2", "--smoothing", "witten_bell", "--ngrams", "5"]) == 0
    assert "1 (9.09 %) outside the vocabulary: X; they count as <unk>" in capsys.readouterr().out
    assert check_arpa(tmp_path / "lm.arpa").order == 2
    assert main([*given, "--order", "10"]) == 1
    assert capsys.readouterr().err == "asr-prune: --order must be from 1 to 9, not 10.\n"
