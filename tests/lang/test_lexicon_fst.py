"""L against every path counted out by hand."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import kaldifst
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.lang.fst import lexicon_fst, read_fst, write_fst
from asr_prune.lang.lexicon import Entry, add_disambig

PHONES = {"<eps>": 0, "SIL": 1, "a": 2, "b": 3, **{f"#{i}": 4 + i for i in range(12)}}
tiny = st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map(tuple), min_size=1, max_size=4, unique=True)


def spelled(entries: list[Entry], words: dict[str, int], sil: float, most_words: int) -> dict[tuple, list[float]]:
    """{(phones, words): costs of all its paths}, each boundary with or without silence."""
    found = defaultdict(list)
    for count in range(most_words + 1):
        for chosen in itertools.product(entries, repeat=count):
            for pauses in itertools.product([False, True] if sil else [False], repeat=count + 1):
                phones: list[str] = ["SIL"] if pauses[0] else []
                for (_, pronunciation), pause in zip(chosen, pauses[1:], strict=True):
                    phones += [*pronunciation, "SIL"] if pause else pronunciation
                cost = sum(-math.log(sil if pause else 1 - sil) for pause in pauses)
                key = tuple(PHONES[p] for p in phones), tuple(words[word] for word, _ in chosen)
                found[key].append(cost)
    return {key: sorted(costs) for key, costs in found.items()}


@settings(max_examples=25)
@given(pronounced=tiny, sil=st.sampled_from([0.0, 0.2, 0.5]))
def test_every_path_and_no_other(paths: Callable, pronounced: list[tuple[str, ...]], sil: float) -> None:
    entries = [(f"W{i % 3}", phones) for i, phones in enumerate(pronounced)]
    words = {f"W{i}": i + 1 for i in range(3)}
    fst = lexicon_fst(entries, PHONES, words, sil, "SIL")
    found = defaultdict(list)
    for inputs, outputs, cost in paths(fst.to_str(show_weight_one=True), 2):
        found[inputs, outputs].append(cost)
    expected = spelled(entries, words, sil, 2)
    assert found.keys() == expected.keys()
    for key, costs in expected.items():
        assert sorted(found[key]) == pytest.approx(costs, abs=1e-4)


@settings(max_examples=25)
@given(pronounced=tiny)
def test_disambiguated_phones_name_one_word_sequence(paths: Callable, pronounced: list[tuple[str, ...]]) -> None:
    entries, highest = add_disambig([(f"W{i}", phones) for i, phones in enumerate(pronounced)])
    words = {f"W{i}": i + 1 for i in range(len(entries))}
    fst = lexicon_fst(entries, PHONES, words, 0.5, "SIL", f"#{highest + 1}")
    meaning = defaultdict(set)
    for inputs, outputs, _ in paths(fst.to_str(show_weight_one=True), 2):
        meaning[inputs].add(outputs)
    assert all(len(sequences) == 1 for sequences in meaning.values())
    assert not kaldifst.determinize_star(fst)  # True would mean that it gave up


def test_backoff_symbol_passes_between_words(paths: Callable) -> None:
    fst = lexicon_fst([("W0", ("a",))], PHONES, {"W0": 1}, 0.5, "SIL", "#1", (PHONES["#0"], 9))
    through = kaldifst.compose(fst, kaldifst.make_linear_acceptor([9, 1, 9]))
    sequences = {inputs for inputs, _, _ in paths(through.to_str(show_weight_one=True), 3)}
    assert (PHONES["#0"], PHONES["a"], PHONES["#0"]) in sequences


def test_files_missing_or_damaged(tmp_path: Path) -> None:
    path = tmp_path / "L.fst"
    with pytest.raises(UserError, match="correct its path"):
        read_fst(path, "lang")
    write_fst(lexicon_fst([("W0", ("a",))], PHONES, {"W0": 1}, 0.5, "SIL"), path)
    assert read_fst(path, "lang").num_states > 0
    for data in (b"", b"not an FST at all", path.read_bytes()[:30]):
        path.write_bytes(data)
        with pytest.raises(UserError, match="again"):
            read_fst(path, "lang")
