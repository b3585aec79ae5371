from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from asr_prune.lang.ngram.build import Text, build_lm
from asr_prune.lang.ngram.model import BackOff, NGrams, perplexity
from asr_prune.lang.ngram.options import LmOptions
from asr_prune.lang.ngram.text import OOV_ID, Vocabulary, encode_text

MITLM = shutil.which("estimate-ngram")


def by_hand() -> BackOff:
    """<s> </s> A B, and after A: B; logarithms of base e are spelt as such."""
    none = np.zeros(4, np.int64)
    ones = NGrams(none, none, np.arange(4), np.log([1e-99, 0.2, 0.5, 0.3]), np.log([1, 1, 0.25, 1]))
    return BackOff(
        ["<s>", "</s>", "A", "B"],
        [ones, NGrams(np.array([2]), np.array([3]), np.array([3]), np.log([0.9]), np.zeros(1))],
    )


def test_words_back_off_and_unknown_words_break_the_history() -> None:
    log_p = by_hand().log_p(np.array([0, 2, 3, 1, 0, 2, 2, OOV_ID, 3, 1]))
    expected = np.log([1, 0.5, 0.9, 0.2, 1, 0.5, 0.25 * 0.5, np.nan, 0.3, 0.2])
    assert log_p == pytest.approx(expected, nan_ok=True)


def test_perplexity_counts_sentence_ends_without_unknown_words() -> None:
    tokens = encode_text([["A", "B"], ["X", "A"]], Vocabulary.of("AB"))
    found = perplexity(by_hand(), tokens, OOV_ID)
    assert found.without == pytest.approx((0.5 * 0.9 * 0.2 * 0.5 * 0.25 * 0.2) ** (-1 / 5))
    assert found.with_oov is None
    assert str(found) == f"{found.without:.2f} on 4 words in 2 sentences, 1 (25.00 %) outside the vocabulary: X"


def test_perplexity_with_a_word_for_unknown_words() -> None:
    tokens = encode_text([["A", "B"], ["X", "A"]], Vocabulary.of("AB"))
    found = perplexity(by_hand(), tokens, 3)
    assert found.with_oov == pytest.approx((0.5 * 0.9 * 0.2 * 0.3 * 0.5 * 0.25 * 0.2) ** (-1 / 6))
    assert found.without == pytest.approx((0.5 * 0.9 * 0.2 * 0.5 * 0.25 * 0.2) ** (-1 / 5))


def read_arpa(path: Path) -> dict[str, list[float]]:
    """log10 p and back-off weight of each n-gram."""
    rows = [line.split("\t") for line in path.read_text().splitlines() if "\t" in line]
    return {row[1]: [float(row[0]), float(row[2]) if len(row) > 2 else 0.0] for row in rows}


@pytest.mark.skipif(MITLM is None, reason="MITLM's estimate-ngram is not installed")
def test_mitlm_makes_the_same_model(tmp_path: Path) -> None:
    """Of 3000 sentences of a skewed choice of words, which has all counts of counts."""
    dice = np.random.default_rng(0)
    sentences = [dice.zipf(1.4, dice.integers(1, 12)).clip(max=2000) for _ in range(3000)]
    (tmp_path / "text").write_text("".join(" ".join(f"w{i}" for i in line) + "\n" for line in sentences))
    asked = ["-t", str(tmp_path / "text"), "-o", "3", "-s", "FixModKN", "-wl", str(tmp_path / "mitlm.arpa")]
    subprocess.run([str(MITLM), *asked], check=True)
    build_lm(Text([tmp_path / "text"]), tmp_path / "ours.arpa", LmOptions())
    theirs, ours = read_arpa(tmp_path / "mitlm.arpa"), read_arpa(tmp_path / "ours.arpa")
    assert ours.keys() == theirs.keys()
    assert np.array([ours[gram] for gram in theirs]) == pytest.approx(np.array([*theirs.values()]), abs=1e-5)


def test_a_word_that_never_occurs_has_its_share_of_what_is_left(model: Callable[..., tuple[BackOff, list]]) -> None:
    made, _ = model([["A"], ["B"]], "ABC", 1, "kneser_ney")
    ids = np.array([OOV_ID, 1, OOV_ID, 4])
    # </s> 2, A 1, B 1, C 0: n1 = 2, n2 = 1, so D = 1/2 for all: 3/8 of the mass is shared by four words
    assert made.log_p(ids)[[1, 3]] == pytest.approx([math.log(1.5 / 4 + 3 / 8 / 4), math.log(3 / 8 / 4)])
