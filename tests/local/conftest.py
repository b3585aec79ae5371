"""Human speech of AN4, a few minutes of it, from which the tests make small folders of other corpora's layouts; and a
recipe run on such a folder, from features to WER.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from asr_prune.cli.main import main
from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.script import load_script
from asr_prune.lang.dictionary import copy_arpa
from asr_prune.stages import STAGES

ROOT = Path(__file__).resolve().parents[2]
#: speakers and utterances of each at most
SIZES = {"train": (12, 12), "dev": (2, 8), "test": (3, 10)}
#: what makes any recipe small enough for a test
TINY = (
    "hmm.passes=[{type: mono, iterations: 12, grow_iterations: 8, gaussians: 250, realign: [1, 2, 3, 4, 6, 8, 10]}]",
    "network={hidden: [128], activation: relu, dropout: 0.1}",
    "train={epochs: 5, batch: 128, threads: 1, tensorboard: false}",
    "prune={method: magnitude, keep: 0.5}",
    "decode={lm_weights: [2, 4, 8], penalties: [0.0], beam: 11}",
    "score.bootstrap=100",
)


@dataclass(frozen=True)
class Utterance:
    """samples: int16 [samples] at 16 kHz"""

    speaker: str
    name: str
    words: list[str]
    samples: np.ndarray


@dataclass(frozen=True)
class Spoken:
    """Utterances of each set, and AN4's lexicon and language model as files."""

    sets: dict[str, list[Utterance]]
    lexicon: Path
    arpa: Path

    @property
    def entries(self) -> list[tuple[str, list[str]]]:
        """Words and their phones."""
        lines = self.lexicon.read_text().splitlines()
        return [(line.split()[0], line.split()[1:]) for line in lines]

    def speakers(self, part: str) -> dict[str, list[Utterance]]:
        """The utterances of a set by speaker."""
        found: dict[str, list[Utterance]] = {}
        for utterance in self.sets[part]:
            found.setdefault(utterance.speaker, []).append(utterance)
        return found


def load_local(name: str) -> ModuleType:
    """A script of local/, as the corpus stage loads it."""
    return load_script(ROOT / f"local/{name}.py")


@pytest.fixture(scope="session")
def local() -> Callable[[str], ModuleType]:
    return load_local


@pytest.fixture(scope="session")
def spoken(an4_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Spoken:
    out = tmp_path_factory.mktemp("spoken")
    load_local("an4").prepare(an4_root, out, 0)
    sets: dict[str, list[Utterance]] = {}
    for part, (speakers, each) in SIZES.items():
        data = DataDir.read(out / part)
        chosen = [utt for own in list(data.spk2utt.values())[:speakers] for utt in own[:each]]
        sets[part] = [_utterance(data, key) for key in chosen]
    copy_arpa(out / "local/lm.arpa", out / "an4.arpa")
    return Spoken(sets, out / "local/lexicon.txt", out / "an4.arpa")


def _utterance(data: DataDir, key: str) -> Utterance:
    samples = read_audio(data.wavs[key])[0].astype(np.int16)
    return Utterance(data.utt2spk[key], key.partition("-")[2], data.text[key], samples)


#: (recipe, changes) -> the row of results.json
ToWer = Callable[..., dict[str, Any]]


@pytest.fixture
def to_wer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToWer:
    """Runs every stage of a recipe of the project, made tiny, in a folder of its own; the current folder is then that
    one.
    """

    def run(recipe: str, *changes: str, tiny: tuple[str, ...] = TINY) -> dict[str, Any]:
        here = tmp_path / "project"
        if not here.exists():
            shutil.copytree(ROOT / "recipes" / recipe, here / "recipes" / recipe)
            (here / "local").symlink_to(ROOT / "local")
        monkeypatch.chdir(here)
        sets = [word for text in (*tiny, *changes) for word in ("--set", text)]
        given = ["--recipe", f"recipes/{recipe}", "--nj", "1", *sets]
        assert [main([verb, *given]) for verb in STAGES] == [0] * len(STAGES)
        (row,) = json.loads((here / f"exp/{recipe}/report/results.json").read_text())
        return row

    return run
