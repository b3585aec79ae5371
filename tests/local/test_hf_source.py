"""The layouts in which people keep transcribed audio; every cell of their tables is text."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile

from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError

#: transcripts that readers which guess take for nothing, numbers, dates or truth values
WORDS = ["NA", "null", "None", "nan", "NaN", "n a", "007", "1e3", "true", "no", "1 000", "2019 01 02", "inf", "0"]
SPLITS = {"train": "train", "dev": "validation", "test": "test"}


@pytest.fixture
def script(local: Callable[[str], ModuleType]) -> ModuleType:
    return local("hf")


def tone(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.ones(160, np.int16), 16000)
    return path


def rows(folder: Path, named: Callable[[int], str] = "{}.wav".format) -> list[tuple[str, str]]:
    """(path from `folder`, text) of audio files that are written there."""
    for number in range(len(WORDS)):
        tone(folder / named(number))
    return [(named(number), word) for number, word in enumerate(WORDS)]


def write(path: Path, cells: Iterable[Sequence[str]], columns: Sequence[str] = ("audio", "text")) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jsonl":
        lines = (json.dumps(dict(zip(columns, row, strict=True))) for row in cells)
        path.write_text("".join(f"{line}\n" for line in lines))
        return
    if path.suffix == ".parquet":
        pq.write_table(pa.table(dict(zip(columns, map(list, zip(*cells, strict=True)), strict=True))), path)
        return
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerows([columns, *cells])


def prepared(script: ModuleType, root: Path, **options: Any) -> dict[str, DataDir]:
    out = root.parent / "out"
    given = {"case": "keep", "lexicon": "graphemes", **options}
    script.prepare(root, out, 0, script.Options(**given))
    return {part: DataDir.read(out / part) for part in SPLITS}


def check(sets: dict[str, DataDir], root: Path) -> None:
    """Every word arrived, with audio of its own split."""
    for part, split in SPLITS.items():
        assert sorted(map(" ".join, sets[part].text.values())) == sorted(WORDS)
        for key, place in sets[part].wavs.items():
            assert split in str(Path(place).relative_to(root)).removeprefix("test_of_mine"), key


META = ("file_name", "text")


def csv_of_paths(root: Path, end: str) -> None:
    for split in SPLITS.values():
        write(root / f"{split}{end}", rows(root, f"clips/{split}{{}}.wav".format))


def csv_of_absolute_paths(root: Path, end: str) -> None:
    for split in SPLITS.values():
        cells = [(str(root / name), text) for name, text in rows(root, f"{split}-{{}}.wav".format)]
        write(root / f"tables/{split}{end}", cells)


def audiofolder(root: Path, end: str) -> None:
    for split in SPLITS.values():
        write(root / f"{split}/metadata{end}", rows(root / split), META)


def audiofolder_in_data(root: Path, end: str) -> None:
    for split in SPLITS.values():
        write(root / f"data/{split}/metadata{end}", rows(root / "data" / split), META)


def metadata_at_the_root(root: Path, end: str) -> None:
    cells = [row for split in SPLITS.values() for row in rows(root, f"{split}/{{}}.wav".format)]
    write(root / f"metadata{end}", cells[::3] + cells[1::3] + cells[2::3], META)


def metadata_of_data(root: Path, end: str) -> None:
    cells = [row for split in SPLITS.values() for row in rows(root, f"data/{split}/a/{{}}.wav".format)]
    write(root / f"table{end}", cells)


def shards(root: Path, end: str) -> None:
    for split in SPLITS.values():
        cells = rows(root, f"audio/{split}{{}}.wav".format)
        write(root / f"data/{split}-00000-of-00002{end}", cells[::2])
        write(root / f"data/{split}-00001-of-00002{end}", cells[1::2])


def absolute_paths_at_the_root(root: Path, end: str) -> None:
    cells = [row for split in SPLITS.values() for row in rows(root, f"test_of_mine/{split}/{{}}.wav".format)]
    write(root / f"all{end}", [(str(root / name), text) for name, text in cells])


LAYOUTS = [
    *(csv_of_paths, csv_of_absolute_paths, audiofolder, audiofolder_in_data),
    *(metadata_at_the_root, metadata_of_data, absolute_paths_at_the_root, shards),
]


@pytest.mark.parametrize("end", [".csv", ".tsv", ".jsonl"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_word_of_every_layout_arrives(
    script: ModuleType, tmp_path: Path, layout: Callable[[Path, str], None], end: str
) -> None:
    layout(tmp_path / "root", end)
    check(prepared(script, tmp_path / "root"), tmp_path / "root")


@pytest.mark.parametrize("layout", [csv_of_paths, audiofolder_in_data, shards])
def test_paths_in_parquet_are_relative_to_the_file_or_the_root(
    script: ModuleType, tmp_path: Path, layout: Callable[[Path, str], None]
) -> None:
    layout(tmp_path / "root", ".parquet")
    check(prepared(script, tmp_path / "root"), tmp_path / "root")


def test_each_split_may_have_a_table_of_its_own_kind(script: ModuleType, tmp_path: Path) -> None:
    for split, end in zip(SPLITS.values(), (".csv", ".jsonl", ".parquet"), strict=True):
        write(tmp_path / f"root/{split}{end}", rows(tmp_path / "root", f"{split}/{{}}.wav".format))
    check(prepared(script, tmp_path / "root"), tmp_path / "root")


def test_common_voice(script: ModuleType, tmp_path: Path) -> None:
    root = tmp_path / "cv/en"
    for name, split in {"train": "train", "dev": "validation", "test": "test", "validated": "other"}.items():
        cells = [(path, text) for path, text in rows(root / "clips", f"{split}{{}}.wav".format)]
        cells[3] = (cells[3][0], '"nan')
        write_plain(root / f"{name}.tsv", [("path", "sentence"), *cells])
    (root / "clip_durations.tsv").write_text("clip\tduration[ms]\na.mp3\t7\n")
    check(prepared(script, root, audio="path", text="sentence"), root)
    check(prepared(script, root, audio="path", text="sentence", dev="dev"), root)


def write_plain(path: Path, cells: Iterable[Sequence[str]]) -> None:
    path.write_text("".join("\t".join(row) + "\n" for row in cells))


def test_a_folder_per_configuration(script: ModuleType, tmp_path: Path) -> None:
    for language in ("de", "en"):
        csv_of_paths(tmp_path / "root" / language, ".tsv")
    sets = prepared(script, tmp_path / "root", config="de")
    check(sets, tmp_path / "root")
    assert all("/root/de/" in place for data in sets.values() for place in data.wavs.values())


def test_a_table_may_be_the_root(script: ModuleType, tmp_path: Path) -> None:
    write(tmp_path / "mine/all.csv", rows(tmp_path / "mine"))
    sets = prepared(script, tmp_path / "mine/all.csv", dev="", test="", held_out=4)
    assert [len(sets[part].text) for part in SPLITS] == [7, 4, 3]


def test_a_split_of_any_name(script: ModuleType, tmp_path: Path) -> None:
    for name in ("dev-clean", "dev-other", "train-clean-5", "test"):
        write(tmp_path / f"root/{name}.csv", rows(tmp_path / "root", f"{name}/{{}}.wav".format))
    sets = prepared(script, tmp_path / "root", dev="dev-other", train="train-clean-5")
    assert all("/dev-other/" in place for place in sets["dev"].wavs.values())
    with pytest.raises(UserError, match="no split 'dev-noisy', but test, train, validation"):
        prepared(script, tmp_path / "root", dev="dev-noisy")


def test_numbers_and_nulls_of_json(script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = tmp_path / "root"
    lines = ['"null"', "null", "7", "1e3", "0", "true", "NaN", '""', "1.50", '{"a": 1}']
    for split in SPLITS.values():
        texts = [f'{{"audio": "{tone(root / f"{i}.wav").name}", "text": {text}}}' for i, text in enumerate(lines)]
        (root / f"{split}.json").write_text(f"[{','.join(texts)}]" if split == "test" else "\n".join(texts))
    sets = prepared(script, root, punctuation="keep")
    for data in sets.values():
        assert [" ".join(words) for words in data.text.values()] == ["null", "7", "1e3", "0", "true", "1.50"]
    assert "3 rows without text" in caplog.text
    assert "1 row whose text is no text" in caplog.text


def test_numbers_and_labels_of_parquet(script: ModuleType, tmp_path: Path) -> None:
    import datasets

    names = [tone(tmp_path / f"root/{i}.wav").name for i in range(4)]
    labels = datasets.ClassLabel(names=["null", "one"])
    kinds = datasets.Features({"audio": datasets.Value("string"), "text": labels, "digit": datasets.Value("int64")})
    made = datasets.Dataset.from_dict({"audio": names, "text": [0, 1, 0, 1], "digit": [0, 7, None, 1]}, features=kinds)
    for split in SPLITS.values():
        made.to_parquet(tmp_path / f"root/data/{split}-00000-of-00001.parquet")
    assert list(prepared(script, tmp_path / "root")["train"].text.values()) == [["null"], ["one"]] * 2
    shutil.rmtree(tmp_path / "out")
    assert list(prepared(script, tmp_path / "root", text="digit")["dev"].text.values()) == [["0"], ["7"], ["1"]]


def test_configurations_of_a_readme(script: ModuleType, tmp_path: Path) -> None:
    page = ["---", "configs:"]
    for name in ("en", "de"):
        page += [f"- config_name: {name}", "  data_files:"]
        for split in SPLITS.values():
            cells = rows(tmp_path / f"root/{name}", f"{split}{{}}.wav".format)
            write(tmp_path / f"root/{name}/{split}.parquet", [(path, f"{name} {text}") for path, text in cells])
            page += [f"  - split: {split}", f"    path: {name}/{split}.parquet"]
    (tmp_path / "root/README.md").write_text("\n".join([*page, "---", ""]))
    sets = prepared(script, tmp_path / "root", config="de")
    assert {words[0] for words in sets["test"].text.values()} == {"de"}
    assert len(sets["test"].text) == len(WORDS)


def test_what_datasets_would_guess_is_read_here(local: Callable[[str], ModuleType], tmp_path: Path) -> None:
    write(tmp_path / "root/train.csv", [(f"/{word}.wav", word) for word in WORDS])
    options = local("hf_options").Options()
    found = local("hf_datasets").loaded(tmp_path / "root", options, tmp_path / "cache")
    table = local("hf_tables").read_rows(found["train"][0])
    assert [row["text"] for _, row in table] == WORDS


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("train.csv", b'audio,text\n0.wav,one\n1.wav,"two\n', r"train\.csv:\d is not csv"),
        ("train.csv", b'audio,text\n0.wav,"one" two\n', r"train\.csv:2 is not csv"),
        ("train.csv", b"audio,text,text\n0.wav,a,b\n", "two columns named 'text'"),
        ("train.csv", b"", r"train\.csv is empty"),
        ("train.csv", b"audio;text\n0.wav;one\n", "one column, 'audio;text'; separate cells by commas"),
        ("train.tsv", b"audio,text\n0.wav,one\n", "one column, 'audio,text'; separate cells by tabs, not by ','"),
        ("train.csv", "audio,text\n0.wav,caf\u00e9\n".encode("latin-1"), "train.csv:2: the byte 0xE9 is not UTF-8"),
        ("train.csv", b"audio,sentence\n0.wav,one\n", "no column 'text'; use one of audio, sentence as corpus"),
        ("train.csv", b"audio,text\n9.wav,one\n", r"1 row whose audio file does not exist \(first: .*9\.wav\)"),
        ("train.csv", b"audio,text\n0.wav,one, two\n", "1 row with more or fewer cells than there are columns"),
        ("train.csv", b"audio,text\n", "no row has both audio and text: there are no rows"),
        ("train.csv", b"audio,text\n0.wav,caf\xef\xbf\xbd\n", r"1 row whose text was decoded wrongly \(U\+FFFD\)"),
        ("train.csv", b'audio,text\n"a\nb",one\n', "1 row whose audio path has control characters"),
        ("train.jsonl", b'{"audio": "0.wav", "text": "one"}\n{"audio"\n', r"train\.jsonl:2 is not JSON"),
        ("train.jsonl", b'["0.wav", "one"]\n', r"train\.jsonl:1 is not a JSON object"),
        ("train.jsonl", b'{"audio": {"array": [0]}, "text": "one"}', "1 row whose audio is neither a path nor"),
        ("train.jsonl", b'{"audio": 7.5, "text": "one"}', "whose audio file does not exist"),
        ("data/train-00000-of-00001.parquet", b"PAR1 no", "cannot (be read|load)"),
        ("metadata.csv", b"file_name,text\n0.wav,one\n", "no split 'validation', but train"),
        ("other.csv", b"audio,text\n", "no split 'train', but "),
        ("notes.txt", b"one", "has audio files, but no table of their transcripts; write metadata"),
    ],
)
def test_what_is_wrong_is_one_true_sentence(
    script: ModuleType, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    tone(tmp_path / "root/0.wav")
    (tmp_path / "root" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "root" / name).write_bytes(content)
    with pytest.raises(UserError, match=said) as error:
        prepared(script, tmp_path / "root")
    assert "\n" not in str(error.value)


def test_rows_that_are_left_out_are_counted_and_one_is_named(
    script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for split in SPLITS.values():
        cells = [("gone.wav", "a"), ("lost.wav", "b"), *rows(tmp_path / "root", f"{split}/{{}}.wav".format), ("", "x")]
        write(tmp_path / f"root/{split}.csv", cells)
    check(prepared(script, tmp_path / "root"), tmp_path / "root")
    first = f"(first: {tmp_path}/root/train.csv:2: {tmp_path}/root/gone.wav)"
    assert f"2 rows whose audio file does not exist {first}, left out" in caplog.text
    assert f"1 row without audio (first: {tmp_path}/root/train.csv:18), left out" in caplog.text


def test_files_in_the_folder_of_no_split_are_counted(
    script: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    metadata_at_the_root(tmp_path / "root", ".csv")
    tone(tmp_path / "root/spare/a.wav")
    with (tmp_path / "root/metadata.csv").open("a") as file:
        file.write("spare/a.wav,spare\n")
    check(prepared(script, tmp_path / "root"), tmp_path / "root")
    assert caplog.text.count("1 row whose audio is in the folder of no split, left out") == 1
