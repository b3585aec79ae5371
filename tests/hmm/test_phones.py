"""Phones and words of alignments of the toy corpus, with known alignments."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import Any

import kaldifst
import numpy as np
import pytest

from asr_prune.hmm.labels import read_labels
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.options import HmmOptions, MonoOptions
from asr_prune.hmm.passes import Speech, train_passes
from asr_prune.hmm.phones import phone_spans, word_spans
from asr_prune.lang.fst import read_fst
from asr_prune.lang.lang import Lang

LEXICON = {"YES": ["Y", "EH", "S"], "NO": ["N", "OW"], "SO": ["S", "OW"]}
OPTIONS = HmmOptions(
    passes=(
        MonoOptions(
            iterations=8, grow_iterations=5, gaussians=40, initial_beam=50.0, beam=50.0, retry_beam=200.0,
            acoustic_scale=1.0,
        ),
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def aligned(toy: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[HmmModel, dict[str, np.ndarray]]:
    folder = tmp_path_factory.mktemp("phones")
    train_passes(toy.lang, Speech(toy.feats, toy.text, {}, 0), folder, OPTIONS, 0)
    return HmmModel.load(folder / "mono"), read_labels(folder / "mono/ali.ark")


@pytest.mark.trains
def test_phones_lie_end_to_end_and_are_those_of_their_frames(toy: Any, aligned: Any) -> None:
    model, labels = aligned
    for ids in labels.values():
        spans = phone_spans(model.transitions, ids.tolist())
        assert [begin for _, (begin, _) in spans] == [0, *(end for _, (_, end) in spans[:-1])]
        assert spans[-1][1][1] == len(ids)
        for phone, (begin, end) in spans:
            assert {model.transitions.transition_id_to_phone(int(i)) for i in ids[begin:end]} == {phone}
            states = [model.transitions.transition_id_to_pdf(int(i)) for i in ids[begin:end]]
            assert end - begin >= len(list(groupby(states)))


def test_every_phone_of_the_words_is_present_repeated_ones_too(toy: Any, aligned: Any) -> None:
    """YES SO has two S in a row."""
    model, labels = aligned
    table = {i: phone for phone, i in Lang.read(toy.lang).phones.items()}
    assert any(("YES", "SO") in pairwise(words) for words in toy.text.values())
    for utt, words in toy.text.items():
        spoken = [table[phone] for phone, _ in phone_spans(model.transitions, labels[utt].tolist())]
        assert [phone for phone in spoken if phone != "SIL"] == [phone for word in words for phone in LEXICON[word]]


def test_words_have_their_true_frames(toy: Any, aligned: Any) -> None:
    model, labels = aligned
    lang, lexicon = Lang.read(toy.lang), read_fst(toy.lang / "L.fst", "lang")
    kaldifst.arcsort(lexicon, "ilabel")
    off = []
    for utt, words in toy.text.items():
        phones = phone_spans(model.transitions, labels[utt].tolist())
        found = word_spans(lexicon, lang.word_ids(words) or [], phones, lang.optional_silence)
        assert len(found) == len(words)
        off += [
            abs(a - b)
            for own, its in zip(found, true_spans(toy, utt), strict=True)
            for a, b in zip(own, its, strict=True)
        ]
    assert np.mean(np.array(off) <= 1) > 0.9  # where S meets S nobody can tell


def true_spans(toy: Any, utt: str) -> list[tuple[int, int]]:
    """Frames of each word, from the phones that the frames were drawn of."""
    frames, at, spans = toy.phones[utt], 0, []
    runs: list[tuple[str, int]] = [(phone, len(list(own))) for phone, own in groupby(frames)]
    at, index = runs[0][1], 1
    for word in toy.text[utt]:
        begin = at
        for _ in LEXICON[word]:
            at, index = at + runs[index][1], index + 1
        spans.append((begin, at))
    return spans


def test_phones_that_do_not_spell_the_words_give_no_spans(toy: Any) -> None:
    lang, lexicon = Lang.read(toy.lang), read_fst(toy.lang / "L.fst", "lang")
    kaldifst.arcsort(lexicon, "ilabel")
    phones = [(lang.phones[phone], (i, i + 1)) for i, phone in enumerate(["N", "OW", "SIL"])]
    silence = lang.optional_silence
    assert word_spans(lexicon, [lang.words["NO"]], phones, silence) == [(0, 2)]
    assert word_spans(lexicon, [lang.words["YES"]], phones, silence) == []
    assert word_spans(lexicon, [lang.words["NO"]] * 2, phones, silence) == []
