"""What an experiment knows from its recipe alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from asr_prune.recipe.load import load_recipe
from asr_prune.workflow.experiment import Experiment

DEMO = Path(__file__).resolve().parents[2] / "recipes/demo"
LDA = "{type: mono}, {type: lda_mllt, dim: 11}"


@pytest.mark.parametrize(
    ("passes", "dim"),
    [("{type: mono}", 39), (LDA, 11), (f"{LDA}, {{type: sat}}", 11), (f"{LDA}, {{type: tri}}, {{type: sat}}", 39)],
)
def test_networks_read_the_dimension_of_the_last_front_end(
    passes: str, dim: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sets = ["decode.type=hmm", "features.hmm=", "features.network=", "features.network.type=hmm"]
    assert Experiment(load_recipe(DEMO, [*sets, f"hmm.passes=[{passes}]"])).dim == dim
