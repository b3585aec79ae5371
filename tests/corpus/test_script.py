from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest

from asr_prune.corpus.options import CorpusOptions
from asr_prune.corpus.script import (
    CorpusNotFound,
    find_script,
    load_script,
    option_names,
    read_options,
    run_prepare,
    run_script,
    script_files,
    script_name,
    script_options,
)
from asr_prune.errors import UserError
from asr_prune.files import listing
from asr_prune.options import options

LOCAL = Path(__file__).resolve().parents[2] / "local"


@options
class Asked:
    #: a choice
    subset: Literal["mini", "all"] = "all"
    #: a number
    chain: int = 1
    #: a file
    lexicon: Path | None = None
    #: a word
    text: str = "text"

    def __post_init__(self) -> None:
        if self.chain < 1:
            raise ValueError(f"chain must be 1 or more, not {self.chain}")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"chian": 2}, "corpus.options: unknown key 'chian'; did you mean 'chain'?"),
        ({"chain": "two"}, r"corpus.options: chain: input should be a valid integer.* \(got 'two'\)."),
        ({"subset": "maxi"}, r"corpus.options: subset: input should be 'mini' or 'all' \(got 'maxi'\)."),
        ({"chain": 0}, "corpus.options: chain must be 1 or more, not 0."),
    ],
)
def test_mistakes_are_one_sentence(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_options(Asked, given)


def test_the_command_line_has_an_option_for_each_field(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[Any] = []
    words = ["x.py", "/corpus", str(tmp_path), "--subset", "mini", "--chain", "3", "--seed", "7", "--lexicon", "a.dict"]
    monkeypatch.setattr(sys, "argv", words)
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    run_script("local/x.py", lambda *given: seen.extend(given), Asked)
    assert seen == [Path("/corpus"), tmp_path, 7, Asked(subset="mini", chain=3, lexicon=Path("a.dict"))]
    monkeypatch.setattr(sys, "argv", [*words, "--chain", "0"])
    with pytest.raises(SystemExit, match=r"^local/x\.py: chain must be 1 or more, not 0"):
        run_script("local/x.py", lambda *given: None, Asked)


@pytest.mark.parametrize("word", ["null", "NO", "007", "1e3", "true", "~", "", "[x", "12:30"])
def test_words_on_the_command_line_stay_as_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, word: str) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(sys, "argv", ["x.py", "/corpus", str(tmp_path), "--text", word])
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    run_script("local/x.py", lambda *given: seen.extend(given), Asked)
    assert seen[-1].text == word


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
def script(tmp_path: Path) -> ModuleType:
    (tmp_path / "my_corpus.py").write_text(SCRIPT)
    return load_script(tmp_path / "my_corpus.py")


def test_subset_and_options_reach_the_script(script: ModuleType) -> None:
    (asked,) = script_options(script, CorpusOptions(subset="mini", options={"chain": 3}))
    assert (asked.subset, asked.chain) == ("mini", 3)
    (usual,) = script_options(script, CorpusOptions())
    assert (usual.subset, usual.chain) == ("all", 1)


def test_what_the_script_does_not_know_is_one_sentence(script: ModuleType) -> None:
    with pytest.raises(UserError, match=r"corpus.options: unknown key 'chian'; did you mean 'chain'"):
        script_options(script, CorpusOptions(options={"chian": 3}))
    plain = ModuleType("plain")
    assert script_options(plain, CorpusOptions()) == []
    with pytest.raises(UserError, match=r"corpus.subset: local/an4.py takes no options"):
        script_options(plain, CorpusOptions(prepare="local/an4.py", subset="mini"))
    with pytest.raises(UserError, match=r"corpus.options: local/an4.py takes no options"):
        script_options(plain, CorpusOptions(prepare="local/an4.py", options={"a": 1}))


def test_a_script_without_subsets_says_so() -> None:
    @options
    class Options:
        #: a number
        chain: int = 1

    script = ModuleType("chained")
    script.Options = Options  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="unknown key 'subset'"):
        script_options(script, CorpusOptions(subset="mini"))


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


def test_a_script_that_is_no_python_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken_corpus.py").write_text("import os\ndef prepare(root out):\n")
    with pytest.raises(UserError, match=r"broken_corpus\.py line 2 is not Python"):
        load_script(tmp_path / "broken_corpus.py")


