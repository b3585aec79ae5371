from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.resample import resampled
from asr_prune.corpus.validate import validate
from asr_prune.errors import UserError
from asr_prune.features.compute import make_compute
from asr_prune.recipe.load import load_recipe

NAMES = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
WORDS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")


@pytest.fixture(scope="session")
def digits(an4_root: Path, local: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """recordings/: AN4's strings of digits in equal parts, 8 kHz; a name stands for a sixth of AN4's speakers."""
    out = tmp_path_factory.mktemp("an4_digits")
    local("an4").prepare(an4_root, out / "an4", 0)
    (out / "fsdd/recordings").mkdir(parents=True)
    counts: Counter[tuple[str, int]] = Counter()
    data = DataDir.read(out / "an4/train")
    for i, speaker in enumerate(data.spk2utt):
        for key in data.spk2utt[speaker]:
            if set(data.text[key]) <= set(WORDS):
                write_parts(out / "fsdd/recordings", data.wavs[key], data.text[key], NAMES[i % 6], counts)
    return out / "fsdd"


def write_parts(folder: Path, wav: str, words: list[str], name: str, counts: Counter[tuple[str, int]]) -> None:
    samples = resampled(read_audio(wav, 16000)[0], 16000, 8000)
    level = np.sqrt(np.convolve(samples**2, np.ones(160) / 160, "same"))
    loud = np.flatnonzero(level > 0.08 * level.max())
    parts = np.array_split(samples[loud[0] : loud[-1]], len(words))
    for word, part in zip(words, parts, strict=True):
        digit = WORDS.index(word)
        soundfile.write(folder / f"{digit}_{name}_{counts[name, digit]}.wav", part.astype(np.int16), 8000)
        counts[name, digit] += 1


@pytest.fixture
def script(local: Callable[[str], ModuleType]) -> ModuleType:
    return local("fsdd")


@pytest.mark.torchaudio
def test_from_features_to_wer(digits: Path, to_wer: Callable) -> None:
    row = to_wer("fsdd", f"corpus.root={digits}", "corpus.options.whole=false")
    assert row["wer_test"] < 70
    assert row["errors_test"]["ins"] == 0  # the grammar knows one word


@pytest.mark.torchaudio
@pytest.mark.parametrize("fold", range(6))
def test_folds_share_no_speaker(digits: Path, script: ModuleType, tmp_path: Path, fold: int) -> None:
    script.prepare(digits, tmp_path, 0, script.Options(fold=fold, whole=False))
    speakers = {part: set(DataDir.read(tmp_path / part).utt2spk.values()) for part in ("train", "dev", "test")}
    assert speakers["test"] == {NAMES[fold]}
    assert speakers["dev"] == {NAMES[(fold + 1) % 6]}
    assert speakers["train"] == set(NAMES) - speakers["test"] - speakers["dev"]
    assert [problem for part in speakers for problem in validate(tmp_path / part, 8000, set(WORDS))] == []


@pytest.mark.torchaudio
def test_strings_hold_their_recordings_and_come_back_by_seed(digits: Path, script: ModuleType, tmp_path: Path) -> None:
    made = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        script.prepare(digits, tmp_path / name, seed, script.Options(chain=4, whole=False))
        data = DataDir.read(tmp_path / name / "test")
        made.append((data.text, [Path(place).read_bytes() for place in data.wavs.values()]))
    assert made[0] == made[1]
    assert made[0][0] != made[2][0]
    assert {len(words) for words in made[0][0].values()} == {4}
    assert validate(tmp_path / "a/test", 8000, set(WORDS)) == []
    alone = sorted((digits / "recordings").glob("*_george_*.wav"))
    assert len(made[0][0]) == len(alone) // 4
    chained = np.concatenate([read_audio(place)[0] for place in DataDir.read(tmp_path / "a/test").wavs.values()])
    assert sum(holds(chained, read_audio(path)[0]) for path in alone[:8]) >= 8 - len(alone) % 4


def holds(samples: np.ndarray, piece: np.ndarray) -> bool:
    """Whether `piece` stands somewhere in `samples`, sample by sample."""
    starts = np.flatnonzero(samples[: len(samples) - len(piece)] == piece[0])
    return any(np.array_equal(samples[start : start + len(piece)], piece) for start in starts)


def test_no_filter_is_empty_at_eight_kilohertz() -> None:
    recipe = load_recipe(Path(__file__).parents[2] / "recipes/fsdd").recipe
    noise = np.random.default_rng(0).normal(0, 1000, 8000).astype(np.float32)
    for options in (recipe.features.hmm, recipe.features.network):
        assert (options.rate, options.top_freq) == (8000, 4000.0)
        assert make_compute(options)(noise).std(axis=0).min() > 0.1


@pytest.mark.torchaudio
def test_another_layout_is_one_sentence(digits: Path, script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\d+ recordings instead of 3000.*; copy the corpus again"):
        script.prepare(digits, tmp_path, 0)
    for root, said in ((None, "CC BY-SA 4.0"), (tmp_path, "is not FSDD: it has no recordings/DIGIT_SPEAKER_INDEX.wav")):
        with pytest.raises(UserError, match=said):
            script.prepare(root, tmp_path / "out", 0)
    soundfile.write(tmp_path / "1_theo_1.wav", [0.1] * 800, 8000)
    soundfile.write(tmp_path / "one.wav", [0.1] * 800, 8000)
    with pytest.raises(UserError, match=r"1 file not named DIGIT_SPEAKER_INDEX.wav: one.wav"):
        script.prepare(tmp_path, tmp_path / "out", 0)
    with pytest.raises(UserError, match=r"fold 6 of 6 speakers; give 0 to 5"):
        script.prepare(digits, tmp_path / "out", 0, script.Options(fold=6, whole=False))
