from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from asr_prune.corpus.options import CorpusOptions
from asr_prune.errors import UserError
from asr_prune.options import options
from asr_prune.stages.script import listing, load_script, own_options

SCRIPT = """
from __future__ import annotations
from asr_prune.options import options

@options
class Options:
    #: which part
    subset: str = "all"
    #: a number
    chain: int = 1

def prepare(root, out, seed, asked):
    pass
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "my_corpus.py").write_text(SCRIPT)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "my_corpus", raising=False)
    return load_script(tmp_path / "my_corpus.py")


def test_subset_and_options_reach_the_script(script: ModuleType) -> None:
    (asked,) = own_options(script, CorpusOptions(subset="mini", options={"chain": 3}))
    assert (asked.subset, asked.chain) == ("mini", 3)
    (usual,) = own_options(script, CorpusOptions())
    assert (usual.subset, usual.chain) == ("all", 1)


def test_what_the_script_does_not_know_is_one_sentence(script: ModuleType) -> None:
    with pytest.raises(UserError, match=r"corpus.options: unknown key 'chian'; did you mean 'chain'"):
        own_options(script, CorpusOptions(options={"chian": 3}))
    plain = ModuleType("plain")
    assert own_options(plain, CorpusOptions()) == []
    with pytest.raises(UserError, match=r"corpus.subset: local/an4.py takes no options"):
        own_options(plain, CorpusOptions(prepare="local/an4.py", subset="mini"))
    with pytest.raises(UserError, match=r"corpus.options: local/an4.py takes no options"):
        own_options(plain, CorpusOptions(prepare="local/an4.py", options={"a": 1}))


def test_a_script_without_subsets_says_so() -> None:
    @options
    class Options:
        #: a number
        chain: int = 1

    script = ModuleType("chained")
    script.Options = Options  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="unknown key 'subset'"):
        own_options(script, CorpusOptions(subset="mini"))


def test_the_listing_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    seen = []
    for change in (lambda: None, (tmp_path / "a/b/one").touch, lambda: (tmp_path / "a/b/one").write_text("x")):
        change()
        seen.append(listing([tmp_path]))
        assert seen[-1] == listing([tmp_path])
    assert len(set(seen)) == 3
    assert listing([tmp_path / "a/b/one"]) == listing([tmp_path / "a/b"]) == seen[-1]
    assert listing([tmp_path / "nowhere"]) == listing([])


def test_a_script_that_is_no_python_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "broken_corpus.py").write_text("import os\ndef prepare(root out):\n")
    with pytest.raises(UserError, match=r"broken_corpus\.py line 2 is not Python"):
        load_script(tmp_path / "broken_corpus.py")
