from __future__ import annotations

import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.corpus.datadir import DataDir, c_order, read_table
from asr_prune.corpus.fix import fix
from asr_prune.corpus.validate import validate
from asr_prune.errors import UserError

ids = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=8)
words = st.lists(ids, max_size=5)


@given(st.dictionaries(ids, st.tuples(words, ids), max_size=20))
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, table: dict) -> None:
    path = tmp_path_factory.mktemp("data")
    made = DataDir(
        path,
        {key: f"/corpus/{key.replace('|', '')}.wav" for key in table},
        {key: text for key, (text, _) in table.items()},
        {key: speaker for key, (_, speaker) in table.items()},
    )
    made.write()
    assert DataDir.read(path) == made


def test_files_are_sorted_as_the_c_locale_sorts(data: DataDir) -> None:
    for name in ("wav.scp", "text", "utt2spk", "spk2utt"):
        subprocess.run(["sort", "-c", str(data.path / name)], env={"LC_ALL": "C"}, check=True)


@given(st.lists(ids))
def test_c_order_is_the_order_of_the_bytes(keys: list[str]) -> None:
    assert [key.encode() for key in sorted(keys, key=c_order)] == sorted(key.encode() for key in keys)


def test_spk2utt_groups_utt2spk(data: DataDir) -> None:
    assert data.spk2utt == {"ann": ["ann-1", "ann-2", "ann-3"], "bob": ["bob-1", "bob-2", "bob-3"]}
    assert read_table(data.path / "spk2utt")["bob"] == "bob-1 bob-2 bob-3"


def test_subset_keeps_three_tables_in_step(data: DataDir, tmp_path: Path) -> None:
    few = data.subset(["bob-2"], tmp_path / "few")
    assert (list(few.wavs), list(few.text), few.utt2spk, few.path.name) == (
        ["bob-2"],
        ["bob-2"],
        {"bob-2": "bob"},
        "few",
    )


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("text", None, "text is missing; correct its path"),
        ("text", "ann-1 YES\nann-1 NO\n", "line 2 repeats ann-1"),
        ("utt2spk", "ann-1 ann\n\n", "line 2 is blank"),
        ("text", "ann-1 YES\n", "differ in 5 utterances"),
        ("wav.scp", "ann-1 sox a.wav -t wav - |\n", "ann-1 is a pipe"),
    ],
)
def test_a_spoiled_file_is_one_sentence(data: DataDir, name: str, content: str | None, says: str) -> None:
    (data.path / name).unlink()
    if content is not None:
        (data.path / name).write_text(content)
    if name == "wav.scp":
        data.subset(["ann-1"]).write()
        (data.path / name).write_text(content or "")
    with pytest.raises(UserError, match=says):
        DataDir.read(data.path)


def test_other_encodings_are_refused(data: DataDir) -> None:
    (data.path / "text").write_bytes("ann-1 Grüße\n".encode("latin-1"))
    with pytest.raises(UserError, match="is not UTF-8"):
        DataDir.read(data.path)


TABLES = ("wav.scp", "text", "utt2spk", "spk2utt", "segments")
signs = st.text(st.sampled_from("ab1.- |\t\r\n\0\x1c\u00a0\ufeff"), max_size=30)


@given(st.fixed_dictionaries(dict.fromkeys(TABLES[:-1], signs), optional={"segments": signs}))
def test_any_tables_are_read_or_refused(tables: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for table, content in tables.items():
            (folder / table).write_bytes(content.encode())
        assert all(isinstance(problem, str) for problem in validate(folder, decode=False))
        with suppress(UserError):
            data = DataDir.read(folder)
            assert data.text.keys() == data.utt2spk.keys()
            assert not any(blank in key for key in data.text for blank in " \t\r\n")
        with suppress(UserError):
            fix(folder)
