"""What the structure of the package promises, counted by tests/house.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

import house

ROOT = Path(__file__).resolve().parent.parent

SIDE_EFFECTS = """
import logging, os, signal, sys, threading
forks = []
register = os.register_at_fork
def noted(**hooks):
    forks.append(sys._getframe(1).f_globals.get("__name__", ""))
    register(**hooks)
os.register_at_fork = noted
before = dict(os.environ), list(sys.path), signal.getsignal(signal.SIGINT), threading.active_count()
import asr_prune
after = dict(os.environ), list(sys.path), signal.getsignal(signal.SIGINT), threading.active_count()
assert after == before, (before, after)
assert not logging.getLogger().handlers, logging.getLogger().handlers
assert not [name for name in forks if name.startswith("asr_prune")], forks
"""


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    figures: dict[str, Any] = house.figures(ROOT)
    return figures


def test_no_room_imports_a_higher_one(found: dict[str, Any]) -> None:
    assert found["upward"] == {"run": [], "types": []}


def test_imports_inside_functions_have_a_reason(found: dict[str, Any]) -> None:
    places = found["lazy"]["nothing"]
    assert len(places) < 30, places


def test_code_that_counts_is_found_and_not_typed(found: dict[str, Any]) -> None:
    assert found["code_lists"] == []


def test_text_of_people_is_read_by_one_module(found: dict[str, Any]) -> None:
    """str.split(), strip() and splitlines() see blanks that C++ tools do not: use asr_prune.text."""
    assert found["blanks"] == []


def test_a_public_name_is_in_one_module(found: dict[str, Any]) -> None:
    assert found["doubled"] == {}


def test_lines_are_short(found: dict[str, Any]) -> None:
    assert found["wide_lines"] < 3


def test_files_are_short(found: dict[str, Any]) -> None:
    assert found["long_files"] == {}


def test_functions_are_short(found: dict[str, Any]) -> None:
    assert found["functions"]["median"] <= 12
    assert found["functions"]["p90"] <= 15


def test_importing_the_package_changes_nothing_else() -> None:
    command = [sys.executable, "-c", SIDE_EFFECTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


SOURCES = {
    "__init__.py": "",
    "corpus/__init__.py": "",
    "corpus/sets.py": "from asr_prune.stages.data import work\n",
    "lang/__init__.py": "",
    "lang/fst.py": "import kaldifst\n\n\ndef shared() -> None:\n    pass\n",
    "lang/words.py": "import logging\n\nlog = logging.getLogger(__name__)\n",
    "acoustic/__init__.py": "",
    "acoustic/network.py": "import torch\n",
    "stages/__init__.py": "",
    "stages/data.py": '''from __future__ import annotations
import logging
from typing import TYPE_CHECKING

from ..lang import words

if TYPE_CHECKING:
    from asr_prune.cli.main import main

log = logging.getLogger(__name__)
shared: int = 1


def work() -> None:
    """Three lines
    of a
    docstring."""
    from asr_prune.acoustic import network
    from asr_prune.corpus.sets import sets
    from asr_prune.lang.fst import shared

    code = ["lang/fst.py", "lang"]
    Work("lang", ["lang"], code)
    names = ["lang", "corpus"]
''',
    "lang/table.py": """import json

rows = [line.split() for line in open("a").read().splitlines()]
pairs = [line.split(" ") for line in map(str.strip, rows)]
text, facts = path.read_text(), json.loads(path.read_text())
""",
    "acoustic/table.py": "words = text.split()\n",
    "cli/__init__.py": "",
    "cli/main.py": "def main() -> None:\n    pass\n",
}


def test_the_counter_counts(tmp_path: Path) -> None:
    for name, text in SOURCES.items():
        path = tmp_path / "asr_prune" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = house.figures(tmp_path)
    data = "asr_prune/stages/data.py"
    assert found["upward"] == {
        "run": ["asr_prune/corpus/sets.py:1 -> asr_prune.stages.data"],
        "types": [f"{data}:8 -> asr_prune.cli.main"],
    }
    assert found["lazy"] == {
        "library": [f"{data}:20 -> asr_prune.lang.fst"],
        "torch": [f"{data}:18 -> asr_prune.acoustic.network"],
        "nothing": [f"{data}:19 -> asr_prune.corpus.sets"],
    }
    assert found["code_lists"] == [f"{data}:22", f"{data}:23"]
    assert found["doubled"] == {"shared": ["asr_prune/lang/fst.py", data]}
    assert found["blanks"] == [f"asr_prune/lang/table.py:{line}" for line in (3, 3, 4, 5)]
    assert found["functions"]["max"] == 8
    assert found["rooms"] == {"acoustic": 3, "cli": 2, "corpus": 2, "lang": 4, "stages": 2}
    assert "rooms                 5: acoustic 3" in house.table(found)
