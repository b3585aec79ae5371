from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.export.forward import liken, torch_forward
from asr_prune.export.onnx_graph import METADATA, onnx_model
from asr_prune.export.onnx_run import Session, need_onnx, quantise

from .conftest import MakeDeployed


def test_absent_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asr_prune.export.onnx_run.find_spec", lambda _: None)
    with pytest.raises(
        UserError, match=r"exporting to ONNX needs onnx and onnxruntime; run pip install -e '\.\[export\]'"
    ):
        need_onnx()


@pytest.mark.parametrize(
    ("kind", "hidden"), [("feed_forward", (200, 200)), ("residual", (200, 200)), ("residual", (240, 0))]
)
def test_eight_bits_are_near_smaller_and_tell_the_same(
    deployed: MakeDeployed,
    utterances: dict[str, np.ndarray],
    tmp_path: Path,
    kind: str,
    hidden: tuple[int, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip("onnx", reason="onnx is absent; pip install -e '.[export]'")
    pytest.importorskip("onnxruntime", reason="onnxruntime is absent; pip install -e '.[export]'")
    output = deployed(kind, hidden)
    model = onnx_model(output)
    whole = len(model.SerializeToString())
    quantise(model, path := tmp_path / "network.int8.onnx")
    run = Session(path)
    result = liken(run, torch_forward(output.model), utterances, {})
    assert 0 < result.difference < 0.05 * result.largest
    assert result.same_best > 0.9
    assert path.stat().st_size < 0.8 * whole
    metadata = json.loads(run.session.get_modelmeta().custom_metadata_map[METADATA])
    assert {key: metadata[key] for key in output.card()} == json.loads(json.dumps(output.card()))
    assert not caplog.records
    assert logging.root.manager.disable == logging.NOTSET
