"""What is written as nnet1, read by our reader of Kaldi's own files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.initial import start_from
from asr_prune.acoustic.nnet1 import read_nnet1
from asr_prune.errors import UserError
from asr_prune.export.nnet1 import write_nnet1
from asr_prune.features.options import HmmFeatureOptions
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.hmm.kaldi_format import KaldiReader

from .conftest import CONTEXT, DIM, PDFS, MakeDeployed


def joined(folder: Path) -> Path:
    """As Kaldi's nnet-concat puts the feature transform before the network."""
    transform, network = ((folder / f"final.{name}").read_bytes() for name in ("feature_transform", "nnet"))
    path = folder / "joined.nnet"
    path.write_bytes(transform.removesuffix(b"</Nnet> \n") + network.removeprefix(b"<Nnet> \n"))
    return path


@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_what_is_read_back_is_the_same_network(deployed: MakeDeployed, tmp_path: Path, activation: str) -> None:
    output = deployed(activation=activation)
    write_nnet1(tmp_path, output)
    result = read_nnet1(tmp_path / "final.nnet")
    assert result.activations == [activation, activation]
    for layer, weight, bias in zip(output.model.network.affine, result.weights, result.biases, strict=True):
        assert np.array_equal(layer.weight.detach().numpy(), weight)
        assert np.array_equal(layer.bias.detach().numpy(), bias)
    again = FeedForward(output.model.network.inputs, (5, 4), PDFS, activation).eval()
    start_from(joined(tmp_path), again, CONTEXT)
    frames = torch.randn(20, again.inputs)
    assert torch.allclose(again(frames), output.model.network(frames), atol=1e-5)


def test_the_transform_splices_the_frames_that_training_did(deployed: MakeDeployed, tmp_path: Path) -> None:
    output = deployed()
    write_nnet1(tmp_path, output)
    result = read_nnet1(joined(tmp_path))
    assert result.offsets == [-2, -1, 0, 1]
    reader = KaldiReader((tmp_path / "final.feature_transform").read_bytes(), tmp_path)
    words = [reader.token() for _ in range(4)]
    assert words == ["<Nnet>", "<Splice>", str(DIM * 4), str(DIM)]
    assert result.scale is not None
    assert np.array_equal(result.scale, output.model.network.scale.numpy())


def test_counts_give_the_priors_and_none_to_what_was_never_seen(deployed: MakeDeployed, tmp_path: Path) -> None:
    output = deployed()
    write_nnet1(tmp_path, output)
    counts = KaldiReader.open(tmp_path / "ali_train_pdf.counts", "align").vector()
    assert counts[2] == 0
    seen = np.arange(PDFS) != 2
    shares = np.exp(output.model.priors.numpy()[seen].astype(np.float64))
    np.testing.assert_allclose(counts[seen] / counts.sum(), shares / shares.sum(), rtol=1e-6)


def test_what_nnet1_cannot_hold_is_refused_in_one_sentence(deployed: MakeDeployed, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"feed_forward networks only, not residual; .*--onnx"):
        write_nnet1(tmp_path, deployed("residual"))
    with pytest.raises(UserError, match=r"a hidden layer has no nodes left \(widths \[5, 0\]\)"):
        write_nnet1(tmp_path, deployed(hidden=(5, 0)))
    assert not list(tmp_path.iterdir())


def test_the_features_are_described_by_kaldis_options(deployed: MakeDeployed, tmp_path: Path) -> None:
    output = deployed()
    write_nnet1(tmp_path, output)
    assert "--num-mel-bins=3\n" in (tmp_path / "fbank.conf").read_text()
    assert "ceps" not in (tmp_path / "fbank.conf").read_text()
    assert (tmp_path / "cmvn_opts").read_text() == "--norm-means=true --norm-vars=false\n"
    assert not (tmp_path / "delta_opts").exists()
    assert json.loads((tmp_path / "model.json").read_text()) == json.loads(json.dumps(output.card()))


def test_of_gmm_features_with_deltas_kaldi_computes_the_rest(deployed: MakeDeployed, tmp_path: Path) -> None:
    write_nnet1(tmp_path, replace(deployed(), base=HmmFeatureOptions(), front=FrontEnd(deltas=2)))
    assert "--num-ceps=13\n" in (tmp_path / "mfcc.conf").read_text()
    assert (tmp_path / "cmvn_opts").is_file()
    assert (tmp_path / "delta_opts").read_text() == "--delta-order=2\n"


def test_of_lda_features_the_transform_is_there_and_nothing_that_would_be_applied_twice(
    deployed: MakeDeployed, tmp_path: Path
) -> None:
    matrix = np.random.default_rng(0).standard_normal((DIM, 39)).astype(np.float32)
    write_nnet1(tmp_path, replace(deployed(), base=HmmFeatureOptions(), front=FrontEnd(0, 1, 1, matrix)))
    assert np.array_equal(KaldiReader.open(tmp_path / "final.mat", "align").matrix(), matrix)
    assert (tmp_path / "splice_opts").read_text() == "--left-context=1 --right-context=1\n"
    assert not (tmp_path / "cmvn_opts").exists()
    assert not (tmp_path / "delta_opts").exists()


def test_a_relu_that_leaks_is_not_taken_for_ours(deployed: MakeDeployed, tmp_path: Path) -> None:
    write_nnet1(tmp_path, deployed())
    text = (tmp_path / "final.nnet").read_text()
    zeros = f" [ {'0.0 ' * 5}]"
    assert zeros in text
    (tmp_path / "leaky.nnet").write_text(text.replace(zeros, f" [ {'0.1 ' * 5}]"))
    with pytest.raises(UserError, match=r"can use a <ParametricRelu> only with 5 slopes of 1 above 0 and of 0 below"):
        read_nnet1(tmp_path / "leaky.nnet")