def write(folder: Path, **files: str) -> Path:
    """A folder of Python files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_scripts_of_the_same_name_and_their_neighbours_do_not_meet(tmp_path: Path) -> None:
    path, names = list(sys.path), {name for name in sys.modules if "." not in name}
    scripts = []
    for folder in ("one", "two", "with.dots and blanks"):
        place = write(tmp_path / folder, mine="from .words import NAME\n", words=f"NAME = {folder!r}\n")
        scripts.append(load_script(place / "mine.py"))
    assert [script.NAME for script in scripts] == ["one", "two", "with.dots and blanks"]
    assert sys.path == path
    assert {name for name in sys.modules if "." not in name} == names


def test_a_folder_that_is_a_package_stays_one(tmp_path: Path) -> None:
    place = write(tmp_path / "pack", __init__="SHARED = 3\n", mine="from . import SHARED\nfrom .deep.leaf import X\n")
    write(place / "deep", leaf="from ..other import X\n")
    write(place, other="X = 4\n")
    script = load_script(place / "mine.py")
    assert (script.SHARED, script.X) == (3, 4)


def test_a_changed_script_is_read_again_with_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path, mine="from .words import NAME\n", words="NAME = 'before'\n")
    assert load_script(tmp_path / "mine.py").NAME == "before"
    (tmp_path / "words.py").write_text("NAME = 'then'\n")
    assert load_script(tmp_path / "mine.py").NAME == "then"


def test_spawned_processes_find_what_a_script_defines(tmp_path: Path) -> None:
    write(tmp_path, mine="from .words import double\n", words="def double(x):\n    return 2 * x\n")
    script = load_script(tmp_path / "mine.py")
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        assert list(pool.map(script.double, [1, 2])) == [2, 4]
    assert pickle.loads(pickle.dumps(script.double)) is script.double


@pytest.mark.parametrize("line", ["from words import NAME", "import words"])
def test_a_neighbour_by_its_bare_name_is_one_sentence(tmp_path: Path, line: str) -> None:
    write(tmp_path, mine=f"import os\n{line}\n", words="NAME = 1\n")
    with pytest.raises(UserError, match=r"mine\.py line 2 imports .* words by its bare name; write `from \.w"):
        load_script(tmp_path / "mine.py")
    write(tmp_path, mine="import no_such_module_anywhere\n")
    with pytest.raises(ModuleNotFoundError):
        load_script(tmp_path / "mine.py")


def test_what_is_no_python_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "script.sh").write_text("exit 0\n")
    with pytest.raises(UserError, match="is not a Python file"):
        load_script(tmp_path / "script.sh")


def test_the_scripts_of_the_package_are_its_modules() -> None:
    script = load_script(LOCAL / "demo.py")
    assert script.__name__ == "asr_prune.local.demo"
    assert script is load_script(LOCAL / "demo.py")
    assert script.speak.__module__ == "asr_prune.local.demo_voices"


def test_the_files_of_a_script_are_those_that_it_imports(tmp_path: Path) -> None:
    names = [path.name for path in script_files(LOCAL / "demo.py")]
    assert names == ["demo.py", "demo_lm.py", "demo_noise.py", "demo_text.py", "demo_voices.py"]
    names = [path.stem for path in script_files(LOCAL / "hf.py")]
    parts = ("audio", "datasets", "options", "rows", "source", "splits", "tables", "text")
    assert names == ["hf", *(f"hf_{part}" for part in parts)]
    assert script_files(LOCAL / "an4.py") == [LOCAL / "an4.py"]
    text = "from asr_prune.local import an4\nimport os, words\ndef prepare(): from .deep import leaf\n"
    write(tmp_path, mine=text, words="import mine\n", other="")
    write(tmp_path / "deep", __init__="", leaf="from ..other import X\nraise SystemExit\n")
    found = [str(path.relative_to(tmp_path)) for path in script_files(tmp_path / "mine.py") if path.parent != LOCAL]
    assert sorted(found) == ["deep/__init__.py", "deep/leaf.py", "mine.py", "other.py", "words.py"]
    assert LOCAL / "an4.py" in script_files(tmp_path / "mine.py")


def test_a_script_is_looked_for_in_the_project_and_then_in_the_package(tmp_path: Path) -> None:
    assert find_script("local/an4.py", [tmp_path], "r") == LOCAL / "an4.py"
    assert script_name(LOCAL / "an4.py") == "asr_prune.local.an4"
    write(tmp_path / "local", an4="")
    assert find_script("local/an4.py", [tmp_path / "nowhere", tmp_path], "r") == tmp_path / "local/an4.py"
    with pytest.raises(UserError, match=r"^r: corpus.prepare names an4.py, which does not exist"):
        find_script("an4.py", [tmp_path], "r")
    with pytest.raises(UserError, match=r"^r: corpus.prepare is not set; name a script such as local/an4.py"):
        find_script("", [tmp_path], "r")


def test_a_corpus_that_is_not_there_says_how_to_pass_it(tmp_path: Path) -> None:
    script = ModuleType("mine")
    with pytest.raises(UserError, match=r"local/x.py has no function prepare\(root, out, seed\)"):
        run_prepare(script, CorpusOptions(prepare="local/x.py"), tmp_path, 0)

    def prepare(root: Path | None, out: Path, seed: int) -> None:
        raise CorpusNotFound(f"{root} is not the corpus: get it from somewhere, under a licence.")

    script.prepare = prepare  # type: ignore[attr-defined]
    start = r"^None is not the corpus: get it from somewhere, under a licence; then pass its folder: "
    for variable, end in (("MY_ROOT", r"`--set corpus.root=FOLDER` or MY_ROOT=FOLDER\.$"), ("", r"=FOLDER`\.$")):
        with pytest.raises(UserError, match=f"{start}.*{end}"):
            run_prepare(script, CorpusOptions(root_from=variable), tmp_path, 0)


def test_the_scripts_run_by_themselves(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(LOCAL.parent)}
    for name in ("demo", "demo_large", "an4", "fsdd", "hf", "kaldi", "librispeech", "tedlium"):
        command = [sys.executable, "-m", f"asr_prune.local.{name}"]
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode
        assert f"usage: python -m asr_prune.local.{name} " in done.stderr


@pytest.mark.parametrize(("lexicon", "offered"), [("graphemes", False), ("words.txt", True)])
def test_a_key_that_would_be_refused_is_not_offered(lexicon: str, offered: bool) -> None:
    corpus = CorpusOptions(prepare=LOCAL / "hf.py", options={"lexicon": lexicon})
    assert ("g2p" in option_names(load_script(LOCAL / "hf.py"), corpus)) == offered
