"""Test sets with noise: levels against their formula, and data directories that are the same but for it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.noise import Babble, make_noisy_sets, mixed
from asr_prune.corpus.options import CorpusOptions, NoiseOptions
from asr_prune.errors import UserError

RATE = 16000


def spoken(folder: Path, count: int, speakers: int = 2, seed: int = 0) -> DataDir:
    """A data directory of short utterances of noise, each of another colour and loudness."""
    rng, data = np.random.default_rng(seed), DataDir(folder)
    for number in range(count):
        speaker = f"{folder.name}{number % speakers}"
        name = f"{speaker}-{number:02d}"
        samples = np.convolve(rng.normal(0, 1000 * (number + 1), 4000), np.ones(number + 1) / (number + 1), "same")
        path = folder / f"{name}.wav"
        folder.mkdir(parents=True, exist_ok=True)
        soundfile.write(
            wav := io.BytesIO(),
            np.clip(samples, -32768, 32767).astype(np.int16),
            RATE,
            format="WAV",
        )
        path.write_bytes(wav.getvalue())
        data.wavs[name], data.text[name], data.utt2spk[name] = (
            str(path),
            ["YES", f"W{number}"],
            speaker,
        )
    data.write()
    return data


def babble(data: DataDir, talkers: int = 3, seed: int = 1) -> Babble:
    return Babble(data, talkers, seed, RATE, False, None)


def power(samples: np.ndarray) -> float:
    return sum(float(value) ** 2 for value in samples) / len(samples)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 999), st.floats(-10, 40), st.floats(1, 8000))
def test_the_ratio_is_as_asked(seed: int, snr: float, level: float) -> None:
    rng = np.random.default_rng(seed)
    speech, noise = rng.normal(0, level, 300), rng.normal(0, 1, 300)
    output = mixed(speech, noise, snr)
    scale = 1.0
    if np.abs(output).max() >= 32766.5:  # attenuated as a whole
        unbounded = speech + noise * np.sqrt(power(speech) / power(noise) / 10 ** (snr / 10))
        scale = np.abs(output).max() / np.abs(unbounded).max()
    added = output / scale - speech
    assert 10 * np.log10(power(speech) / power(added)) == pytest.approx(snr, abs=1e-6)
    assert np.abs(output).max() <= 32767.0001


def test_silence_stays_silent_and_no_noise_changes_nothing() -> None:
    speech = np.arange(10.0)
    assert mixed(np.zeros(10), np.ones(10), 5.0).tolist() == [0.0] * 10
    assert mixed(speech, np.zeros(10), 5.0).tolist() == speech.tolist()


def test_noise_is_several_utterances_of_equal_power(tmp_path: Path) -> None:
    data = spoken(tmp_path / "train", 5)
    maker = babble(data)
    output = maker.noise("x", 6000)
    rng = np.random.default_rng([1, 2363233923])  # zlib.crc32(b"x")
    slow = np.zeros(6000)
    for place in rng.permutation(5)[:3]:
        voice = read_audio(data.wavs[sorted(data.wavs)[place]])[0].astype(float)
        start = int(rng.integers(len(voice)))
        slow += [voice[(start + i) % len(voice)] / np.sqrt(power(voice)) for i in range(6000)]
    assert output.tolist() == pytest.approx(slow.tolist(), rel=1e-5)
    assert maker.noise("x", 6000).tolist() == output.tolist()
    assert maker.noise("y", 6000).tolist() != output.tolist()
    assert babble(data, seed=2).noise("x", 6000).tolist() != output.tolist()
    assert babble(data, talkers=99).noise("x", 100).any()


def noisy(tmp_path: Path, **options: object) -> dict[float, DataDir]:
    outs = {20.0: tmp_path / "test_20db", 5.0: tmp_path / "test_5db"}
    corpus = CorpusOptions(**options)  # type: ignore[arg-type]
    written = make_noisy_sets(tmp_path / "test", tmp_path / "train", outs, corpus, talkers=2, seed=1)
    assert all(path.is_file() for path in written)
    return {snr: DataDir.read(out) for snr, out in outs.items()}


def test_sets_are_the_test_set_but_for_the_noise(tmp_path: Path) -> None:
    spoken(tmp_path / "train", 4, seed=1)
    data = spoken(tmp_path / "test", 3)
    sets = noisy(tmp_path)
    for made in sets.values():
        assert (made.text, made.utt2spk, list(made.wavs)) == (
            data.text,
            data.utt2spk,
            sorted(data.wavs),
        )
    for name in data.wavs:
        clean, some, much = (read_audio(each.wavs[name])[0] for each in (data, sets[20.0], sets[5.0]))
        assert len(clean) == len(some) == len(much)
        assert 10 * np.log10(power(clean) / power(some - clean)) == pytest.approx(20, abs=0.1)
        ratio = np.corrcoef(some - clean, much - clean)[0, 1]
        assert ratio > 0.99  # the same noise, louder
    before = {path.name: path.read_bytes() for path in (tmp_path / "test_5db").rglob("*") if path.is_file()}
    noisy(tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "test_5db").rglob("*") if path.is_file()} == before


def test_parts_of_recordings_become_files(tmp_path: Path) -> None:
    spoken(tmp_path / "train", 2, seed=1)
    spoken(tmp_path / "test", 1, speakers=1)
    folder = tmp_path / "test"
    (folder / "segments").write_text("test0-00-a test0-00 0.05 0.15\n")
    (folder / "text").write_text("test0-00-a YES\n")
    (folder / "utt2spk").write_text("test0-00-a test0\n")
    made = noisy(tmp_path)[20.0]
    assert made.segments == {}
    assert len(read_audio(made.wavs["test0-00-a"])[0]) == 1600


def test_audio_that_has_gone_is_left_out_and_none_at_all_is_a_sentence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    train, test = spoken(tmp_path / "train", 2, seed=1), spoken(tmp_path / "test", 2)
    gone, stays = sorted(test.wavs)
    Path(test.wavs[gone]).unlink()
    assert list(noisy(tmp_path)[5.0].text) == [stays]
    assert f"{gone} skipped: " in caplog.text
    Path(test.wavs[stays]).unlink()
    with pytest.raises(UserError, match=r"no audio that can be used; correct its wav.scp, or set noise"):
        noisy(tmp_path)
    for path in train.wavs.values():
        Path(path).unlink()
    spoken(tmp_path / "test", 2)
    with pytest.raises(UserError, match="train has no audio to make noise of; restore it, or set noise"):
        noisy(tmp_path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"snr": (5, 5)}, "must not repeat"),
        ({"snr": (100,)}, "between -20 and 60"),
        ({"talkers": 0}, "1 or more"),
    ],
)
def test_options_are_checked(options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        NoiseOptions(**options)  # type: ignore[arg-type]
