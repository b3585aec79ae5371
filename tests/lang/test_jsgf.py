from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import kaldifst
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.stochastic import log_sums, push_special
from asr_prune.errors import UserError
from asr_prune.lang.fst import read_fst
from asr_prune.lang.jsgf import make_jsgf
from asr_prune.lang.lang import Lang
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang
from asr_prune.lang.symbols import number_symbols, write_symbols

GRAMMAR = """#JSGF V1.0 UTF-8 en;
grammar switches; // made by hand
/* what is
   said */
public <command> = [PLEASE] <verb> "THE LIGHT" {action} (/3/ ON | /1/ OFF);
<verb> = TURN | SWITCH+;
<unused> = ON;
"""


@pytest.fixture
def lang(lexicon: Callable[[str], Path], tmp_path: Path) -> Path:
    words = "PLEASE P L\nTURN T\nSWITCH S W\nTHE D\nLIGHT L T\nON O N\nOFF O F\n"
    prepare_lang(lexicon(words), tmp_path / "lang", LangOptions())
    return tmp_path / "lang"


def make(lang: Path, text: str) -> Path:
    path = lang.parent / "commands.jsgf"
    path.write_text(text)
    make_jsgf(path, lang)
    return lang


def probability(lang: Path, sentence: str) -> float:
    """Of a sentence, over all ways to say it."""
    words = Lang.read(lang).words
    line = kaldifst.make_linear_acceptor([words[word] for word in sentence.split()])
    found = kaldifst.compose(line, read_fst(lang / "G.fst", "lang"))
    if found.start < 0:
        return 0.0
    _, _, _, cost = kaldifst.get_linear_symbol_sequence(kaldifst.shortest_path(found))
    return math.exp(-cost.value)


def test_probabilities_are_those_of_the_rules(lang: Path) -> None:
    make(lang, GRAMMAR)
    chances = {f"{verb} THE LIGHT {end}": share for verb, end, share in (
        ("TURN", "ON", 0.5 * 0.5 * 0.75),
        ("TURN", "OFF", 0.5 * 0.5 * 0.25),
        ("SWITCH", "ON", 0.5 * 0.5 * 0.5 * 0.75),
        ("SWITCH SWITCH SWITCH", "ON", 0.5 * 0.5 * 0.125 * 0.75),
        ("PLEASE TURN", "ON", 0.5 * 0.5 * 0.75),
    )}  # fmt: skip
    for sentence, chance in chances.items():
        assert probability(lang, sentence) == pytest.approx(chance, rel=1e-4)
    for sentence in ("TURN ON", "PLEASE PLEASE TURN THE LIGHT ON", "SWITCH TURN THE LIGHT ON"):
        assert probability(lang, sentence) == 0


@pytest.mark.parametrize(
    "rule", ["TURN* ON", "(TURN | SWITCH)+ [ON]", "[TURN]+ OFF", "<NULL> ON | /*c*/ TURN (ON | OFF)*"]
)
def test_probabilities_add_up_to_one(lang: Path, rule: str) -> None:
    """What leaves each state of the deterministic G does."""
    make(lang, f"#JSGF V1.0;\npublic <all> = {rule};\n")
    assert log_sums(push_special(FstArrays.of(read_fst(lang / "G.fst", "lang")))) == pytest.approx((0, 0), abs=2e-3)


def test_void_keeps_its_share(lang: Path) -> None:
    make(lang, "#JSGF V1.0;\npublic <all> = ON | OFF <VOID> | /*c*/ TURN;\n")
    assert [probability(lang, word) for word in ("ON", "OFF", "TURN")] == pytest.approx([1 / 3, 0, 1 / 3], rel=1e-4)


