"""What can be decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from asr_prune.decode.decoding import Decoding
from asr_prune.decode.options import DecodeOptions
from asr_prune.features.options import FeaturesOptions
from asr_prune.hmm.network_features import NetworkFeatures


@pytest.mark.parametrize(
    ("kind", "graph", "ctc", "decodable"),
    [
        ("hmm", None, False, False),
        ("hmm", "graph", False, True),
        ("ctc", None, True, True),
        ("ctc", "graph", True, True),
    ],
)
def test_with_an_hmm_a_graph_is_needed(
    tmp_path: Path, kind: Any, graph: str | None, ctc: bool, decodable: bool
) -> None:
    features = NetworkFeatures(FeaturesOptions(), "tri")
    folders = tmp_path / "data", tmp_path / "lang", tmp_path / "align", "tri", graph and tmp_path / graph
    decoding = Decoding(*folders, features, DecodeOptions(type=kind), 500.0)  # type: ignore[arg-type]
    assert (decoding.ctc, decoding.decodable) == (ctc, decodable)
    assert decoding.hmm == tmp_path / "align/tri"
    assert decoding.set("dev") == tmp_path / "data/dev"
