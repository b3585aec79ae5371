from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import soundfile

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.script import load_script
from asr_prune.corpus.validate import validate
from asr_prune.errors import UserError
from asr_prune.features.extract import extract
from asr_prune.features.options import FeaturesOptions

SCRIPT = Path(__file__).resolve().parents[2] / "local/an4.py"
COUNTS = {"train": (844, 66), "dev": (104, 8), "test": (130, 10)}


@pytest.fixture(scope="module")
def an4() -> ModuleType:
    return load_script(SCRIPT)


@pytest.fixture(scope="module")
def prepared(an4: ModuleType, an4_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("an4")
    an4.prepare(an4_root, out, 0)
    return out


def small_corpus(root: Path, suffix: str, level: str) -> Path:
    """A corpus with AN4's layout and two utterances, in the audio format of `suffix`."""
    (root / "etc").mkdir(parents=True)
    (root / "etc/an4.dic").write_text("A                    AH\nA(2)                 EY\nYES                  Y EH S\n")
    (root / "etc/an4.lm").write_text("\\data\\\n")
    for part, speaker, name in (("train", "fash", "an251-fash-b"), ("test", "fcaw", "an406-fcaw-b")):
        folder = "an4_clstk" if part == "train" else "an4test_clstk"
        place = root / level / folder / speaker / f"{name}{suffix}"
        place.parent.mkdir(parents=True)
        soundfile.write(place, [0.1] * 800, 16000, format="NIST" if suffix == ".sph" else None, subtype="PCM_16")
        (root / f"etc/an4_{part}.fileids").write_text(f"{folder}/{speaker}/{name}\n")
        (root / f"etc/an4_{part}.transcription").write_text(f"<s> YES A </s> ({name})\n")
    return root


@pytest.mark.parametrize(("suffix", "level"), [(".wav", "wav"), (".sph", "."), (".flac", "wav")])
def test_each_upstream_layout_is_read(
    an4: ModuleType, tmp_path: Path, suffix: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(an4, "TRAIN_UTTERANCES", 1)
    monkeypatch.setattr(an4, "TEST_UTTERANCES", 1)
    monkeypatch.setattr(an4, "DEV_SPEAKERS", ())
    an4.prepare(small_corpus(tmp_path / "root", suffix, level), tmp_path / "out", 0)
    train = DataDir.read(tmp_path / "out/train")
    assert train.text == {"fash-an251-b": ["YES", "A"]}
    assert train.utt2spk == {"fash-an251-b": "fash"}
    assert Path(train.wavs["fash-an251-b"]).suffix == suffix
    assert validate(tmp_path / "out/train", 16000, {"YES", "A"}) == []
    assert (tmp_path / "out/local/lexicon.txt").read_text() == "A AH\nA EY\nYES Y EH S\n"


def test_a_corpus_that_is_not_whole_names_the_counts(an4: ModuleType, tmp_path: Path) -> None:
    root = small_corpus(tmp_path / "root", ".wav", "wav")
    with pytest.raises(UserError, match="1 train utterances with audio and text instead of 948"):
        an4.prepare(root, tmp_path / "out", 0)
    (root / "etc/an4_train.transcription").write_bytes(b"YES \xc9")
    with pytest.raises(UserError, match=r"an4_train.transcription:1: the byte 0xC9 is not UTF-8"):
        an4.prepare(root, tmp_path / "out", 0)
    (root / "etc/an4_train.transcription").unlink()
    with pytest.raises(UserError, match=r"an4_train.transcription cannot be read"):
        an4.prepare(root, tmp_path / "out", 0)
    assert not (tmp_path / "out").exists()


def test_a_list_of_another_layout_is_told(an4: ModuleType, tmp_path: Path) -> None:
    root = small_corpus(tmp_path / "root", ".wav", "wav")
    (root / "etc/an4_train.fileids").write_text("an251-fash-b\n")
    with pytest.raises(UserError, match=r"an4_train.fileids: 'an251-fash-b' is not SPEAKER/NAME"):
        an4.prepare(root, tmp_path / "out", 0)


@pytest.mark.parametrize("root", [None, "empty"])
def test_without_the_corpus_it_says_where_to_get_it(an4: ModuleType, tmp_path: Path, root: str | None) -> None:
    with pytest.raises(UserError, match=r"Carnegie Mellon .* licence"):
        an4.prepare(tmp_path if root else None, tmp_path / "out", 0)


def test_all_speakers_and_utterances(prepared: Path) -> None:
    parts = {part: DataDir.read(prepared / part) for part in COUNTS}
    assert {part: (len(data.wavs), len(data.spk2utt)) for part, data in parts.items()} == COUNTS
    speakers = [speaker for data in parts.values() for speaker in data.spk2utt]
    assert len(speakers) == len(set(speakers))
    assert sum(len(words) for words in parts["test"].text.values()) == 773
    assert parts["train"].text["fash-an251-b"] == ["YES"]


def test_half_of_the_speakers_may_rest(an4: ModuleType, an4_root: Path, prepared: Path, tmp_path: Path) -> None:
    an4.prepare(an4_root, tmp_path, 0, an4.Options(subset="half"))
    whole, train, rest = (
        DataDir.read(path) for path in (prepared / "train", tmp_path / "train", tmp_path / "local/rest")
    )
    assert (len(train.spk2utt), len(rest.spk2utt)) == (33, 33)
    assert whole.wavs == train.wavs | rest.wavs
    assert not {*train.utt2spk.values()} & {*rest.utt2spk.values()}
    for part in ("dev", "test"):
        assert DataDir.read(tmp_path / part).wavs == DataDir.read(prepared / part).wavs


def test_the_development_speakers_are_four_women_and_four_men(an4: ModuleType, prepared: Path) -> None:
    dev = DataDir.read(prepared / "dev").spk2utt
    assert tuple(dev) == an4.DEV_SPEAKERS
    assert [speaker[0] for speaker in dev] == ["f"] * 4 + ["m"] * 4


def test_directories_are_sound_and_no_word_is_unknown(prepared: Path) -> None:
    words = {line.split()[0] for line in (prepared / "local/lexicon.txt").read_text().splitlines()}
    assert len(words) == 101
    assert [problem for part in COUNTS for problem in validate(prepared / part, 16000, words)] == []


def test_the_dictionary_keeps_its_130_pronunciations_and_the_lm_its_bytes(prepared: Path, an4_root: Path) -> None:
    lines = (prepared / "local/lexicon.txt").read_text().splitlines()
    assert len(lines) == len(set(lines)) == 130
    assert "(" not in "".join(lines)
    assert (prepared / "local/lm.arpa").read_bytes() == (an4_root / "etc/an4.lm").read_bytes()


def test_features_of_the_test_set(prepared: Path, tmp_path: Path) -> None:
    counts = extract(prepared / "test", tmp_path, FeaturesOptions().hmm, 1)
    assert (counts.utterances, counts.frames, counts.skipped) == (130, 35440, {})


def test_it_runs_alone(an4_root: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[1])}
    run = [sys.executable, "-m", "asr_prune.local.an4"]
    subprocess.run([*run, str(an4_root), str(tmp_path / "out")], env=env, check=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["dev", "local", "test", "train"]
    shutil.rmtree(tmp_path / "out")
    run += [str(tmp_path), str(tmp_path / "out")]
    done = subprocess.run(run, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"asr_prune.local.an4: {tmp_path} is not AN4")
    assert done.stderr.count("\n") == 1
