"""Options of the `lang:` block that contradict each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.lang.ngram.options import LmOptions
from asr_prune.lang.options import LangOptions


@pytest.mark.parametrize("also", [{"grammar": Path("said.jsgf")}, {"lm": LmOptions(order=2)}])
def test_a_lang_folder_brings_its_own_model(also: dict) -> None:
    with pytest.raises(ValueError, match=r"folder lang brings its own G.fst"):
        LangOptions(folder=Path("lang"), **also)
