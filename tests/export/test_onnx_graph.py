from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from asr_prune.acoustic.network import Network
from asr_prune.acoustic.node_layer import NodeLayer
from asr_prune.errors import UserError
from asr_prune.export.deployed import Deployed
from asr_prune.export.forward import liken, torch_forward
from asr_prune.export.onnx_graph import IR_VERSION, METADATA, OPSET, onnx_model
from asr_prune.export.onnx_run import Session

from .conftest import DIM, PDFS, MakeDeployed

onnx = pytest.importorskip("onnx", reason="onnx is absent; pip install -e '.[export]'")
pytest.importorskip("onnxruntime", reason="onnxruntime is absent; pip install -e '.[export]'")


def session(deployed: Deployed, folder: Path) -> Session:
    path = folder / "network.onnx"
    path.write_bytes(onnx_model(deployed).SerializeToString())
    return Session(path)


@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize(
    ("kind", "hidden"),
    [
        ("feed_forward", (5, 4)),
        ("residual", (5, 4)),
        ("residual", (5, 0, 4)),
        ("tdnn", (5, 4)),
        ("tdnnf", (5, 4, 3)),
        ("tdnnf", (5, 0, 3)),
    ],
)
def test_onnxruntime_computes_what_torch_does(
    deployed: MakeDeployed,
    utterances: dict[str, np.ndarray],
    tmp_path: Path,
    kind: str,
    hidden: tuple[int, ...],
    activation: str,
    thin: bool,
) -> None:
    built = deployed(kind, hidden, activation, thin)
    run, reference = session(built, tmp_path), torch_forward(built.model)
    result = liken(run, reference, utterances, {})
    assert result.difference <= result.allowed
    for features in utterances.values():
        np.testing.assert_allclose(run(features).loglikes, reference(features).loglikes, atol=1e-5)


def test_no_frame_gives_no_row(deployed: MakeDeployed, tmp_path: Path) -> None:
    assert session(deployed(), tmp_path)(np.zeros((0, DIM), np.float32)).logits.shape == (0, PDFS)


@pytest.mark.parametrize("kind", ["feed_forward", "residual", "tdnn", "tdnnf"])
def test_a_stretch_with_its_context_gives_the_rows_of_the_whole(
    deployed: MakeDeployed, utterances: dict[str, np.ndarray], tmp_path: Path, kind: str
) -> None:
    built, features = deployed(kind), utterances["u50"]
    run, card = session(built, tmp_path), built.card()
    stride = card["stride"]
    left, right = (context + reach for context, reach in zip(card["context"], card["reach"], strict=True))
    left += -left % stride
    whole, stretch = run(features).loglikes, run(features[15 - left : 24 + right]).loglikes
    own = stretch[left // stride :][: 9 // stride]
    np.testing.assert_allclose(own, whole[15 // stride : 24 // stride], atol=1e-5)


def test_the_file_tells_what_it_needs(deployed: MakeDeployed, tmp_path: Path) -> None:
    built = deployed()
    run = session(built, tmp_path)
    metadata = json.loads(run.session.get_modelmeta().custom_metadata_map[METADATA])
    assert {key: metadata[key] for key in built.card()} == json.loads(json.dumps(built.card()))
    assert "neither spliced nor scaled" in metadata["input_form"]
    assert "log_priors" in metadata["output_form"]
    read = onnx.load(tmp_path / "network.onnx")
    assert (read.ir_version, [opset.version for opset in read.opset_import]) == (IR_VERSION, [OPSET])
    assert [one.name for one in run.session.get_inputs()] == ["features"]
    assert [one.shape for one in run.session.get_outputs()] == [["frames", PDFS], ["frames", PDFS]]


def test_a_network_that_ignores_its_input_is_refused(deployed: MakeDeployed) -> None:
    with pytest.raises(UserError, match=r"a hidden layer has no nodes left \(widths \[5, 0\]\)"):
        onnx_model(deployed(hidden=(5, 0)))


def test_a_network_of_another_type_is_refused(deployed: MakeDeployed) -> None:
    class Other(Network):
        """A single map."""

        def __init__(self) -> None:
            super().__init__(12, [], PDFS, "relu", 0.0)
            self.output = nn.Linear(12, PDFS)

        @property
        def maps(self) -> list[nn.Linear]:
            return [self.output]

        @property
        def affine(self) -> list[nn.Linear]:
            return self.maps

        def node_layers(self) -> list[NodeLayer]:
            return []

        def shape(self) -> dict[str, Any]:
            return {"type": "other"}

    built = deployed()
    with pytest.raises(UserError, match="a network of type other cannot be exported to ONNX"):
        onnx_model(replace(built, model=replace(built.model, network=Other())))
