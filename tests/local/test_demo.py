"""The demo corpus: same bits from one seed, disjoint voices, pronounced words, noise as said, an LM summing to one."""

from __future__ import annotations

import math
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import correlate

from asr_prune.errors import UserError
from asr_prune.local import demo, demo_lm, demo_noise, demo_text, demo_voices

Arpa = tuple[dict[tuple[str, ...], float], dict[str, float]]


def words_of(part: str, seed: int = 0) -> Counter[str]:
    return Counter(word for texts in demo.script(part, seed).values() for text in texts for word in text)


def read_arpa(path: Path) -> Arpa:
    """({words: probability}, {history: back-off weight}), and checks the counts in the header."""
    head, *sections, end = path.read_text().split("\n\n")
    assert head.startswith("\\data\\")
    assert end.strip() == "\\end\\"
    probabilities: dict[tuple[str, ...], float] = {}
    weights: dict[str, float] = {}
    for order, section in enumerate(sections, 1):
        title, *lines = section.strip().splitlines()
        assert title == f"\\{order}-grams:"
        assert f"ngram {order}={len(lines)}\n" in head + "\n"
        for line in lines:
            log10, words, *weight = line.split("\t")
            probabilities[tuple(words.split())] = 10 ** float(log10)
            if weight:
                weights[words] = 10 ** float(weight[0])
    return probabilities, weights


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    demo.write_language(folder, demo.script("train", 0))
    return folder


def few(part: str, voices: int, utterances: int) -> demo.Script:
    return {voice: texts[:utterances] for voice, texts in list(demo.script(part, 0).items())[:voices]}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.wav"))}


def test_voices_are_enough_and_disjoint() -> None:
    variants = {part: [name.split("+")[1] for name in names.split()] for part, names in demo_voices.VOICES.items()}
    assert len(variants["train"]) >= 24
    assert len(variants["dev"]) >= 6
    assert len(variants["test"]) >= 6
    for part, mine in variants.items():
        assert not set(mine) & {v for other, theirs in variants.items() if other != part for v in theirs}
        assert len(set(demo_voices.VOICES[part].split())) == len(mine)


def test_voices_have_settings_of_their_own() -> None:
    people = [voice for part in demo.PARTS for voice in demo_voices.voices(part, 0)]
    assert len({voice.settings for voice in people}) > 0.9 * len(people)


