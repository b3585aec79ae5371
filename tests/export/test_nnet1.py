"""What is written as nnet1, read after Kaldi's source, by Kaldi if it is installed, and by our reader."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.initial import start_from
from asr_prune.acoustic.nnet1 import read_nnet1
from asr_prune.errors import UserError
from asr_prune.export.deployed import Deployed
from asr_prune.export.forward import torch_forward
from asr_prune.export.nnet1 import write_nnet1
from asr_prune.features.archive import read_matrices, write_matrices
from asr_prune.features.options import HmmFeatureOptions
from asr_prune.hmm.frontend import FrontEnd
from asr_prune.kaldi_format import KaldiReader

from . import kaldi_nnet1
from .conftest import CONTEXT, DIM, PDFS, MakeDeployed


def joined(folder: Path) -> Path:
    """As Kaldi's nnet-concat puts the feature transform before the network."""
    transform, network = ((folder / f"final.{name}").read_bytes() for name in ("feature_transform", "nnet"))
    path = folder / "joined.nnet"
    path.write_bytes(transform.removesuffix(b"</Nnet> \n") + network.removeprefix(b"<Nnet> \n"))
    return path


def ours(output: Deployed, features: np.ndarray) -> np.ndarray:
    """Logits of the network less the log priors, [frames, pdfs]."""
    scores = torch_forward(output.model)(features)
    return scores.logits - output.model.priors.numpy()


SEEN = np.arange(PDFS) != 2


def assert_same_scores(kaldi: np.ndarray, output: Deployed, features: np.ndarray) -> None:
    """Equal up to a constant, as the counts add up to a million and the priors may not to 1."""
    mine = ours(output, features)[:, SEEN]
    offset = (kaldi[:, SEEN] - mine).mean()
    assert np.abs(kaldi[:, SEEN] - mine - offset).max() < 1e-5 * max(1, np.abs(mine).max())
    assert (kaldi[:, 2] < -1e18).all()


@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("hidden", [(5, 4), (1,), (6, 1, 3)], ids=str)
def test_by_the_definition_of_its_components_the_network_scores_as_ours(
    deployed: MakeDeployed,
    utterances: dict[str, np.ndarray],
    tmp_path: Path,
    activation: str,
    hidden: tuple[int, ...],
    thin: bool,
) -> None:
    output = deployed(activation=activation, hidden=hidden, thin=thin)
    write_nnet1(tmp_path, output)
    for features in utterances.values():
        assert_same_scores(kaldi_nnet1.nnet_forward(tmp_path, features), output, features)


def test_the_definition_refuses_the_tokens_of_another_component(deployed: MakeDeployed, tmp_path: Path) -> None:
    write_nnet1(tmp_path, deployed())
    text = (tmp_path / "final.nnet").read_text()
    for found, other in (
        ("<AlphaLearn", "<BiasLearn"),
        ("<MaxNorm>", "<ClipGradient>"),
        ("<Softmax> 7 7", "<Softmax> 7"),
    ):
        assert found in text
        (tmp_path / "other.nnet").write_text(text.replace(found, other))
        with pytest.raises(AssertionError):
            kaldi_nnet1.read(tmp_path / "other.nnet")


def program_scores(folder: Path, utterances: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What Kaldi's nnet-forward makes of `utterances`, with the options of steps/nnet/decode.sh."""
    write_matrices(folder / "feats", utterances.items(), place=folder / "feats")
    command = [
        "nnet-forward",
        "--no-softmax=true",
        f"--feature-transform={folder / 'final.feature_transform'}",
    ]
    command += [
        f"--class-frame-counts={folder / 'ali_train_pdf.counts'}",
        "--use-gpu=no",
        str(folder / "final.nnet"),
    ]
    places = f"scp:{folder / 'feats.scp'}", f"ark,scp:{folder / 'out.ark'},{folder / 'out.scp'}"
    subprocess.run([*command, *places], check=True, capture_output=True)
    return dict(read_matrices(folder / "out.scp"))


@pytest.mark.skipif(not shutil.which("nnet-forward"), reason="Kaldi's nnet-forward is not on the PATH")
@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
def test_kaldis_program_scores_as_ours(
    deployed: MakeDeployed,
    utterances: dict[str, np.ndarray],
    tmp_path: Path,
    activation: str,
    thin: bool,
) -> None:
    output = deployed(activation=activation, thin=thin)
    write_nnet1(tmp_path, output)
    scores = program_scores(tmp_path, utterances)
    for name, features in utterances.items():
        assert_same_scores(scores[name], output, features)


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


def test_thin_ends_are_read_back_as_whole_ones(deployed: MakeDeployed, tmp_path: Path) -> None:
    output = deployed(thin=True)
    write_nnet1(tmp_path, output)
    again = FeedForward(output.model.network.inputs, (5, 4), PDFS).eval()
    start_from(joined(tmp_path), again, CONTEXT)
    frames = torch.randn(20, again.inputs)
    assert torch.allclose(again(frames), output.model.network(frames), atol=1e-5)
    assert again.affine[0].weight.count_nonzero() == 5 * 5


@pytest.mark.parametrize(
    ("found", "other", "words"),
    [
        ("[ 1 4 5 9 12 ]", "[ 1 4 4 9 12 ]", "only with 5 different places from 1"),
        ("[ 1 4 5 9 12 ]", "[ 0 4 5 9 12 ]", "only with 5 different places from 1"),
        ("<Copy> 5 12", "<Copy> 4 12", "only with 4 different places from 1"),
        (
            "<LinearTransform> 2 4",
            "<LinearTransform> 2 5",
            "<LinearTransform> with 5 inputs follows",
        ),
    ],
)
def test_thin_ends_that_do_not_fit_are_refused(
    deployed: MakeDeployed, tmp_path: Path, found: str, other: str, words: str
) -> None:
    write_nnet1(tmp_path, deployed(thin=True))
    text = joined(tmp_path).read_text()
    assert found in text
    (tmp_path / "joined.nnet").write_text(text.replace(found, other))
    with pytest.raises(UserError, match=words):
        read_nnet1(tmp_path / "joined.nnet")


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
    with pytest.raises(
        UserError,
        match=r"can use a <ParametricRelu> only with 5 slopes of 1 above 0 and of 0 below",
    ):
        read_nnet1(tmp_path / "leaky.nnet")
