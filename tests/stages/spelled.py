"""The corpus of tones without a lexicon, and without a language model where $SPELLED_GREEDILY is set."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path


def prepare(root: Path | None, out: Path, seed: int) -> None:
    """tiny.py's corpus, some of its lists taken away."""
    place = Path(__file__).with_name("tiny.py")
    spec = importlib.util.spec_from_file_location("tiny", place)
    assert spec is not None
    assert spec.loader is not None
    tiny = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tiny)
    tiny.prepare(root, out, seed)
    (out / "local/lexicon.txt").unlink()
    if os.environ.get("SPELLED_GREEDILY"):
        (out / "local/lm.arpa").unlink()
