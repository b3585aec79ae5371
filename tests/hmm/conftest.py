"""Random mixtures, and a toy corpus whose phones are blobs in a plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from asr_prune.hmm.gmm import Gmms
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang

LEXICON = {"YES": ["Y", "EH", "S"], "NO": ["N", "OW"], "SO": ["S", "OW"]}
PLACE = {"SIL": (0, 0), "Y": (6, 0), "EH": (0, 6), "S": (-6, 0), "N": (0, -6), "OW": (6, 6)}


@pytest.fixture(scope="session")
def random_gmms() -> Callable[[int, int, int], Gmms]:
    """(seed, pdfs, dim) -> mixtures of one to four Gaussians."""

    def make(seed: int, pdfs: int, dim: int) -> Gmms:
        dice = np.random.default_rng(seed)
        counts = dice.integers(1, 5, pdfs)
        weights = np.concatenate([dice.dirichlet(np.ones(n)) for n in counts])
        invvars = dice.uniform(0.3, 3.0, (counts.sum(), dim))
        means = dice.normal(size=(counts.sum(), dim)) * invvars
        arrays = (array.astype(np.float32) for array in (weights, means, invvars))
        return Gmms(np.concatenate([[0], np.cumsum(counts)]), *arrays)

    return make


@dataclass
class Toy:
    lang: Path
    feats: dict[str, np.ndarray]
    text: dict[str, list[str]]
    phones: dict[str, list[str]]  # the true phone of each frame


@pytest.fixture(scope="session")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    folder = tmp_path_factory.mktemp("toy")
    lines = [f"{word} {' '.join(phones)}\n" for word, phones in LEXICON.items()]
    (folder / "lexicon.txt").write_text("".join(lines))
    prepare_lang(folder / "lexicon.txt", folder / "lang", LangOptions())
    dice = np.random.default_rng(0)
    made = Toy(folder / "lang", {}, {}, {})
    for number in range(40):
        utt = f"utt{number:02d}"
        words = [str(word) for word in dice.choice(list(LEXICON), dice.integers(1, 4))]
        spoken = ["SIL", *(phone for word in words for phone in LEXICON[word]), "SIL"]
        frames = [phone for phone in spoken for _ in range(dice.integers(5, 9))]
        places = np.array([PLACE[phone] for phone in frames], float)
        made.feats[utt] = (places + dice.normal(0, 1, places.shape)).astype(np.float32)
        made.text[utt], made.phones[utt] = words, frames
    return made
