"""Counts what the structure of the package is judged by: rooms, imports, code lists, sizes, names.

    python tests/house.py [ROOT] [--json]

A room is a folder or a module directly under `asr_prune`. Nothing of the package is imported:
all figures come from the syntax trees of the files.
"""

from __future__ import annotations

import argparse
import ast
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from house_syntax import Import, Module, blanks, code_lists, function_length, public_names

PACKAGE = "asr_prune"
#: rooms, lowest first; a room may import those of its own level and of lower ones. `local` is the
#: namespace of the scripts, which corpus loads by name; the scripts are no part of the package.
#: `recipes` is the namespace of the packaged recipes
ORDER = """
    errors files scratch integrity options progress interrupts process layout run_dir text kaldi_format local recipes
    failure
    < spread < corpus
    < features < lang < hmm < nnet3 < acoustic < pruning < decode < score < report
    < kaldi interop export transcribe < recipe settings naming < workflow done lock < stages
    < analysis plan numbers < sweep < search < api < cli verbs
"""
LEVELS = {room: level for level, rooms in enumerate(ORDER.split("<")) for room in rooms.split()}
#: what a light start avoids: Kaldi's libraries, and those that only some commands need
LIBRARIES = {"kaldi_hmm_gmm", "kaldifst", "numba", "kaldilm", "sentencepiece", "onnx"}
LIBRARIES |= {"onnxruntime", "datasets", "torchaudio", "matplotlib", "optuna", "distributed"}
#: names that several modules define by contract: each stage has works, each file of cli verbs
CONTRACT = {"works", "add_verbs"}
LONG_LINE, LONG_FILE = 100, 250
#: rooms that read what people give; `local` is the folder of the scripts
READERS = {"corpus", "features", "lang", "hmm", "nnet3", "decode", "score", "kaldi", "transcribe", "local"}
#: files of READERS that call them on something else than text of people
OTHER_TEXT = {
    "asr_prune/corpus/audio_file.py": "bytes of headers, messages of a library",
    "asr_prune/kaldi_format.py": "bytes",
    "asr_prune/kaldi/vectors.py": "bytes",
    "asr_prune/nnet3/model.py": "bytes",
    "local/demo_text.py": "its own constants",
    "local/demo_voices.py": "its own constants",
    "local/fsdd.py": "its own constants",
    "asr_prune/corpus/spelling.py": "prose, whose blanks are all blanks",
    "local/hf_datasets.py": "messages of a library",
    "local/hf_rows.py": "ids, whose blanks are replaced",
    "local/hf_splits.py": "the page of a data set",
    "local/hf_text.py": "prose, whose blanks are all blanks",
}


