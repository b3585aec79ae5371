"""What formats forbid, from their definitions and not by the product's readers: each function returns why or "".

Sources: Kaldi's utils/validate_data_dir.sh, utils/validate_text.pl, utils/validate_dict_dir.pl, and
src/lm/arpa-file-parser.cc; the ARPA format as in SRILM's ngram-format(5).
"""

from __future__ import annotations

import math
import re
from collections import Counter

import yaml

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85]")


def _lines(content: bytes) -> list[str] | str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"byte {error.start} is not UTF-8"
    if not text:
        return "empty"
    if not text.endswith("\n"):
        return "no last newline"
    return text[:-1].split("\n")


def table(content: bytes, least: int = 2, most: int | None = None, unique: bool = True) -> str:
    """A table of a data directory: fields by blanks, sorted, keys once."""
    lines = _lines(content)
    if isinstance(lines, str):
        return lines
    keys = []
    for number, line in enumerate(lines, 1):
        fields = re.split(r"[ \t]+", line.rstrip(" \t"))
        if _CONTROL.search(line):
            return f"line {number} has a control character"
        if not line.strip(" \t") or line[0] in " \t" or len(fields) < least or (most and len(fields) > most):
            return f"line {number} has {len(fields)} fields"
        keys.append(fields[0].encode())
    if keys != sorted(keys):
        return "not sorted"
    return "a key twice" if unique and len(set(keys)) < len(keys) else ""


def text(content: bytes) -> str:
    """Transcripts: no field is a reserved symbol (validate_text.pl)."""
    if why := table(content):
        return why
    words = {word for line in content.decode().split("\n") for word in line.split(" ")[1:]}
    return "a reserved symbol" if words & {"<s>", "</s>", "#0"} else ""


def segments(content: bytes) -> str:
    """An utterance, its recording, start and end in seconds."""
    if why := table(content, 4, 4):
        return why
    for line in content.decode().split("\n")[:-1]:
        times = re.split(r"[ \t]+", line.strip(" \t"))[2:]
        if not all(map(_NUMBER.fullmatch, times)) or not 0 <= float(times[0]) < float(times[1]):
            return "times"
    return ""


def pair(content: bytes) -> str:
    """A key and one value."""
    return table(content, 2, 2)


def lexicon(content: bytes) -> str:
    """A word and its phones (validate_dict_dir.pl)."""
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return "not UTF-8"
    for number, line in enumerate(lines, 1):
        fields = re.split(r"[ \t]+", line.strip(" \t\r")) if line.strip() else []
        if _CONTROL.search(line.rstrip("\r")):
            return f"line {number} has a control character"
        if line.strip() and len(fields) < 2:
            return f"line {number} has no phones"
        if fields and fields[0] in ("<s>", "</s>", "<eps>", "#0"):
            return f"line {number} has the reserved word {fields[0]}"
        if re.search(r"(^|\s)(#\d+|<eps>)(\s|$)", line):
            return f"line {number} has a reserved symbol"
    return "" if any(line.strip() for line in lines) else "empty"


_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|-inf|-Inf|-infinity")


def arpa(content: bytes) -> str:
    """Counts as stated, log-probabilities at most zero, n-grams once, words among the unigrams."""
    if b"\x00" in content:
        return "NUL"
    try:
        lines = [line.strip(" \t\r") for line in content.decode("utf-8").split("\n")]
    except UnicodeDecodeError:
        return "not UTF-8"
    if "\\data\\" not in lines:
        return "no \\data\\"
    lines = [line for line in lines[lines.index("\\data\\") + 1 :] if line]
    stated, order, found = dict[int, int](), 0, Counter[int]()
    seen = set[tuple[str, ...]]()
    for line in lines:
        if match := re.fullmatch(r"ngram +(\d+) *= *(\d+)", line):
            stated[int(match[1])] = int(match[2])
        elif match := re.fullmatch(r"\\(\d+)-grams:", line):
            if int(match[1]) != order + 1:
                return "sections out of order"
            order = int(match[1])
        elif line == "\\end\\":
            return "" if dict(found) == {n: count for n, count in stated.items() if count} else "other counts"
        elif why := _ngram(re.split(r"[ \t]+", line), order, max(stated, default=0), seen):
            return why
        else:
            found[order] += 1
    return "no \\end\\"


def _ngram(fields: list[str], order: int, highest: int, seen: set[tuple[str, ...]]) -> str:
    words = tuple(fields[1 : order + 1])
    if not order or len(fields) not in (order + 1, order + 2) or (order == highest and len(fields) != order + 1):
        return "number of fields"
    if not all(map(_NUMBER.fullmatch, [fields[0], *fields[order + 1 :]])) or float(fields[0]) > 0:
        return "a log-probability"
    if any(math.isnan(float(value)) or float(value) == math.inf for value in [fields[0], *fields[order + 1 :]]):
        return "a log-probability"
    if words in seen or (order > 1 and any((word,) not in seen for word in words)):
        return "an n-gram twice, or a word outside the unigrams"
    seen.add(words)
    return ""


def recipe(content: bytes) -> str:
    """YAML with finite numbers."""
    try:
        tree = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        return "not YAML"
    return "" if isinstance(tree, dict) and all(map(_finite, _leaves(tree))) else "not finite, or no mapping"


def _leaves(tree: object) -> list[object]:
    if isinstance(tree, dict):
        return [leaf for value in tree.values() for leaf in _leaves(value)]
    return [leaf for value in tree for leaf in _leaves(value)] if isinstance(tree, list) else [tree]


def _finite(leaf: object) -> bool:
    return not isinstance(leaf, float) or math.isfinite(leaf)


def anything(content: bytes) -> str:
    """Formats in which other bytes can be other legal content, such as sound."""
    return ""
