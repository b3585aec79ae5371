"""What the corpus stage says of words that have no pronunciation, and the key that it names."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.corpus.coverage import SpokenWords, coverage, mends, need_covered
from asr_prune.corpus.datadir import DataDir, write_silent_text
from asr_prune.corpus.prepare import need_transcripts, read_vocabulary
from asr_prune.errors import UserError

TEXT = {"a": ["YES", "NO"], "b": ["NO", "WELL", "WELL"], "c": ["YES"], "d": []}


def vocabulary(*words: str, oov: str = "<UNK>") -> SpokenWords:
    return SpokenWords(frozenset(words), oov, "lexicon.txt")


def test_utterances_of_all_and_the_most_frequent_words() -> None:
    train, test = coverage({"train": TEXT, "dev": {"e": ["YES"]}, "test": TEXT}, vocabulary("YES"))
    what = "2 of 4 utterances have words that lexicon.txt lacks (2 words: NO (2), WELL (2))"
    assert train == f"train: {what}; training leaves these utterances out."
    assert test == f"test: {what}; they cannot be recognised."
    (train,) = coverage({"train": TEXT}, vocabulary("YES", "<UNK>"))
    assert train.endswith("; they count as <UNK> in training.")


def test_nothing_is_said_of_a_lexicon_that_has_every_word() -> None:
    full = vocabulary("YES", "NO", "WELL")
    assert coverage({"train": TEXT}, full) == mends({"train": TEXT}, full, ["case", "g2p"]) == []
    need_covered({"train": TEXT}, full)


@pytest.mark.parametrize(
    ("words", "options", "said"),
    [
        (["yes", "no", "well"], ["case"], "3 of 3 missing words differ in letter case only (YES is yes there): "
         "set corpus.options.case=lower."),
        (["yes", "no", "well"], [], "write transcripts and lexicon in the same letter case."),
        (["YES", "<unk>"], [], "has no word <UNK> (lang.oov_word) for unknown words, but <unk>: "
         "set lang.oov_word='<unk>'."),
        (["YES", "<SPOKEN_NOISE>"], [], "set lang.oov_word='<SPOKEN_NOISE>'."),
        (["YES", "[Unk]"], [], "set lang.oov_word='[Unk]'."),
        (["YES"], [], "add a line `<UNK> SPN` to the lexicon and set lang.silence_phones=[SIL,SPN]."),
        (["YES", "<UNK>"], ["g2p"], "set corpus.options.g2p=true."),
    ],
)  # fmt: skip
def test_the_key_that_mends(words: list[str], options: list[str], said: str) -> None:
    assert mends({"train": TEXT}, vocabulary(*words), options)[0].endswith(said)


def test_training_without_any_utterance_stops_with_the_key() -> None:
    lower, texts = vocabulary("yes", "no", "well"), {"train": {"a": ["YES"], "b": ["NO"]}, "dev": {"c": ["WELL"]}}
    with pytest.raises(UserError, match=r"every utterance of train \(2\) has words .* set corpus.options.case=lower"):
        need_covered(texts, lower, ["case"])
    need_covered(texts, vocabulary("<UNK>"))
    need_covered({"train": {"a": ["YES"], "b": ["yes"]}}, lower)


@given(st.lists(st.lists(st.sampled_from(["YES", "yes", "NO", "ß", "SS"]), max_size=4), max_size=6))
def test_counts_are_those_of_a_slow_loop(sentences: list[list[str]]) -> None:
    text = {str(number): words for number, words in enumerate(sentences)}
    known = vocabulary("YES", "SS")
    slow = [name for name, words in text.items() if [word for word in words if word not in ("YES", "SS")]]
    assert known.lacks(text) == slow
    assert bool(coverage({"dev": text}, known)) == bool(slow)
    assert known.missing([text]).total() == sum(word not in ("YES", "SS") for words in sentences for word in words)


def test_the_vocabulary_of_a_lexicon_and_of_a_lang_folder(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("<eps> 0\nYES 1\n<SPN> 2\n")
    assert read_vocabulary(tmp_path / "words.txt", "<UNK>").oov == "<UNK>"  # type: ignore[union-attr]
    (tmp_path / "oov.int").write_text("2\n")
    found = read_vocabulary(tmp_path / "words.txt", "<UNK>")
    assert found is not None
    assert found.oov == "<SPN>"
    assert "YES" in found.words
    assert read_vocabulary(tmp_path / "none.txt", "<UNK>") is read_vocabulary(tmp_path / "words.txt", None) is None


def test_only_the_test_set_may_have_no_transcripts(tmp_path: Path) -> None:
    (tmp_path / "utt2spk").write_text("a s\nb s\n")
    for content in (None, ""):
        if content is not None:
            (tmp_path / "text").write_text(content)
        write_silent_text(tmp_path)
        assert (tmp_path / "text").read_text() == "a\nb\n"
    silent = DataDir(tmp_path, text={"a": []}, utt2spk={"a": "s"})
    need_transcripts({"train": DataDir(tmp_path, text={"a": ["YES"]}), "test": silent})
    with pytest.raises(UserError, match="has no words, and networks are trained and tuned on transcripts"):
        need_transcripts({"dev": silent})
