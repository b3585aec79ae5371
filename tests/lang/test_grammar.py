from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import kaldifst
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.lang.arpa import check_arpa
from asr_prune.lang.fst import read_fst
from asr_prune.lang.grammar import make_grammar
from asr_prune.lang.lang import Lang
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang

ARPA = """made by hand

\\data\\
ngram 1=5
ngram 2=3

\\1-grams:
-99 <s> -0.5
-1.0 </s>
-0.7 A -0.2
-0.6 B -0.3
-0.9 ELEPHANT -0.1

\\2-grams:
-0.3 <s> A
-0.4 A B
-0.2 B </s>

\\end\\
"""


@pytest.fixture
def lang(lexicon: Callable[[str], Path], tmp_path: Path) -> Path:
    prepare_lang(lexicon("A AH\nB B IY\nC S IY\n"), tmp_path / "lang", LangOptions())
    return tmp_path / "lang"


def write(tmp_path: Path, text: str) -> Path:
    (tmp_path / "lm.arpa").write_text(text)
    return tmp_path / "lm.arpa"


def cost(lang: Path, sentence: list[str]) -> float:
    """The cheapest path of G over the sentence, back-offs (#0) taken as needed."""
    words = Lang.read(lang).words
    g = read_fst(lang / "G.fst", "lang")
    line = kaldifst.make_linear_acceptor([words[w] for w in sentence])
    kaldifst.add_self_loops(line, [words["#0"]], [words["#0"]])
    for state in range(line.num_states):
        line.add_arc(state, kaldifst.StdArc(words["#0"], words["#0"], 0.0, state))
    kaldifst.arcsort(line, "olabel")
    best = kaldifst.shortest_path(kaldifst.compose(line, g))
    return float(kaldifst.get_linear_symbol_sequence(best)[3].value)


@pytest.mark.parametrize(
    ("sentence", "log10"),
    [
        (["A", "B"], -0.3 - 0.4 - 0.2),
        (["B"], -0.5 - 0.6 - 0.2),
        (["A", "A"], -0.3 - 0.2 - 0.7 - 0.2 - 1.0),
    ],
)
def test_sentence_costs_match_the_arpa_file(lang: Path, tmp_path: Path, sentence: list[str], log10: float) -> None:
    make_grammar(write(tmp_path, ARPA), lang)
    assert cost(lang, sentence) == pytest.approx(-log10 * math.log(10), abs=1e-4)


