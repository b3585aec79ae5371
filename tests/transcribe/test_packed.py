"""A packed model that is damaged, changed or of another version is refused and gives no words."""

from __future__ import annotations

import json
import pickle
import random
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

import asr_prune
from asr_prune.errors import UserError
from asr_prune.transcribe.packed import CARD, PARTS, PackedFile

from .projects import Printed, said

pytestmark = pytest.mark.trains


def _spans(path: Path) -> dict[str, range]:
    """Where in the file each part is, with its header; and the directory of the zip."""
    with zipfile.ZipFile(path) as archive:
        infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
        ends = [*(info.header_offset for info in infos[1:]), archive.start_dir]
        pairs = zip(infos, ends, strict=True)
        spans = {info.filename: range(info.header_offset, end) for info, end in pairs}
        return spans | {"directory": range(archive.start_dir, path.stat().st_size)}


def test_flipped_bytes_give_no_words(case: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    """Twenty in each part, the last of them by the command line, whose words must stay away."""
    whole, dice = case.packed.read_bytes(), random.Random(0)
    flipped = tmp_path / "flipped.asr"
    for name, span in _spans(case.packed).items():
        for _ in range(20):
            data = bytearray(whole)
            data[dice.choice(span)] ^= dice.randrange(1, 256)
            flipped.write_bytes(data)
            with pytest.raises(UserError) as caught:
                asr_prune.load(flipped, nj=1)
            assert str(caught.value).count("\n") == 0, name
        status, out, err = said(capsys, flipped, case.wavs[0])
        assert (status, out, err.count("\n")) == (1, "", 1), name


def test_a_file_that_ends_early_or_late_is_refused(fbank: SimpleNamespace, tmp_path: Path) -> None:
    whole, changed = fbank.packed.read_bytes(), tmp_path / "changed.asr"
    for data in (b"", whole[:1], whole[:-1], whole[:-64], whole[: len(whole) // 2], whole + b"a"):
        changed.write_bytes(data)
        with pytest.raises(UserError, match="is damaged or no file of asr-prune pack"):
            asr_prune.load(changed)


def _rewritten(path: Path, out: Path, change: dict[str, bytes], card: dict | None = None) -> None:
    """The same parts with some replaced or added, zipped anew."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        parts = {name: old.read(name) for name in old.namelist()} | change
        parts[CARD] = json.dumps(json.loads(parts[CARD]) | (card or {})).encode()
        for name, data in parts.items():
            new.writestr(name, data)


def test_newer_versions_are_refused(fbank: SimpleNamespace, capsys: Printed, tmp_path: Path) -> None:
    _rewritten(fbank.packed, newer := tmp_path / "newer.asr", {}, {"format": 2})
    status, out, err = said(capsys, newer, fbank.wav)
    assert (status, out) == (1, "")
    assert "has format 2 and this asr_prune reads formats up to 1; update asr_prune." in err
    for wrong in (0, "1", None, 1.5):
        _rewritten(fbank.packed, newer, {}, {"format": wrong})
        with pytest.raises(UserError, match="is damaged or no file of asr-prune pack"):
            PackedFile.open(newer)


def test_parts_that_do_not_belong_there_are_refused(fbank: SimpleNamespace, tmp_path: Path) -> None:
    changed = tmp_path / "changed.asr"
    for name in ("../../evil.txt", "/etc/evil", "run.py", "hmm/../graph/HCLG.fst"):
        _rewritten(fbank.packed, changed, {name: b"x"})
        with pytest.raises(UserError, match="which packed models do not have"):
            PackedFile.open(changed)
    _rewritten(fbank.packed, changed, {})
    with pytest.raises(UserError, match="is damaged or no file of"):  # the seal is missing
        PackedFile.open(changed)
    _rewritten(fbank.packed, changed, {"lang/tokens.txt": b"unlisted"})
    with pytest.raises(UserError, match="is damaged or no file of"):
        PackedFile.open(changed)
    assert list(tmp_path.iterdir()) == [changed]


def test_parts_that_unpack_to_far_more_are_refused(fbank: SimpleNamespace, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.asr"
    _rewritten(fbank.packed, bomb, {"graph/HCLG.fst": bytes(1 << 26)})
    with pytest.raises(UserError, match="would unpack to 67108864 bytes"):
        PackedFile.open(bomb)
    card = PackedFile.open(fbank.packed).card
    card["parts"]["graph/HCLG.fst"] = [1 << 26, "0" * 64]
    _rewritten(fbank.packed, bomb, {"graph/HCLG.fst": bytes(1 << 26)}, card)
    with pytest.raises(UserError, match="would unpack to 67108864 bytes"):
        PackedFile.open(bomb)


def test_folders_in_a_packed_model_can_be_sent_to_other_processes(fbank: SimpleNamespace) -> None:
    graph = PackedFile.open(fbank.packed).root / "graph"
    words = pickle.loads(pickle.dumps(graph)) / "words.txt"
    assert str(words) == f"{fbank.packed}/graph/words.txt"
    assert words.read_text() == (graph / "words.txt").read_text()
    assert not (graph / "absent").is_file()
    with pytest.raises(FileNotFoundError):
        (graph / "absent").read_bytes()


def test_parts_are_those_that_readers_know() -> None:
    assert all(not name.startswith(("/", ".")) and ".." not in name for name in PARTS)
