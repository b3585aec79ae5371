"""Fixtures that every folder of tests shares."""

from __future__ import annotations

import importlib
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from asr_prune.decode.arrays import FstArrays

# small networks on a machine that others use too: threads that wait for each other cost more than they bring
os.environ.setdefault("OMP_NUM_THREADS", "1")

from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang

ROOT = Path(__file__).resolve().parent.parent
BEGIN = monotonic()

# every @given test: a busy machine is no failure
settings.register_profile("asr_prune", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("asr_prune")

#: fixtures whose tests train
TRAINING = {"make_chunked", "make_trainer", "to_wer", "trained"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests that are marked slow, too")
    parser.addoption("--cases", type=int, metavar="N", help="run at most N cases of each test that has parameters")
    parser.addoption("--within", type=float, metavar="SECONDS", help="skip the tests that would begin after SECONDS")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks tests that use a training fixture; other tests that train are marked where they are."""
    for item in items:
        if TRAINING.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("trains")
    if limit := config.getoption("--cases"):
        seen = Counter[str]()
        kept, left = [], []
        for item in items:
            seen[test := item.nodeid.split("[")[0]] += 1
            (kept if seen[test] <= limit else left).append(item)
        items[:] = kept
        config.hook.pytest_deselected(items=left)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if (within := item.config.getoption("--within")) is not None and monotonic() > BEGIN + within:
        pytest.skip(f"{within:.0f} seconds had passed; without --within it is run")
    if item.get_closest_marker("slow") and not item.config.getoption("--slow"):
        pytest.skip("takes many minutes; run it with --slow")
    if item.get_closest_marker("torchaudio") and (reason := _torchaudio_problem()):
        pytest.skip(reason)


@cache
def _torchaudio_problem() -> str:
    try:
        importlib.import_module("torchaudio.functional")
    except (ImportError, OSError, RuntimeError) as error:
        return f"torchaudio cannot be loaded: {error}"
    return ""


@pytest.fixture(scope="session")
def an4_root() -> Path:
    """The AN4 corpus: $AN4_ROOT, or ../shared/corpora/an4 beside the checkout.

    The test is skipped, saying so, where neither exists.
    """
    root = Path(os.environ.get("AN4_ROOT", ROOT.parent / "shared/corpora/an4"))
    if not (root / "etc").is_dir():
        pytest.skip(f"AN4 is not at {root}; set AN4_ROOT to run this test on human speech")
    return root.resolve()


@pytest.fixture(scope="session")
def viterbi() -> Callable[..., float]:
    """`least_cost`, for tests of several folders."""
    return least_cost


def least_cost(arrays: FstArrays, acoustic: np.ndarray, column: np.ndarray) -> float:
    """Least cost of a path that reads all of acoustic [frames, columns]; column: of each input label."""
    source = arrays.sources
    emitting = arrays.arcs["ilabel"] > 0
    cost = np.full(len(arrays.counts), np.inf)
    cost[arrays.start] = 0

    def spread(costs: np.ndarray, which: np.ndarray, extra: Any) -> np.ndarray:
        reached = np.full(len(costs), np.inf)
        arcs = arrays.arcs[which]
        np.minimum.at(reached, arcs["nextstate"], costs[source[which]] + arcs["weight"] + extra)
        return reached

    for frame in (*acoustic, None):
        while True:
            closed = np.minimum(cost, spread(cost, ~emitting, 0.0))
            if np.array_equal(closed, cost):
                break
            cost = closed
        if frame is not None:
            cost = spread(cost, emitting, -frame[column[arrays.arcs["ilabel"][emitting]]])
    return float((cost + arrays.finals).min())


LEXICON = {"YES": ["Y", "EH", "S"], "NO": ["N", "OW"], "SO": ["S", "OW"]}
PLACE = {"SIL": (0, 0), "Y": (6, 0), "EH": (0, 6), "S": (-6, 0), "N": (0, -6), "OW": (6, 6)}


@dataclass
class Toy:
    """A corpus whose phones are blobs in a plane."""

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


TONES = """
corpus: {prepare: PREPARE}
hmm: {passes: [{type: mono, iterations: 4, grow_iterations: 3, gaussians: 30, realign: [1, 2, 3]}]}
network: {hidden: [32], dropout: 0.1}
train: {epochs: 2, batch: 64, threads: 1, tensorboard: false}
runs: [{name: one, prune: {method: none}}, {name: two, prune: {method: magnitude, keep: 0.5}}]
decode: {lm_weights: [8, 10], penalties: [0.0]}
"""


@pytest.fixture
def tones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a recipe on a corpus of tones, seen from the project's."""
    folder = tmp_path / "recipes/tiny"
    folder.mkdir(parents=True)
    prepare = ROOT / "tests/stages/tiny.py"
    (folder / "recipe.yaml").write_text(TONES.replace("PREPARE", str(prepare)))
    monkeypatch.chdir(tmp_path)
    return Path("recipes/tiny")
