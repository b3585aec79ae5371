"""Transcripts of datasets to words, and their lexicon."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.script import load_script, read_options
from asr_prune.errors import UserError
from asr_prune.score.text import normalise

LOCAL = Path(__file__).resolve().parents[2] / "local"
TEXTS = [
    "It\u2019s a caf\u0065\u0301.",
    "[laughter] so <noise> co\u00adop (cough)",
    "It\u02bcs 7 o`clock, \u200bwell-known",
    "Mo\u0441cow [laughter] [background noise]",
]


@pytest.fixture
def script(local: Callable[[str], ModuleType]) -> ModuleType:
    return local("hf")


def prepare(script: ModuleType, folder: Path, texts: Sequence[str] = TEXTS, **options: Any) -> dict[str, DataDir]:
    soundfile.write(folder / "a.wav", np.ones(160, np.int16), 16000)
    for split in ("train", "validation", "test"):
        lines = [f"a.wav\t{text}\n" for text in texts]
        (folder / f"{split}.tsv").write_text("audio\ttext\n" + "".join(lines), encoding="utf-8")
    script.prepare(folder, folder / "out", 0, script.Options(**{"lexicon": "graphemes", **options}))
    return {part: DataDir.read(folder / "out" / part) for part in ("train", "dev", "test")}


def test_words_and_what_is_reported(script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    train = prepare(script, tmp_path)["train"]
    assert [" ".join(words) for words in train.text.values()] == [
        "IT'S A CAFÉ",
        "SO COOP",
        "IT'S 7 O'CLOCK WELL KNOWN",
        "MO\u0421COW",
    ]
    where = f"{tmp_path}, train"
    noises = "5 noises: [LAUGHTER] (2), <NOISE> (1), (COUGH) (1), [BACKGROUND_NOISE] (1)"
    assert f"{where}: {noises}, corpus.options.noises is remove" in caplog.text
    assert f"{where}: 1 word with digits: 7 (1), corpus.options.digits is keep" in caplog.text
    odd = "\u0421 (U+0421) 1, in MO\u0421COW"
    assert f"{where}: 1 letter outside the alphabet of the training text: {odd}" in caplog.text


def lexicon(folder: Path) -> list[str]:
    return (folder / "out/local/lexicon.txt").read_text(encoding="utf-8").splitlines()


def test_noises_may_be_words_that_nothing_spells(script: ModuleType, tmp_path: Path) -> None:
    text = prepare(script, tmp_path, noises="<noise>")["train"].text.values()
    assert ["<noise>", "SO", "<noise>", "COOP", "<noise>"] in text
    assert {"<unk> SPN", "<noise> SPN", "SO S O"} <= set(lexicon(tmp_path))
    text = prepare(script, tmp_path, noises="keep")["train"].text.values()
    assert ["MO\u0421COW", "[LAUGHTER]", "[BACKGROUND_NOISE]"] in text
    assert {"[LAUGHTER] SPN", "[BACKGROUND_NOISE] SPN", "(COUGH) SPN"} <= set(lexicon(tmp_path))
    prepare(script, tmp_path, noises="<unk>", case="lower")
    assert [line for line in lexicon(tmp_path) if line.startswith("<")] == ["<unk> SPN"]


def test_a_lexicon_may_have_noises_and_other_apostrophes(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "my.dict").write_text("[LAUGHTER] LAU\nit\u2019s IH T S\n", encoding="utf-8")
    prepare(script, tmp_path, noises="keep", lexicon=str(tmp_path / "my.dict"))
    assert {"[LAUGHTER] LAU", "IT'S IH T S", "<NOISE> SPN"} <= set(lexicon(tmp_path))
    assert "[LAUGHTER] SPN" not in lexicon(tmp_path)


def test_digits(script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert len(prepare(script, tmp_path, digits="leave_out")["train"].text) == 3
    assert f"1 row with digits (first: {tmp_path}/train.tsv:4: IT'S 7 O'CLOCK WELL KNOWN), left out" in caplog.text
    with pytest.raises(UserError, match="train: digits in 7; write them out, or set corpus"):
        prepare(script, tmp_path, digits="refuse")


def test_only_transcripts_that_are_used_are_counted(
    script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(script, tmp_path, texts=[*TEXTS, "[laughter] 8\tgone"])
    assert "1 row with more or fewer cells than there are columns" in caplog.text
    assert "[LAUGHTER] (2)" in caplog.text
    assert "1 word with digits: 7 (1)" in caplog.text


def test_g2p_reads_digits_only_if_asked(script: ModuleType, tmp_path: Path) -> None:
    pytest.importorskip("espeakng_loader", reason="pip install 'asr_prune[demo]'")
    (tmp_path / "my.dict").write_text("SO S OW\n")
    given = {"lexicon": str(tmp_path / "my.dict"), "g2p": True}
    prepare(script, tmp_path, **given)
    words = {line.split()[0] for line in lexicon(tmp_path)}
    assert words >= {"COOP", "O'CLOCK", "CAFÉ"}
    assert not words & {"7", "MO\u0421COW"}
    prepare(script, tmp_path, **given, digits="pronounce")
    assert "7 S EH V AH N" in lexicon(tmp_path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"noises": "laughter"}, "noises is remove, keep or one word in brackets, such as <noise>"),
        ({"noises": "[a b]"}, "noises is remove, keep or one word in brackets"),
        ({"noises": "<n>", "lexicon": ""}, "without a lexicon, networks would spell noises"),
        ({"digits": "pronounce", "lexicon": "a.dict"}, "digits: pronounce needs g2p: true"),
    ],
)
def test_options_that_do_not_fit(script: ModuleType, given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_options(script.Options, given)


TEXT = load_script(LOCAL / "hf_text.py")
OPTIONS = load_script(LOCAL / "hf_options.py").Options
letters = st.text(st.one_of(st.sampled_from("aBéßŉǰİı'\u2019\u02bc`[]<>() \u00ad\u0301"), st.characters()))


@given(letters, st.sampled_from(["upper", "lower", "keep"]), st.sampled_from(["drop", "keep"]))
def test_spelling_twice_is_spelling_once(text: str, case: str, punctuation: str) -> None:
    settings = OPTIONS(case=case, punctuation=punctuation)
    words = TEXT.spelt(text, settings)
    assert TEXT.spelt(" ".join(words), settings) == words


@given(letters, st.sampled_from(["upper", "lower"]))
def test_the_scorer_leaves_transcripts_as_they_are(text: str, case: str) -> None:
    words = TEXT.spelt(text, OPTIONS(case=case))
    assert normalise(words, ["clean", case, "no_noise", "no_punctuation"]) == words
