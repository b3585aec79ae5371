"""A corpus of tones that brings no language model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from asr_prune.cli.main import main
from asr_prune.corpus.prepare import brought_since, written_at
from asr_prune.files import atomic
from asr_prune.lang.arpa import check_arpa

SCRIPT = """
from importlib.util import module_from_spec, spec_from_file_location

spec = spec_from_file_location("tiny", "TINY")
tiny = module_from_spec(spec)
spec.loader.exec_module(tiny)


def prepare(root, out, seed):
    tiny.prepare(root, out, seed)
    (out / "local/lm.arpa").unlink()
    TEXT
"""
GIVEN = ["--recipe", "recipes/mute"]
Said = pytest.CaptureFixture[str]
Make = Callable[[str], None]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Writes the recipe's script; `text`: what it does besides."""
    (tmp_path / "recipes/mute").mkdir(parents=True)
    (tmp_path / "recipes/mute/recipe.yaml").write_text("corpus: {prepare: mute.py}\n")
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> None:
        script = SCRIPT.replace("TINY", str(Path(__file__).parent / "tiny.py")).replace("TEXT", text)
        (tmp_path / "mute.py").write_text(script)

    return write


def lang(said: Said, *sets: str) -> str:
    said.readouterr()
    status = main(["lang", *GIVEN, *(word for text in sets for word in ("--set", text))])
    out = said.readouterr()
    return out.out if status == 0 else out.err


def test_transcripts_are_the_text_where_there_is_none(make: Make, capsys: Said) -> None:
    make("")
    assert main(["corpus", *GIVEN]) == 0
    told = lang(capsys)
    assert "language model of data/mute/train/text: 30 words in 12 sentences, none outside the vocabulary" in told
    assert "perplexity on data/mute/dev/text: " in told
    found = check_arpa(Path("data/mute/lang/lm.arpa"))
    assert (found.words, found.order) == ({"<s>", "</s>", "LOW", "MID", "HIGH"}, 3)
    assert "lang: up to date" in lang(capsys)
    assert "2-gram of 3 words" in lang(capsys, "lang.lm.order=2")
    Path("data/mute/lang/lm.arpa").write_text("harmed")
    assert "3-gram of 3 words" in lang(capsys)


def test_probabilities_of_the_corpuss_lexicon_reach_l(make: Make, capsys: Said) -> None:
    make("")
    assert main(["corpus", *GIVEN]) == 0
    lang(capsys)
    plain = Path("data/mute/lang/L.fst").read_bytes()
    words = [line.split() for line in Path("data/mute/local/lexicon.txt").read_text().splitlines()]
    lines = "".join(f"{word} 0.5 {' '.join(phones)}\\n" for word, *phones in words)
    make(f'(out / "local/lexiconp.txt").write_text("{lines}")')
    assert main(["corpus", *GIVEN]) == 0
    assert "lexiconp.txt is used, not lexicon.txt beside it" in lang(capsys)
    assert Path("data/mute/lang/L.fst").read_bytes() != plain
    assert "lang: up to date" in lang(capsys)
    Path("data/mute/local/lexicon.txt").write_text("LOW L\n")
    assert "data/mute/local/lexicon.txt is damaged" in lang(capsys)
    make("")
    assert main(["corpus", *GIVEN]) == 0
    assert not Path("data/mute/local/lexiconp.txt").exists()
    lang(capsys)
    assert Path("data/mute/lang/L.fst").read_bytes() == plain


def test_the_source_of_a_copy_in_another_encoding_is_to_be_converted(make: Make, capsys: Said) -> None:
    make('(out / "local/lexicon.txt").write_bytes(b"LOW L\\nCAF\\xc9 K\\n")')
    assert main(["corpus", *GIVEN]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "data/mute/local/lexicon.txt:2: the byte 0xC9 is not UTF-8; the file looks like Latin-1" in said
    assert "do this to the file that mute.py takes it from" in said


def test_the_corpuss_text_and_the_recipes_come_first(make: Make, capsys: Said) -> None:
    make('(out / "local/lm.txt").write_text("LOW LOW HIGH\\n")')
    assert main(["corpus", *GIVEN]) == 0
    assert "language model of data/mute/local/lm.txt: 3 words in 1 sentence" in lang(capsys)
    Path("own.txt").write_text("MID LOW\n")
    assert "language model of own.txt: 2 words" in lang(capsys, "lang.lm.text=[own.txt]")
    Path("own.txt").write_text("MID LOW HIGH\n")
    assert "language model of own.txt: 3 words" in lang(capsys, "lang.lm.text=[own.txt]")
    assert "none.txt is not there; give the path of an existing file" in lang(capsys, "lang.lm.text=[none.txt]")
    Path("data/mute/local/lm.txt").unlink()
    assert "data/mute/local/lm.txt is missing; run the corpus stage" in lang(capsys)


def test_a_model_that_the_corpus_brings_is_taken_as_it_is(make: Make, capsys: Said) -> None:
    make('(out / "local/lm.arpa").write_text(LM)\n\n\nLM = """' + ARPA + '"""')
    assert main(["corpus", *GIVEN]) == 0
    assert "1-gram of 3 words" in lang(capsys)
    told = lang(capsys, "lang.lm.ngrams=100")
    assert "lang.lm has no effect beside data/mute/local/lm.arpa" in told


def test_what_a_script_no_longer_writes_is_removed(make: Make) -> None:
    make("")
    dictionary = Path("data/mute/local")
    arpa, text = (dictionary / name for name in ("lm.arpa", "lm.txt"))
    assert written_at(dictionary) == {}
    for path in (arpa, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("old")
    before = written_at(dictionary)
    with atomic(text) as file:
        file.write("new")
    assert brought_since(dictionary, before) == [text]
    assert not arpa.exists()


ARPA = "\\\\data\\\\\nngram 1=5\n\n\\\\1-grams:\n-99 <s>\n-0.6 </s>\n-0.6 LOW\n-0.6 MID\n-0.6 HIGH\n\n\\\\end\\\\\n"
