"""Up to date by content; one process at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.workflow.ledger import Hashes, Ledger, code_digest


def ledger_at(folder: Path) -> Ledger:
    return Ledger(folder, Hashes(folder / "hashes.json"))


def test_done_follows_content_and_not_dates(tmp_path: Path) -> None:
    source, made = tmp_path / "in", tmp_path / "out"
    source.write_text("a")
    made.write_text("b")
    ledger = ledger_at(tmp_path)
    now = ledger.fingerprint("lang", {"x": 1}, [source], [])
    assert not ledger.is_done("lang", now)
    ledger.mark("lang", now, [made])
    source.write_text("a")
    assert ledger_at(tmp_path).is_done("lang", ledger_at(tmp_path).fingerprint("lang", {"x": 1}, [source], []))
    source.write_text("changed")
    assert not ledger.is_done("lang", ledger.fingerprint("lang", {"x": 1}, [source], []))
    source.write_text("a")
    assert not ledger.is_done("lang", ledger.fingerprint("lang", {"x": 2}, [source], []))


@pytest.mark.parametrize("harm", ["delete", "change"])
def test_a_lost_or_changed_output_is_made_again(tmp_path: Path, harm: str) -> None:
    made = tmp_path / "out"
    made.write_text("b")
    ledger_at(tmp_path).mark("lang", "f", [made])
    made.unlink() if harm == "delete" else made.write_text("c")
    assert not ledger_at(tmp_path).is_done("lang", "f")


def test_an_interrupted_stage_may_go_on_only_with_the_same_fingerprint(tmp_path: Path) -> None:
    ledger = ledger_at(tmp_path)
    assert not ledger.begin("train", "one")
    assert ledger.begin("train", "one")
    assert not ledger.begin("train", "two")


def test_code_counts_without_its_comments(tmp_path: Path) -> None:
    texts = [
        "def f():\n    return 1\n",
        'def f():\n    """Says one."""\n    # one\n    return 1\n',
        "def f():\n    return 2\n",
    ]
    digests = []
    for i, text in enumerate(texts):
        (tmp_path / f"{i}.py").write_text(text)
        digests.append(code_digest(str(tmp_path / f"{i}.py")))
    assert digests[0] == digests[1] != digests[2]
