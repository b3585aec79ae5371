"""The pages of the methods tell the defaults that the options have."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import asr_prune.pruning
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.registry import find_options, method_names
from asr_prune.pruning.weight_options import SparseOptions, WeightOptions

FOLDER = Path(asr_prune.pruning.__file__).parent / "methods"
TABLE = re.compile(r"^\| option \| default .*?(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| (`[^|]*) \| ([^|–]+) \|", re.MULTILINE)
#: defaults in words
WORDS = {"all equal": (), "1, 0.1, 0.01, ...": ()}


def told(name: str) -> list[tuple[str, Any]]:
    """The options in the table of the method's page, with their defaults."""
    found, page = [], (FOLDER / name / f"{name}.md").read_text(encoding="utf-8")
    for names, values in ROW.findall("".join(TABLE.findall(page))):
        keys = re.findall(r"`(\w+)`", names)
        texts = [values] if values in WORDS else values.split(", ")
        found += [(key, WORDS.get(text, read(text))) for key, text in zip(keys, texts, strict=True)]
    return found


def read(text: str) -> Any:
    """A value as in a recipe; YAML takes 1e-3 for text."""
    value = yaml.safe_load(text)
    return float(value) if re.fullmatch(r"\de-\d", str(value)) else value


def acts(options: PruneOptions, key: str) -> Any:
    """The value that acts; a method of weights says by `sparsity_asked` what null stands for."""
    if isinstance(options, SparseOptions) and key == "keep":
        return 1 - replace(options, granularity="node").masked
    if isinstance(options, WeightOptions) and key == "sparsity":
        return replace(options, granularity="weight").sparsity_asked
    return getattr(options, key)


def test_nodes_that_are_gone_leave_the_network_during_training() -> None:
    assert PruneOptions().live_shrink


@pytest.mark.parametrize("name", [name for name in method_names() if find_options(name).OF_WEIGHTS])
def test_the_page_tells_the_defaults_of_single_weights(name: str) -> None:
    page = (FOLDER / name / f"{name}.md").read_text(encoding="utf-8")
    told = ", ".join(f"`{key}: {value}`" for key, value in find_options(name).OF_WEIGHTS.items())
    assert f"Default with granularity weight: {told}." in page


@pytest.mark.parametrize("name", method_names())
def test_the_page_tells_the_defaults(name: str) -> None:
    options = find_options(name)(method=name)
    for key, value in told(name):
        assert acts(options, key) == (value if value in ((), None) else pytest.approx(value)), key