def test_sets_spell_different_names() -> None:
    names = [name for part in demo_text.NAMES.values() for name in part.split()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_training_says_every_word_and_every_word_is_pronounced(seed: int) -> None:
    vocabulary = {word for word, _ in demo_text.lexicon()}
    assert len(vocabulary) >= 60
    assert set(words_of("train", seed)) == vocabulary
    for part in ("dev", "test", "babble"):
        assert set(words_of(part, seed)) <= vocabulary
    assert words_of("test", seed).total() >= 600


def test_lines_seldom_repeat() -> None:
    lines = Counter(" ".join(text) for texts in demo.script("test", 0).values() for text in texts)
    assert len(lines) > 0.8 * lines.total()


def test_lexicon_phones_have_no_stress_and_each_serves_some_words() -> None:
    entries = demo_text.lexicon()
    assert entries == sorted(entries)
    assert len({(word, *phones) for word, phones in entries}) == len(entries)
    phones = {phone for _, phones in entries for phone in phones}
    assert all(phone.isalpha() and phone.isupper() and len(phone) <= 2 for phone in phones)
    assert 30 <= len(phones) <= 39


def test_the_same_bits_whatever_the_processes_and_the_company(tmp_path: Path) -> None:
    lines = few("test", 3, 3)
    demo.record(lines, tmp_path / "two", 0, processes=2)
    demo.record(dict(reversed(lines.items())) | few("dev", 1, 2), tmp_path / "one", 0, processes=1)
    two, one = contents(tmp_path / "two"), contents(tmp_path / "one")
    assert len(two) == 9
    assert len(one) == 11
    assert two == {name: one[name] for name in two}


def test_another_seed_makes_another_corpus() -> None:
    assert demo.script("train", 0) != demo.script("train", 1)


def test_audio_is_16_khz_mono_speech_without_clipping(tmp_path: Path) -> None:
    seconds = demo.record(few("train", 2, 3), tmp_path, 0, processes=1)
    for name, length in seconds.items():
        path = tmp_path / name.split("-")[0] / f"{name}.wav"
        samples, rate = soundfile.read(path, dtype="int16")
        assert rate == 16000
        assert samples.ndim == 1
        assert soundfile.info(path).subtype == "PCM_16"
        assert length == len(samples) / rate
        assert 0.5 < length < 8
        assert 0.19 * 32767 < np.abs(samples.astype(int)).max() < 0.81 * 32767


def test_a_voice_says_more_when_there_is_more_to_say() -> None:
    voice = demo_voices.voices("dev", 0)[0]
    short, long = demo_voices.speak(voice, [["STOP"], ["SET", "TIMER", "FOR", "TWENTY", "SECONDS"]])
    assert 0.2 < len(short) / 16000 < 1 < len(long) / 16000 < 4
    assert short.dtype == np.float32


@given(seed=st.integers(0, 2**32), snr=st.floats(*demo_noise.SNR_DB), level=st.floats(1e-3, 1e3))
@settings(max_examples=30)
def test_mix_has_the_ratio_asked(seed: int, snr: float, level: float) -> None:
    rng = np.random.default_rng(seed)
    speech, noise = rng.standard_normal(4000), level * demo_noise.pink(4000, rng)
    added = demo_noise.mix(speech, noise, snr) - speech
    assert 10 * math.log10(np.sum(speech**2) / np.sum(added**2)) == pytest.approx(snr, abs=1e-6)


def test_utterances_are_degraded_by_5_to_20_db() -> None:
    tracks = [np.random.default_rng(index).standard_normal(8000) for index in range(demo_noise.TALKERS)]
    ratios = []
    for seed in range(40):
        speech = np.random.default_rng([seed, 1]).standard_normal(8000)
        heard = demo_noise.degrade(speech, tracks, np.random.default_rng(seed)).astype(float)
        similarity = correlate(heard, speech, mode="valid") / np.sum(speech**2)
        start = int(similarity.argmax())
        assert 0.1 <= start / 16000 < 0.3
        clean = np.pad(speech * similarity[start], (start, len(heard) - len(speech) - start))
        ratios.append(10 * math.log10(np.sum(clean**2) / np.sum((heard - clean) ** 2)))
    assert 4.5 < min(ratios) < 8
    assert 17 < max(ratios) < 20.5


def test_pink_noise_loses_three_decibels_an_octave() -> None:
    power = np.abs(np.fft.rfft(demo_noise.pink(2**16, np.random.default_rng(0)))) ** 2
    octaves = [power[2**k : 2 ** (k + 1)].mean() for k in range(7, 15)]
    slope = np.polyfit(np.arange(len(octaves)), 10 * np.log10(octaves), 1)[0]
    assert slope == pytest.approx(-3.01, abs=0.2)


def test_babble_is_of_several_talkers_at_equal_power() -> None:
    tracks = [np.full(50, 10.0**index) for index in range(demo_noise.TALKERS)]
    assert demo_noise.babble(tracks, 200, np.random.default_rng(0)) == pytest.approx(np.full(200, demo_noise.TALKERS))


@pytest.mark.parametrize("order", [1, 2])
def test_lm_sums_to_one_after_every_history(order: int, tmp_path: Path) -> None:
    texts = [text for said in demo.script("train", 0).values() for text in said]
    vocabulary = {word for word, _ in demo_text.lexicon()}
    demo_lm.write_arpa(tmp_path / "lm.arpa", texts, vocabulary, order)
    probabilities, weights = read_arpa(tmp_path / "lm.arpa")
    words = vocabulary | {"</s>"}
    assert sum(probabilities[(word,)] for word in words) == pytest.approx(1, abs=1e-5)
    for history in vocabulary | {"<s>"}:
        backed_off = {word: weights.get(history, 1) * probabilities[(word,)] for word in words}
        assert sum(probabilities.get((history, w), p) for w, p in backed_off.items()) == pytest.approx(1, abs=1e-5)


def test_lm_is_witten_bell_by_hand(tmp_path: Path) -> None:
    demo_lm.write_arpa(tmp_path / "lm.arpa", [["A", "B"], ["A", "A"]], {"A", "B", "C"}, 2)
    probabilities, weights = read_arpa(tmp_path / "lm.arpa")
    a = (3 + 3 / 4) / (6 + 3)  # A: 3 of 6 tokens; 3 types, uniform over A B C </s>
    assert probabilities[("A",)] == pytest.approx(a, rel=1e-5)
    assert probabilities[("C",)] == pytest.approx((3 / 4) / 9, rel=1e-5)
    assert probabilities[("<s>", "A")] == pytest.approx((2 + a) / 3, rel=1e-5)
    assert weights["A"] == pytest.approx(3 / 6, rel=1e-5)  # A B, A A, A </s>: three types, three tokens


def test_lm_is_of_training_text_only_and_has_all_words(local: Path) -> None:
    probabilities, _ = read_arpa(local / "lm.arpa")
    seen = {
        pair
        for texts in demo.script("train", 0).values()
        for text in texts
        for pair in zip(["<s>", *text], [*text, "</s>"], strict=True)
    }
    assert {words for words in probabilities if len(words) == 2} == (seen if demo.LM_ORDER == 2 else set())
    for part in demo.PARTS:
        assert all((word,) in probabilities for word in words_of(part))


def test_lexicon_file_is_kaldi_shaped(local: Path) -> None:
    lines = (local / "lexicon.txt").read_text().splitlines()
    assert "Z Z IY" in lines
    assert "Z Z EH D" in lines
    assert all(len(line.split()) >= 2 for line in lines)


def test_without_espeak_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(UserError, match=r"pip install 'asr_prune\[demo\]'"):
        demo.prepare(None, tmp_path, 0)