class House:
    """The Python files of the package in the checkout `root`."""

    def __init__(self, root: Path) -> None:
        self.modules: dict[str, Module] = {}
        for full in sorted((root / PACKAGE).rglob("*.py")):
            text, path = full.read_text(encoding="utf-8"), full.relative_to(root)
            name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
            self.modules[name] = Module(name, path, text, ast.parse(text))
        self.all = list(self.modules.values())
        self._packages: dict[str, frozenset[str]] = {}

    @cached_property
    def imports(self) -> list[Import]:
        """All import statements, module by module."""
        files = (self._imports(module, module.tree, False, False) for module in self.all)
        return list(chain.from_iterable(files))

    def _imports(self, module: Module, at: ast.AST, lazy: bool, alone: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(at):
            if isinstance(child, ast.Import | ast.ImportFrom):
                yield Import(module, child.lineno, self._names(module, child), lazy, alone)
            inside = lazy or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            types = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            yield from self._imports(module, child, inside, alone or types)

    def _names(self, module: Module, node: ast.Import | ast.ImportFrom) -> list[str]:
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        parts = module.name.split(".") + ["__init__"] * (module.path.name == "__init__.py")
        start = parts[: -node.level] if node.level else []
        base = ".".join([*start, *([node.module] if node.module else [])])
        longer = [f"{base}.{alias.name}" for alias in node.names]
        return list(dict.fromkeys(name if name in self.modules else base for name in longer))

    def upward(self) -> dict[str, list[str]]:
        """Imports of a higher room: when the program runs, and for annotations alone."""
        arrows: dict[str, list[str]] = {"run": [], "types": []}
        for found in self.imports:
            for target in filter(self.modules.__contains__, found.names):
                rooms = found.module.room, self.modules[target].room
                if all(rooms) and LEVELS[rooms[0]] < LEVELS[rooms[1]]:
                    kind = "types" if found.alone else "run"
                    arrows[kind].append(f"{found.module.path}:{found.line} -> {target}")
        return arrows

    def lazy(self) -> dict[str, list[str]]:
        """Imports of our modules inside functions, by what they keep from being loaded.

        library: one of LIBRARIES; torch: torch, in a module that does without; nothing: neither.
        """
        kinds: dict[str, list[str]] = {"library": [], "torch": [], "nothing": []}
        for found in self.imports:
            own = [name for name in found.names if name in self.modules]
            if found.lazy and not found.alone and own:
                avoided = self._avoided(found.module.name, own)
                kinds[avoided].append(f"{found.module.path}:{found.line} -> {', '.join(own)}")
        return kinds

    def _avoided(self, name: str, targets: list[str]) -> str:
        more = set().union(*map(self.packages, targets)) - self.packages(name)
        return "library" if more & LIBRARIES else "torch" if "torch" in more else "nothing"

    @cached_property
    def _loaded(self) -> dict[str, set[str]]:
        """What each module imports at once."""
        loaded = {name: {name.rpartition(".")[0]} - {""} for name in self.modules}
        for found in self.imports:
            if not found.lazy and not found.alone:
                loaded[found.module.name].update(found.names)
        return loaded

    def packages(self, name: str) -> frozenset[str]:
        """Top-level packages, of others and ours, that the import of a module loads."""
        if name not in self._packages:
            closure: set[str] = set()
            waiting = {name}
            while waiting:
                closure |= waiting
                waiting = set().union(*(self._loaded.get(at, set()) for at in waiting)) - closure
            self._packages[name] = frozenset(at.split(".")[0] for at in closure)
        return self._packages[name]

    def code_lists(self) -> list[str]:
        """Hand-typed lists of the package's files, and of its folders in the call of a Work."""
        paths = {module.path.relative_to(PACKAGE) for module in self.all}
        places = {path.as_posix() for path in paths.union(*(path.parents for path in paths))}
        places -= {"__init__.py"}
        lines = ((m.path, line) for m in self.all for line in code_lists(m.tree, places, False))
        return [f"{path}:{line}" for path, line in lines]

    def doubled(self) -> dict[str, list[str]]:
        """Public names that more than one module defines, with the files."""
        owners = defaultdict(set)
        for module in self.all:
            for name in public_names(module.tree):
                owners[name].add(str(module.path))
        doubled = {name for name, files in owners.items() if len(files) > 1} - CONTRACT
        return {name: sorted(owners[name]) for name in sorted(doubled)}

    def blanks(self, root: Path) -> list[str]:
        """Calls in READERS that split or decode text otherwise than `asr_prune.text` does."""
        trees = {str(module.path): module.tree for module in self.all if module.room in READERS}
        for path in sorted((root / "local").glob("*.py")):
            trees[f"local/{path.name}"] = ast.parse(path.read_text(encoding="utf-8"))
        found = ((path, blanks(tree)) for path, tree in trees.items() if path not in OTHER_TEXT)
        return [f"{path}:{line}" for path, lines in found for line in sorted(lines)]

    def functions(self) -> dict[str, int]:
        """Lines of each function from its `def` to its end, without its docstring."""
        kinds = ast.FunctionDef | ast.AsyncFunctionDef
        nodes = ((module.path, node) for module in self.all for node in ast.walk(module.tree))
        found = ((path, node) for path, node in nodes if isinstance(node, kinds))
        return {f"{path}:{node.lineno} {node.name}": function_length(node) for path, node in found}


def figures(root: Path) -> dict[str, Any]:
    """All counts of the checkout `root`, with the places that they count."""
    house = House(root)
    files = {str(module.path): module.text.count("\n") for module in house.all}
    lines = [line for module in house.all for line in module.text.splitlines() if line.strip()]
    return {
        "rooms": Counter(module.room for module in house.all if module.room),
        "upward": house.upward(),
        "lazy": house.lazy(),
        "code_lists": house.code_lists(),
        "blanks": house.blanks(root),
        "files": _spread(files),
        "functions": _spread(house.functions()),
        "long_files": {name: count for name, count in files.items() if count > LONG_FILE},
        "doubled": house.doubled(),
        "wide_lines": 100 * sum(len(line) > LONG_LINE for line in lines) / len(lines),
    }


def _spread(lines: dict[str, int]) -> dict[str, Any]:
    names = sorted(lines, key=lambda name: lines[name])
    counts = [lines[name] for name in names]
    p90 = counts[int(0.9 * (len(counts) - 1))]
    return {"median": median(counts), "p90": p90, "max": counts[-1], "longest": names[-1]}


def table(found: dict[str, Any]) -> str:
    """The figures, one a line, and below them the upward imports and the code lists."""
    up, spread = found["upward"], "median {median:g}, p90 {p90}, max {max} ({longest})"
    rows = {
        "rooms": _listed(found["rooms"]),
        "upward imports": f"{len(up['run'])}, and {len(up['types'])} for annotations alone",
        **{f"lazy, avoids {kind}": _by_room(places) for kind, places in found["lazy"].items()},
        "code lists": len(found["code_lists"]),
        "text read otherwise": len(found["blanks"]),
        "lines of files": spread.format(**found["files"]),
        "lines of functions": spread.format(**found["functions"]),
        f"files over {LONG_FILE}": _listed(found["long_files"]),
        "names in two modules": _listed(dict.fromkeys(found["doubled"], "")),
        f"lines over {LONG_LINE}": f"{found['wide_lines']:.1f} %",
    }
    places = [*up["run"], *up["types"], *found["code_lists"], *found["blanks"]]
    return "\n".join([*(f"{k:22}{v}" for k, v in rows.items()), *(f"  {at}" for at in places)])


def _listed(counts: Mapping[str, Any]) -> str:
    return f"{len(counts)}: " + ", ".join(f"{name} {n}".strip() for name, n in counts.items())


def _by_room(places: list[str]) -> str:
    rooms = Counter(place.split("/")[1].split(":")[0] for place in places)
    return f"{len(places)}: " + ", ".join(f"{room} {n}" for room, n in rooms.most_common())


def main() -> None:
    """Prints the figures of a checkout, by default of this one."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    default = Path(__file__).resolve().parents[1]
    parser.add_argument("root", nargs="?", type=Path, default=default, metavar="ROOT")
    parser.add_argument("--json", action="store_true", help="with every place that is counted")
    options = parser.parse_args()
    found = figures(options.root)
    print(json.dumps(found, indent=1) if options.json else table(found))


if __name__ == "__main__":
    main()
