"""Transforms for speakers whose words are not known, on the toy corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr_prune.decode.adapt import Adapter
from asr_prune.decode.graph import make_graph
from asr_prune.decode.options import DecodeOptions
from asr_prune.hmm.fmllr import transformed
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.options import HmmOptions, MonoOptions, SatOptions
from asr_prune.hmm.passes import Speech, train_passes
from asr_prune.lang.grammar import make_grammar
from asr_prune.lang.lang import Lang

pytestmark = pytest.mark.trains

FEW: dict[str, Any] = {"iterations": 6, "grow_iterations": 4, "gaussians": 30, "beam": 50.0, "retry_beam": 200.0}
PASSES = HmmOptions(
    passes=(
        MonoOptions(initial_beam=50.0, acoustic_scale=1.0, **FEW),
        SatOptions(leaves=12, realign=(2, 4), fmllr_iterations=(2, 4), acoustic_scale=1.0, **FEW),
    )
)
OPTIONS = DecodeOptions(adapt_lm_weight=1)
ARPA = "\\data\\\nngram 1=5\n\n\\1-grams:\n-99 <s>\n-0.6 </s>\n-0.6 YES\n-0.6 NO\n-0.6 SO\n\n\\end\\\n"


@pytest.fixture(scope="module")
def adapted(toy: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Any]:
    """A speaker-adaptive pass of the toy corpus with two speakers, and its graph."""
    folder = tmp_path_factory.mktemp("adapt")
    (folder / "lm.arpa").write_text(ARPA)
    make_grammar(folder / "lm.arpa", toy.lang)
    speakers = {utt: f"speaker{i % 2}" for i, utt in enumerate(sorted(toy.feats))}
    train_passes(toy.lang, Speech(toy.feats, toy.text, speakers, 0), folder / "align", PASSES, 0)
    make_graph(toy.lang, folder / "align/sat", folder / "graph", OPTIONS)
    return folder / "align/sat", folder / "graph", toy


def feats_of(hmm: Path, toy: Any, moved: np.ndarray) -> dict[str, np.ndarray]:
    """Ten utterances in the pass's features, spoken by someone who moves all frames: [dim, dim + 1]."""
    front = FrontEnd.load(hmm)
    few = sorted(toy.feats)[:10]
    return {utt: front((toy.feats[utt] @ moved[:, :2].T + moved[:, 2]).astype(np.float32)) for utt in few}


def test_a_speaker_is_moved_back_without_a_transcript(adapted: tuple[Path, Path, Any]) -> None:
    hmm, graph, toy = adapted
    plain = feats_of(hmm, toy, np.array([[1.0, 0, 0], [0, 1.0, 0]]))
    moved = feats_of(hmm, toy, np.array([[1.2, 0.1, 1.0], [-0.1, 0.9, -0.8]]))
    adapter = Adapter(hmm, graph, Lang.read(toy.lang).silence, OPTIONS)
    speakers = dict.fromkeys(plain, "new")
    back = {
        name: np.concatenate([transformed(x, adapter.transforms(feats, speakers, 50)["new"]) for x in feats.values()])
        for name, feats in (("plain", plain), ("moved", moved))
    }
    apart = np.abs(np.concatenate(list(plain.values())) - np.concatenate(list(moved.values()))).mean()
    assert np.abs(back["plain"] - back["moved"]).mean() < 0.2 * apart


def test_who_says_little_is_left_as_he_is(adapted: tuple[Path, Path, Any], caplog: pytest.LogCaptureFixture) -> None:
    hmm, graph, toy = adapted
    feats = feats_of(hmm, toy, np.array([[1.2, 0.1, 1.0], [-0.1, 0.9, -0.8]]))
    adapter = Adapter(hmm, graph, Lang.read(toy.lang).silence, OPTIONS)
    (transform,) = adapter.transforms(feats, dict.fromkeys(feats, "new"), 1e6).values()
    dim = next(iter(feats.values())).shape[1]
    np.testing.assert_array_equal(transform, np.eye(dim, dim + 1))
    assert "new" in caplog.text
