from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import datasets
import numpy as np
import pytest
import soundfile

from asr_prune.cli.main import main
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.validate import validate
from asr_prune.errors import UserError
from asr_prune.lang.arpa import check_arpa

SPLITS = {"train": "train", "dev": "validation", "test": "test"}
PARTS = tuple(SPLITS)


def encoded(samples: np.ndarray, rate: int = 16000) -> bytes:
    soundfile.write(file := io.BytesIO(), samples, rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def row(own: Any) -> dict[str, Any]:
    sound = {"bytes": encoded(own.samples), "path": f"{own.speaker}-{own.name}.flac"}
    text = f"{' '.join(own.words).capitalize()}."
    return {"audio": sound, "sentence": text, "client_id": own.speaker, "clip": own.name}


def dataset(rows: list[dict[str, Any]]) -> datasets.Dataset:
    """As on the hub: a column of audio files' bytes, of the type that decodes when it is looked at."""
    sound = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    text = dict.fromkeys(("sentence", "client_id", "clip"), datasets.Value("string"))
    made = datasets.Dataset.from_list(rows, features=datasets.Features({"audio": sound, **text}))
    return made.cast_column("audio", datasets.Audio())


@pytest.fixture(scope="session")
def folders(spoken, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:  # type: ignore[no-untyped-def]
    """The same utterances in three forms."""
    root = tmp_path_factory.mktemp("hf")
    made = datasets.DatasetDict({SPLITS[part]: dataset([row(own) for own in spoken.sets[part]]) for part in PARTS})
    (root / "parquet/data").mkdir(parents=True)
    for split, rows in made.items():
        rows.to_parquet(root / f"parquet/data/{split}-00000-of-00001.parquet")
    for part, split in SPLITS.items():
        write_audiofolder(root / f"audiofolder/{split}", [row(own) for own in spoken.sets[part]])
    made.save_to_disk(root / "saved")
    return {name: root / name for name in ("parquet", "audiofolder", "saved")}


def write_audiofolder(folder: Path, rows: list[dict[str, Any]]) -> None:
    folder.mkdir(parents=True)
    with (folder / "metadata.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["file_name", "sentence", "client_id", "clip"])
        table.writeheader()
        for own in rows:
            (folder / own["audio"]["path"]).write_bytes(own["audio"]["bytes"])
            rest = {key: own[key] for key in ("sentence", "client_id", "clip")}
            table.writerow({"file_name": own["audio"]["path"], **rest})


@pytest.fixture
def script(local: Callable[[str], ModuleType]) -> ModuleType:
    return local("hf")


def columns(**changes: Any) -> dict[str, Any]:
    return {"text": "sentence", "speaker": "client_id", "id": "clip", "lexicon": "graphemes", **changes}


def test_from_features_to_wer(folders: dict[str, Path], spoken, to_wer: Callable) -> None:  # type: ignore[no-untyped-def]
    named = f"corpus.options={{text: sentence, speaker: client_id, lexicon: {spoken.lexicon}}}"
    result = to_wer("hf", f"corpus.root={folders['parquet']}", named)
    assert result["wer_test"] < 60
    assert check_arpa(Path("data/hf/lang/lm.arpa")).order == 3
    assert len(list(Path("data/hf/audio/test").glob("*.flac"))) == len(spoken.sets["test"])


@pytest.mark.parametrize("language", [(), ("lang.lm.order=2",)])
def test_without_a_lexicon_networks_spell(
    folders: dict[str, Path], to_wer: Callable, capsys: pytest.CaptureFixture[str], language: tuple[str, ...]
) -> None:
    options = "corpus.options={text: sentence, speaker: client_id, lexicon: ''}"
    spelling = (
        "network={type: tdnn, hidden: [48]}",
        "lang.tokens=pieces",
        "lang.pieces=40",
        "train.epochs=2",
        *language,
    )
    result = to_wer("hf", f"corpus.root={folders['parquet']}", options, *spelling)
    told = capsys.readouterr().out
    assert "the corpus has no lexicon: networks learn to spell its words" in told
    assert ("decoded greedily" in told) == (not language)
    assert result["words_test"] > 0
    assert not Path("data/hf/local/lexicon.txt").exists()


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("form", ["parquet", "audiofolder", "saved"])
def test_each_form_gives_the_same(
    folders: dict[str, Path], script: ModuleType, tmp_path: Path, form: str, streaming: bool, spoken
) -> None:  # type: ignore[no-untyped-def]
    script.prepare(folders[form], tmp_path, 0, script.Options(**columns(streaming=streaming)))
    words = {line.split()[0] for line in (tmp_path / "local/lexicon.txt").read_text().splitlines()}
    for part in PARTS:
        made = DataDir.read(tmp_path / part)
        assert made.text == {f"{own.speaker}-{own.name}": own.words for own in spoken.sets[part]}
        assert set(made.utt2spk.values()) == {own.speaker for own in spoken.sets[part]}
        for own in spoken.sets[part]:
            place = Path(made.wavs[f"{own.speaker}-{own.name}"])
            np.testing.assert_array_equal(soundfile.read(place, dtype="int16")[0], own.samples)
            assert (form == "audiofolder") == (tmp_path not in place.parents)
    assert validate(tmp_path / "train", 16000, words) == []
    assert "YES Y E S" in (tmp_path / "local/lexicon.txt").read_text().splitlines()


def test_without_a_speaker_column_and_with_a_limit(
    folders: dict[str, Path], script: ModuleType, tmp_path: Path
) -> None:
    asked = script.Options(text="sentence", lexicon="graphemes", limit=5, case="lower", punctuation="keep")
    script.prepare(folders["parquet"], tmp_path, 0, asked)
    train = DataDir.read(tmp_path / "train")
    assert list(train.utt2spk) == list(train.utt2spk.values()) == [f"train{i:07d}" for i in range(5)]
    assert all(words[-1].endswith(".") for words in train.text.values())
    assert {word for words in train.text.values() for word in words} == {
        word.lower() for words in train.text.values() for word in words
    }


def test_an_empty_split_is_held_out_by_speaker(folders: dict[str, Path], script: ModuleType, tmp_path: Path) -> None:
    script.prepare(folders["parquet"], tmp_path, 0, script.Options(**columns(dev="", test="", held_out=4)))
    speakers = {part: set(DataDir.read(tmp_path / part).utt2spk.values()) for part in PARTS}
    assert [len(speakers[part]) for part in PARTS] == [7, 3, 2]
    assert not speakers["train"] & speakers["dev"] | speakers["train"] & speakers["test"]


def test_rows_that_cannot_be_used_are_counted(
    script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = {"audio": {"bytes": encoded(np.ones(800, np.int16)), "path": None}, "sentence": "one", "client_id": "a"}
    rows = [
        {**good, "clip": "1"},
        {**good, "clip": "1"},
        {**good, "clip": "2", "sentence": "?!"},
        {**good, "clip": "3", "sentence": None},
        {**good, "clip": "4", "audio": None},
        {**good, "clip": "5", "client_id": None},
        {**good, "clip": "a b/c", "client_id": "Ann Lee", "sentence": "It\u2019s 'fine', no?"},
    ]
    datasets.DatasetDict(dict.fromkeys(SPLITS.values(), dataset(rows))).save_to_disk(tmp_path / "saved")
    script.prepare(tmp_path / "saved", tmp_path / "out", 0, script.Options(**columns()))
    train = DataDir.read(tmp_path / "out/train")
    assert train.text == {"a-1": ["ONE"], "Ann_Lee-a_b_c": ["IT'S", "FINE", "NO"]}
    assert Path(train.wavs["a-1"]).suffix == ".flac"
    for told in ("2 rows without text", "1 row without audio", "1 row without a speaker", "1 row with a repeated id"):
        assert told in caplog.text


def test_what_is_missing_is_one_sentence(folders: dict[str, Path], script: ModuleType, tmp_path: Path, spoken) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "empty").mkdir()
    cases = [
        (folders["parquet"], columns(text="words"), "no column 'words'; use one of audio, sentence, client_id, clip"),
        (folders["parquet"], columns(dev="devel"), "no split 'devel', but test, train, validation"),
        (folders["parquet"], columns(lexicon="/none.dict"), "/none.dict is not there"),
        (folders["parquet"], columns(dev="", held_out=40), "12 speakers are too few to hold out one of every 40"),
        (tmp_path / "empty", columns(), "cannot load the dataset .*choose a dataset of huggingface.co"),
        (None, columns(), "choose a dataset of huggingface.co"),
    ]
    for root, asked, said in cases:
        with pytest.raises(UserError, match=said):
            script.prepare(root, tmp_path / "out", 0, script.Options(**asked))


@pytest.mark.torchaudio
def test_a_codec_that_is_not_at_hand_is_skipped_and_counted(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folders["audiofolder"], tmp_path / "folder")
    spoilt = min((tmp_path / "folder/test").glob("*.flac"))
    spoilt.write_bytes(b"\0\0\0\x18ftypM4A mp42isom" + bytes(500))
    slow = max((tmp_path / "folder/test").glob("*.flac"))
    slow.write_bytes(encoded(soundfile.read(slow, dtype="int16")[0][::2], 8000))
    (tmp_path / "recipes").symlink_to(Path(__file__).parents[2] / "recipes")
    monkeypatch.chdir(tmp_path)
    options = "corpus.options={text: sentence, speaker: client_id, lexicon: graphemes}"
    given = ["--recipe", "recipes/hf", "--nj", "1", "--set", f"corpus.root={tmp_path}/folder", "--set", options]
    assert [main([verb, *given]) for verb in ("corpus", "features")] == [0, 0]
    told = capsys.readouterr().out
    assert "1 unreadable audio file" in told
    assert "29 utterances" in told.split("test, mfcc")[1]
    refused = [*given, "--set", "corpus.resample=false"]
    assert [main([verb, *refused]) for verb in ("corpus", "features")] == [0, 0]
    assert "28 utterances" in capsys.readouterr().out.split("test, mfcc")[1]


def test_a_test_split_without_text(
    script: ModuleType, spoken, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "in/data").mkdir(parents=True)
    for part, split in SPLITS.items():
        silent = {"sentence": ""} if part == "test" else {}
        rows = [row(own) | silent for own in spoken.sets[part][:3]]
        lost = {"audio": None, "clip": "lost"}
        rows += [rows[0] | lost] if part == "test" else []
        dataset(rows).to_parquet(tmp_path / f"in/data/{split}-00000-of-00001.parquet")
    script.prepare(tmp_path / "in", tmp_path / "out", 0, script.Options(**columns()))
    test = DataDir.read(tmp_path / "out/test")
    assert test.silent
    assert len(test.text) == 3
    assert "1 row without audio" in caplog.text
    assert "without text" not in caplog.text
