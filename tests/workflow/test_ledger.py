"""Up to date by content."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.workflow.ledger import Fingerprint, Hashes, Ledger, digest_of


def ledger_at(folder: Path) -> Ledger:
    return Ledger(folder, Hashes(folder / "hashes.json"))


def fingerprint(**changes: object) -> Fingerprint:
    usual = {
        "job": "m:f",
        "arguments": "a",
        "inputs": {"in": "1"},
        "code": {"m": "1"},
        "libraries": {"numpy": "2"},
    }
    return Fingerprint(**{**usual, **changes})  # type: ignore[arg-type]


def test_files_are_known_by_content_and_not_by_date(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a")
    hashes = Hashes(tmp_path / "hashes.json")
    before = hashes.of(tmp_path / "file")
    hashes.save()
    (tmp_path / "file").write_text("a")
    assert Hashes(tmp_path / "hashes.json").of(tmp_path / "file") == before
    (tmp_path / "file").write_text("b")
    assert Hashes(tmp_path / "hashes.json").of(tmp_path / "file") != before
    assert hashes.of(tmp_path / "none") == "missing"


@pytest.mark.parametrize(
    ("change", "words", "code_only"),
    [
        ({}, [], True),
        ({"arguments": "b"}, ["settings"], False),
        ({"inputs": {"in": "2"}}, ["in"], False),
        ({"inputs": {"in": "1", "more": "1"}}, ["more"], False),
        ({"code": {"m": "2"}}, ["code of m"], True),
        ({"libraries": {"numpy": "3"}}, ["version of numpy"], True),
        ({"job": "m:g"}, ["job"], True),
    ],
)
def test_why_a_work_is_due(tmp_path: Path, change: dict[str, object], words: list[str], code_only: bool) -> None:
    ledger = ledger_at(tmp_path)
    ledger.mark("lang", fingerprint(), [])
    recorded = ledger_at(tmp_path).recorded("lang")
    assert fingerprint(**change).changes(recorded) == words
    assert fingerprint(**change).changed_in_code_only(recorded) is code_only


@pytest.mark.parametrize("harm", ["delete", "change"])
def test_a_lost_or_changed_output_is_noticed(tmp_path: Path, harm: str) -> None:
    output = tmp_path / "out"
    output.write_text("b")
    ledger_at(tmp_path).mark("lang", fingerprint(), [output])
    assert ledger_at(tmp_path).lost_output("lang") is None
    output.unlink() if harm == "delete" else output.write_text("c")
    assert ledger_at(tmp_path).lost_output("lang") == output


def test_what_an_interrupted_work_had_done_is_kept_only_for_the_same_fingerprint(tmp_path: Path) -> None:
    ledger, done, file = ledger_at(tmp_path), tmp_path / "portions", tmp_path / "metrics.jsonl"
    for fingerprint, kept in (("one", False), ("one", True), ("two", False), ("one", False)):
        done.mkdir(exist_ok=True)
        (done / "0000").touch()
        file.touch()
        ledger.begin("train", fingerprint, [done, file, tmp_path / "none"])
        assert done.exists() == file.exists() == kept


def test_what_is_known_is_written_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    store = tmp_path / "hashes.json"
    hashes = Hashes(store)
    hashes.save()
    assert not store.exists()
    first = hashes.of(tmp_path / "file")
    hashes.save()
    assert Hashes(store).of(tmp_path / "file") == first
    store.unlink()
    hashes.save()
    again = hashes.of(tmp_path / "file")
    hashes.save()
    assert again == first
    assert not store.exists()


def test_each_stage_knows_what_its_works_wrote(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    for name in ("one", "two", "three"):
        (tmp_path / name).write_text(name)
    ledger.mark("train", fingerprint(), [tmp_path / "one"])
    ledger.mark("train-dense", fingerprint(), [tmp_path / "two"])
    ledger.mark("decode-dense", fingerprint(), [tmp_path / "three"])
    for name in ("one", "two"):
        assert ledger.written("train", tmp_path / name) == ledger.hashes.of(tmp_path / name)
    assert ledger.written("train", tmp_path / "three") is None
    assert ledger.written("trai", tmp_path / "one") is None


def test_a_digest_is_of_the_content_and_not_of_its_order() -> None:
    same = [dict(pairs) for pairs in ([("a", 1), ("b", {"c": 2})], [("b", {"c": 2}), ("a", 1)])]
    assert len({digest_of(content) for content in same}) == 1
    assert digest_of({"a": 2}) != digest_of({"a": 1})
    assert fingerprint().digest() == fingerprint().digest() != fingerprint(job="other").digest()


def test_what_is_forgotten_may_never_have_been_done(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    ledger.forget("train", [])
    ledger.mark("train", fingerprint(), [], ["asr_prune.files"])
    assert ledger.accepted() == ["train"]
    ledger.forget("train", [])
    assert ledger.recorded("train") == {}


def test_outputs_are_in_the_manifest_while_a_work_is_done(tmp_path: Path) -> None:
    made, declared = tmp_path / "exp/graph/HCLG.fst", tmp_path / "exp/graph/words.txt"
    made.parent.mkdir(parents=True)
    for path in (made, declared):
        path.write_text("b")
    ledger, manifest = ledger_at(tmp_path), made.with_name("SHA256SUMS")
    ledger.mark("graph-tri", fingerprint(), [made, declared, made.with_name("none")])
    assert [line.split()[-1] for line in manifest.read_text().splitlines()] == ["graph", "HCLG.fst", "words.txt"]
    ledger.forget("graph-tri", [declared])
    assert not manifest.exists()
