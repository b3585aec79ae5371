"""Advice that can be followed: settings and commands in pages, recipes and messages are taken through check."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import yaml

from asr_prune.cli.main import main, parser
from asr_prune.corpus.script import load_script
from asr_prune.pruning.registry import find_options, method_names
from asr_prune.recipe.blocks import Recipe
from asr_prune.recipe.settings import options_classes

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(chain(ROOT.glob("*.md"), *((ROOT / name).rglob("*.md") for name in ("docs", "asr_prune", "recipes"))))
RECIPES = sorted(ROOT.glob("recipes/*/recipe.yaml"))
SOURCES = sorted([*(ROOT / "asr_prune").rglob("*.py"), *(ROOT / "local").glob("*.py")])
BLOCKS = "corpus|lang|features|hmm|network|train|prune|decode|score|report"
#: what stands for a value of the reader's, or of the program's in an f-string
PLACEHOLDERS = {
    "lang.silence_phones=[{}]": "lang.silence_phones=[SIL,SPN]",
    "lang.optional_silence={}": "lang.optional_silence=SIL",
    "KEY=VALUE]": "seed=1",
    "KEY=": "train.init=",
    "KEY=VALUE": "seed=1",
    "key=value": "seed=1",
    "key=": "train.init=",
    "prune.KEY=VALUE": "prune.keep=0.5",
    "prune.method=METHOD": "prune.method=l2",
    "prune.keep=KEEP": "prune.keep=0.5",
    "corpus.options.fold=$fold": "corpus.options.fold=0",
    "corpus.root=FOLDER": "corpus.root=somewhere",
    "{}={}": "decode.max_active=3500",
    "decode.beam={}": "decode.beam=10",
    "train.memory_gb={}": "train.memory_gb=6.2",
    "decode.type={}": "decode.type=hmm",
    "lang.oov_word='{}'": "lang.oov_word='<unk>'",
    "corpus.options.case={}": "corpus.options.case=upper",
    "'noise.snr=[{}]'": "noise.snr=[10]",
    "noise.snr=[{}]": "noise.snr=[10]",
}
#: settings that are given together with another one, or only for corpora of this recipe
WITH = {
    "decode.lattice": ["--recipe", "recipes/an4"],
    "network.type=tdnn": ["--recipe", "recipes/an4_ctc"],
    "corpus.options.whole": ["--recipe", "recipes/fsdd"],
    "hmm.stop_after": ["--recipe", "recipes/an4"],
    "corpus.options.g2p": ["--recipe", "recipes/kaldi", "--set", "corpus.options.lexicon=cmudict.dict"],
    "corpus.options={text: sentence}": ["--recipe", "recipes/hf"],
    "corpus.options.text": ["--recipe", "recipes/hf"],
    "corpus.options.digits": ["--recipe", "recipes/hf"],
    "corpus.options": ["--recipe", "recipes/kaldi"],
    "prune.rates": ["--set", "prune.method=dsd", "--set", "prune.restart=true"],
    "prune.restart": ["--set", "prune.method=dsd"],
    **{
        f"prune.{key}": ["--set", "prune.method=map"]
        for key in ("granularity", "start", "switch", "beta", "exploitation")
    },
    **{
        f"prune.{key}": ["--set", "prune.keep=0.5"]
        for key in ("method=l2", "method=gradual", "method=group_lasso", "press", "warm_up", "fine_tune")
    },
    "prune.penalty": ["--set", "prune.method=l2", "--set", "prune.keep=0.5"],
    "prune.sparsity": ["--set", "prune.method=map"],
    "hmm.model": ["--set", "hmm.labels=somewhere"],
}
_SETTING = re.compile(r"--set\s+('[^']*'|\"[^\"]*\"|(?:[^\s'\"`]|'[^']*')+)")
_ADVICE = re.compile(rf"\b((?:{BLOCKS})(?:\.[a-z_0-9]+)+=(?:'[^']*'|\[[^\]]*\]|[\w./{{}}<>-]+))")
_KEY = re.compile(rf"(?<![\w/.\-])((?:{BLOCKS})(?:\.[a-z_0-9]+)+)(?![\w/(])")
#: the endings of files, whose names look like keys
_FILES = ["py", "md", "pt", "yaml", "json", "txt", "fst", "png", "html", "ark", "scp", "log", "onnx", "nnet"]
_FILES += ["csv", "tsv", "jsonl", "parquet", "safetensors"]


def strings(path: Path) -> Iterator[str]:
    """The texts of a module, `{}` for what is filled in, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    inside |= {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def texts() -> Iterator[tuple[Path, str]]:
    for path in (*PAGES, *RECIPES, ROOT / "run.sh"):
        yield path, path.read_text(encoding="utf-8").replace("\\\n", " ")
    for path in SOURCES:
        yield from ((path, text) for text in strings(path))


def settings() -> list[tuple[str, list[str]]]:
    """(setting, other options of check) of every `--set ...`, and of every key=value in messages."""
    found: dict[tuple[str, tuple[str, ...]], None] = {}
    for path, text in texts():
        name = str(path.relative_to(ROOT))
        told = _SETTING.findall(text)
        told += _ADVICE.findall(text) if path.suffix == ".py" else []
        for setting in told:
            bare = setting.rstrip(".,;:)")
            if "=" in bare and "=..." not in setting:
                bare = shlex.split(PLACEHOLDERS.get(bare, bare))[0]
                found[bare, tuple(beside(name, bare))] = None
    return [(setting, list(options)) for setting, options in found]


def beside(name: str, setting: str) -> list[str]:
    """The recipe of a page or script, or else what the setting goes with."""
    parts = Path(name).parts
    recipe = parts[1].removesuffix(".py") if parts[0] in ("recipes", "local") else ""
    more = next((more for key, more in WITH.items() if setting.startswith(key)), [])
    if recipe and (ROOT / "recipes" / recipe / "recipe.yaml").is_file():
        return ["--recipe", f"recipes/{recipe}", *(more if setting.startswith("prune.") else [])]
    return ["--recipe", "recipes/hf"] if name.startswith("local/hf_") else more


@pytest.mark.parametrize(("setting", "others"), settings(), ids=[setting for setting, _ in settings()])
def test_every_setting_passes_check(
    setting: str, others: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [str(ROOT / word) if word.startswith("recipes/") else word for word in others]
    given = given if "--recipe" in given else ["--recipe", str(ROOT / "recipes/demo"), *given]
    assert main(["check", *given, "--set", setting]) == 0


def test_settings_are_found() -> None:
    found = {setting for setting, _ in settings()}
    expected = {"features.hmm.archives=", "decode.lattice=true", "corpus.options.g2p=true", "prune.rates=[1,1,1]"}
    assert expected <= found
    assert len(found) > 40


def known_keys() -> set[str]:
    """Every key of recipes, of the methods and of the local scripts, and the blocks that hold keys."""
    keys = set(_keys_of(Recipe, ""))
    for name in method_names():
        keys |= set(_keys_of(find_options(name), "prune."))
    for path in (ROOT / "local").glob("*.py"):
        if cls := getattr(load_script(path), "Options", None):
            keys |= set(_keys_of(cls, "corpus.options."))
    return keys | {"prune.remove"}  # of torch.nn.utils


def _keys_of(cls: Any, prefix: str) -> Iterator[str]:
    for name, hint in get_type_hints(cls).items():
        yield prefix + name
        for inner in options_classes(hint) if get_args(hint) or hasattr(hint, "__dataclass_fields__") else []:
            yield from _keys_of(inner, f"{prefix}{name}.")


def test_every_key_that_pages_and_messages_name_exists() -> None:
    known = known_keys()
    wrong = [
        f"{path.relative_to(ROOT)}: {key}"
        for path, text in texts()
        for key in _KEY.findall(_code_of(path, text))
        if key not in known and key.rpartition(".")[2] not in _FILES
    ]
    assert wrong == []


def _code_of(path: Path, text: str) -> str:
    """What a page sets as code; of recipes and messages everything."""
    return " ".join(re.findall(r"`([^`]+)`", text)) if path.suffix == ".md" else text


def commands() -> list[tuple[str, str]]:
    """(file, command) of every `asr-prune ...` and `./run.sh ...` in messages, as far as it is written out."""
    found: dict[tuple[str, str], None] = {}
    for path, text in texts():
        if path.suffix == ".py":
            for command in re.findall(r"`((?:asr-prune|\./run\.sh) [a-z][^`]*)`", text):
                found[str(path.relative_to(ROOT)), command] = None
    return list(found)


@pytest.mark.parametrize(("name", "command"), commands(), ids=[command for _, command in commands()])
def test_every_command_in_a_message_can_be_given(name: str, command: str) -> None:
    words = shlex.split(command.replace("{}", "something"))
    if len(words) == 2:  # the command is only named
        with pytest.raises(SystemExit, match="0"):
            parser().parse_args([words[1], "--help"])
    else:
        parser().parse_args(words[1:])


@pytest.mark.parametrize("path", RECIPES, ids=str)
def test_lines_that_a_recipe_offers_as_comments_can_be_used(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comment of the form `key: value` in a block is an alternative to write there."""
    monkeypatch.chdir(tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines()
    block = ""
    for line in lines:
        block = line.partition(":")[0] if re.match(r"[a-z]+:", line) else block
        offered = re.match(r"\s+# ([a-z_]+: [^\s,;`]+)(?:[,;].*)?$", line)
        if offered and block in BLOCKS.split("|"):
            key, value = next(iter(yaml.safe_load(offered[1]).items()))
            under = "corpus.options" if block == "corpus" and line.startswith("    #") else block
            assert main(["check", "--recipe", str(path.parent), "--set", f"{under}.{key}={value}"]) == 0