def test_words_missing_on_either_side_are_logged(lang: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    counts = make_grammar(write(tmp_path, ARPA), lang)
    assert (counts.order, counts.words, counts.dropped, counts.missing) == (2, 2, ["ELEPHANT"], ["C"])
    assert "1 words without pronunciation are dropped: ELEPHANT" in caplog.text
    assert "lacks 1 words of the lexicon: C" in caplog.text


@pytest.mark.parametrize("gram", ["A <s>", "</s> B"])
def test_impossible_n_grams_are_left_out_and_counted(
    lang: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, gram: str
) -> None:
    make_grammar(write(tmp_path, ARPA.replace("A B", gram)), lang)
    assert f"1 n-grams are left out, the first: line 16 [-0.4 {gram}]" in caplog.text
    assert cost(lang, ["A", "B"]) == pytest.approx((0.3 + 0.2 + 0.6 + 0.2) * math.log(10), abs=1e-4)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("\\end\\", "", ["cut short"]),
        ("-0.2 B </s>\n\n\\end\\\n", "", ["cut short"]),
        ("-0.2 B </s>\n", "", ["states {1: 5, 2: 3}", "has {1: 5, 2: 2}"]),
        ("ngram 2=3", "ngram 2", ["lm.arpa:5", "header"]),
        ("-0.6 B -0.3", "minus B -0.3", ["lm.arpa:11"]),
        ("-0.4 A B", "-0.4 A", ["lm.arpa:16", "2 words"]),
        ("-0.4 A B", "nan A B", ["lm.arpa:16"]),
        ("-0.4 A B", "-0.4 A B -0.1", ["lm.arpa:16", "below the highest order"]),
        ("-0.4 A B", "-0_4 A B", ["lm.arpa:16"]),
        ("\\2-grams:", "\\3-grams:", ["lm.arpa:14", "expected `\\2-grams:`"]),
        ("\\1-grams:", "\\2-grams:", ["lm.arpa:7", "expected `\\1-grams:`"]),
        ("\\1-grams:", "\\data\\", ["lm.arpa:7", "expected `\\1-grams:`"]),
        ("-0.4 A B", "0.4 A B", ["lm.arpa:16", "0.4 is positive"]),
        ("-0.4 A B", "-0.4 C B", ["lm.arpa:16", "'C' is not among the 1-grams"]),
        ("-0.4 A B", "-0.3 <s> A", ["lm.arpa:16", "'<s> A'", "second time", "line 15"]),
        ("-0.4 A B", "inf A B", ["lm.arpa:16"]),
        ("-0.4 A B", "-1.#IND A B", ["lm.arpa:16"]),
        ("-0.4 A B", "-1e50 A B", ["lm.arpa:16"]),
        ("-0.6 B -0.3", "-0.6 B nan", ["lm.arpa:11"]),
        ("-0.4 A B", "-0.4 A\u00a0B", ["lm.arpa:16", "2 words"]),
        ("-0.4 A B", "-0.4 A \0B", ["lm.arpa:16", "0x00"]),
        ("ngram 2=3", "ngram 2=3\nngram 2=3", ["lm.arpa:6", "once for each N"]),
        ("ngram 2=3", "ngram 2=٣", ["lm.arpa:5"]),
        ("\\data\\", "\\Data\\", ["no \\data\\ line"]),
        ("-0.9 ELEPHANT", "-0.9 <eps>", ["lm.arpa:12", "reserved"]),
        ("-0.9 ELEPHANT", "-0.9 A", ["lm.arpa:12", "second time"]),
        ("-99 <s> -0.5", "-99 <unk> -0.5", ["no <s>", "begin"]),
        ("-1.0 </s>", "-1.0 <unk>", ["no </s>", "end"]),
        ("\n", "\r", ["lm.arpa:1", "0x0D"]),
    ],
)
def test_a_damaged_file_is_named_with_its_line(
    lang: Path, tmp_path: Path, old: str, new: str, words: list[str]
) -> None:
    with pytest.raises(UserError) as error:
        make_grammar(write(tmp_path, ARPA.replace(old, new)), lang)
    assert all(word in str(error.value) for word in words)
    assert not (lang / "G.fst").exists()


def test_latin_1_is_named_with_its_byte(lang: Path, tmp_path: Path) -> None:
    (tmp_path / "lm.arpa").write_bytes(ARPA.replace("ELEPHANT", "ÉLÉPHANT").encode("latin-1"))
    with pytest.raises(UserError, match=r"lm.arpa:12: the byte 0xC9 is not UTF-8; the file looks like Latin-1"):
        make_grammar(tmp_path / "lm.arpa", lang)


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("\n", "\r\n", ARPA),
        ("made", "\ufeffmade", ARPA),
        ("made by hand\n\n\\data\\", "\ufeff\\data\\", ARPA),
        ("\\2-grams:", "  \\2-grams:\t", ARPA),
        ("-0.4 A B", " -0.4\vA\f B", ARPA),
        ("\\end\\\n", "\\end\\", ARPA),
        ("\\end\\\n", "\\end\\ ", ARPA),
        ("-0.4 A B", "-4e-001 A B", ARPA),
        ("-0.4 A B", "-1.2e-005 A B", ARPA.replace("-0.4 A B", "-0.000012 A B")),
        ("-0.4 A B", "-1.5E-300 A B", ARPA.replace("-0.4 A B", "0 A B")),
        ("-0.4 A B", "-inf A B", ARPA.replace("-0.4 A B", "-99 A B")),
        ("-0.4 A B", "-1.#INF A B", ARPA.replace("-0.4 A B", "-99 A B")),
        ("-99 <s> -0.5", "-inf <s> -0.5", ARPA),
        ("-0.6 B -0.3", "-0.6 B -Infinity", ARPA.replace("B -0.3", "B -99")),
        ("-0.6 B -0.3", "-0.6 B 1.25e+000", ARPA.replace("B -0.3", "B 1.25")),
    ],
)
def test_forms_of_other_toolkits_are_read(lang: Path, tmp_path: Path, old: str, new: str, same: str) -> None:
    made = []
    for text in (ARPA.replace(old, new), same):
        (tmp_path / "lm.arpa").write_bytes(text.encode())
        make_grammar(tmp_path / "lm.arpa", lang)
        made.append((lang / "G.fst").read_bytes())
    assert made[0] == made[1]
    assert not list(lang.glob(".*"))