def test_a_word_without_pronunciation_is_left_out_and_logged(lang: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        make(lang, "#JSGF V1.0;\npublic <a> = TURN | DIM | DIM LIGHT;\n")
    assert "1 words without pronunciation are left out: DIM" in caplog.text
    assert probability(lang, "TURN") == pytest.approx(1 / 3, rel=1e-4)
    assert probability(lang, "LIGHT") == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grammar a;\npublic <a> = ON;", "#JSGF"),
        ("#JSGF V1.0;\npublic <a> = ON", "ends with"),
        ("#JSGF V1.0;\n<a> = ON;", "no public rule"),
        ("#JSGF V1.0;\nimport <x.*>;\npublic <a> = ON;", "imports"),
        ("#JSGF V1.0;\npublic <a> = <b>;", "<b> is used but not defined"),
        ("#JSGF V1.0;\npublic <a> = ON | ON <b>;\n<b> = OFF <a>;", "<a> contains itself"),
        ("#JSGF V1.0;\npublic <a> = (ON;", "not closed"),
        ("#JSGF V1.0;\npublic <a> = ON);", "closes nothing"),
        ("#JSGF V1.0;\npublic <a> = ON | ;", "too early"),
        ("#JSGF V1.0;\npublic <a> = /2/ ON | OFF;", "/weight/"),
        ("#JSGF V1.0;\npublic <a> = /x/ ON;", "the weight 'x'"),
        ("#JSGF V1.0;\npublic <a> = /1e999/ ON;", "the weight '1e999'"),
        ("#JSGF V1.0;\npublic <a> = ON {x;", "not closed"),
        ("#JSGF V1.0;\npublic <a> = ON /2/ OFF;", "not at the start"),
        ("#JSGF V1.0;\npublic <a> = ON <b;", "not closed"),
        ("#JSGF V1.0;\npublic <a> = DIM;", "can be pronounced"),
        ("#JSGF V1.0;\npublic <a> = ON;\npublic <a> = OFF;", "new `<rule>"),
    ],
)
def test_wrong_grammars(lang: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message.replace("|", r"\|")):
        make(lang, text)


def test_words_are_split_at_ascii_blanks_alone(lang: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(lang, "#JSGF V1.0;\npublic <a> = ON | ON\u00a0OFF;")
    assert "1 words without pronunciation are left out: ON\u00a0OFF" in caplog.text


@pytest.mark.parametrize(
    "rule",
    [
        "ON {x = 1;} | OFF {x = 2};",
        'ON {http://x} | OFF {/* \\} ; "};',
        'ON | "OFF" // a "quote; and {a brace\n;',
        'ON {"} | OFF /* ; */ {"};',
        "/2./ ON | /0.2e+1/ OFF;",
        "/1e-3/ ON | /.001/ OFF;",
    ],
)
def test_tags_comments_and_weights_as_the_format_has_them(lang: Path, rule: str) -> None:
    make(lang, f"#JSGF V1.0;\npublic <a> = {rule}")
    assert [probability(lang, word) for word in ("ON", "OFF")] == pytest.approx([0.5, 0.5], rel=1e-4)


def test_quoted_words_may_look_like_anything(lang: Path, caplog: pytest.LogCaptureFixture) -> None:
    make(lang, '#JSGF V1.0;\npublic <a> = ON | "A;B" | "http://x" | "{y}";')
    assert "3 words without pronunciation are left out: A;B http://x {y}" in caplog.text


@given(st.text(st.sampled_from('ONab<>=|*+()[]{}/";.2 \t\n\u00a0\0')))
def test_any_rule_is_a_grammar_or_refused(text: str) -> None:
    with tempfile.TemporaryDirectory() as name, suppress(UserError):
        folder = Path(name)
        write_symbols(number_symbols(["ON", "#0", "<s>", "</s>"]), folder / "words.txt")
        (folder / "any.jsgf").write_bytes(f"#JSGF V1.0;\npublic <a> = {text};".encode())
        assert make_jsgf(folder / "any.jsgf", folder).words == 1


def test_no_file(lang: Path) -> None:
    with pytest.raises(UserError, match="cannot read the grammar"):
        make_jsgf(lang / "none.jsgf", lang)