damages = st.sampled_from([*"0123456789-+.eE# AB\t\r\n\\\0\x1c\u00a0", "<s>", "inf", "nan", "1-grams:"])


@given(st.lists(damages, max_size=6), st.data())
def test_damage_is_refused_or_harmless(damage: list[str], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(ARPA)))
    end = data.draw(st.integers(at, min(at + 6, len(ARPA))))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lm.arpa"
        path.write_bytes((ARPA[:at] + "".join(damage) + ARPA[end:]).encode())
        with suppress(UserError):
            found = check_arpa(path)
            assert {"<s>", "</s>"} <= found.words
            assert found.order in (1, 2)


def test_missing_file_and_foreign_words(lang: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="correct its path"):
        make_grammar(tmp_path / "none.arpa", lang)
    with pytest.raises(UserError, match="letter case"):
        make_grammar(write(tmp_path, ARPA.replace(" A", " a").replace(" B", " b")), lang)


def test_check_reads_words_and_order(tmp_path: Path) -> None:
    found = check_arpa(write(tmp_path, ARPA))
    assert (found.words, found.order) == ({"<s>", "</s>", "A", "B", "ELEPHANT"}, 2)


def random_arpa(order: int, dice: random.Random) -> dict[tuple[str, ...], tuple[float, float]]:
    """{n-gram: (log10 probability, log10 back-off)}; the beginnings of each n-gram are n-grams."""
    backed = -1.0 if order > 1 else 0.0
    table = {(word,): (dice.uniform(-2, -0.2), dice.uniform(backed, 0)) for word in ("<s>", "</s>", "A", "B", "C")}
    table["</s>",] = (-0.7, 0.0)
    for n in range(2, order + 1):
        shorter = [gram for gram in table if len(gram) == n - 1 and gram[-1] != "</s>"]
        for gram in shorter:
            for word in dice.sample(["A", "B", "C", "</s>"], 2):
                table[*gram, word] = (
                    dice.uniform(-1, -0.1),
                    0.0 if n == order or word == "</s>" else dice.uniform(-1, 0),
                )
    return table


def arpa_text(table: dict[tuple[str, ...], tuple[float, float]], order: int) -> str:
    grams = {n: [gram for gram in table if len(gram) == n] for n in range(1, order + 1)}
    lines = ["\\data\\", *(f"ngram {n}={len(own)}" for n, own in grams.items())]
    for n, own in grams.items():
        lines += ["", f"\\{n}-grams:"]
        for gram in own:
            probability = -99 if gram == ("<s>",) else table[gram][0]
            backed = f" {table[gram][1]:.6f}" if table[gram][1] else ""
            lines.append(f"{probability:.6f} {' '.join(gram)}{backed}")
    return "\n".join([*lines, "", "\\end\\", ""])


def least(table: dict[tuple[str, ...], tuple[float, float]], history: tuple[str, ...], rest: tuple[str, ...]) -> float:
    """Cost in log10 of `rest` after `history`, backing off wherever that is cheaper, as an FST does."""
    if not rest:
        return 0.0
    found = math.inf
    if (gram := (*history, rest[0])) in table:
        after = gram if len(gram) < max(map(len, table)) else gram[1:]
        while after and after not in table:
            after = after[1:]
        found = -table[gram][0] + least(table, after, rest[1:])
    backed = table.get(history, (0.0, 0.0))[1]
    return min(found, -backed + least(table, history[1:], rest)) if history else found


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_every_order_matches_back_off(lang: Path, tmp_path: Path, order: int) -> None:
    dice = random.Random(order)
    table = random_arpa(order, dice)
    make_grammar(write(tmp_path, arpa_text(table, order)), lang)
    for length in (1, 2, 3, 5):
        sentence = [dice.choice("ABC") for _ in range(length)]
        expected = least(table, ("<s>",), (*sentence, "</s>")) if order > 1 else least(table, (), (*sentence, "</s>"))
        assert cost(lang, sentence) == pytest.approx(expected * math.log(10), abs=1e-3)
