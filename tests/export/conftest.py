"""Small networks as a run leaves them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from asr_prune.acoustic.checkpoint import Model
from asr_prune.acoustic.factored import TdnnF
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.residual import Residual
from asr_prune.acoustic.thin import factor_map, select_inputs
from asr_prune.acoustic.time_delay import Tdnn
from asr_prune.export.deployed import Deployed
from asr_prune.features.options import NetworkFeatureOptions

DIM, PDFS, CONTEXT = 3, 7, (2, 1)
FEATURES = {"network": {"type": "fbank", "bins": DIM}, "hmm": {}, "pass": "mono"}
MakeDeployed = Callable[..., Deployed]


@pytest.fixture
def deployed() -> MakeDeployed:
    """Builds a network with random weights, biases, input normalisation and priors; pdf 2 was never
    seen.

    thin: it reads only some inputs, and its output layer is factored.
    """

    def make(
        kind: str = "feed_forward", hidden: Sequence[int] = (5, 4), activation: str = "relu", thin: bool = False
    ) -> Deployed:
        torch.manual_seed(1)
        inputs = DIM * (1 + sum(CONTEXT))
        kinds: dict[str, Callable[[], Network]] = {
            "feed_forward": lambda: FeedForward(inputs, hidden, PDFS, activation),
            "residual": lambda: Residual(inputs, hidden, PDFS, activation, stream=6),
            "tdnnf": lambda: TdnnF(inputs, hidden, PDFS, activation, taps=[[0], [-3, 0, 2]], strides=[1, 3]),
            "tdnn": lambda: Tdnn(inputs, hidden, PDFS, activation, taps=[[0], [-3, 0, 2]], strides=[1, 3]),
        }
        network = kinds[kind]()
        for layer in network.affine:
            if layer.bias is not None:
                torch.nn.init.normal_(layer.bias)
        for name, values in network.named_parameters():
            if not name.endswith((".weight", ".bias")) or name.startswith("gates.1"):
                torch.nn.init.uniform_(values, 0.5, 1.5)
        network.set_normalisation(torch.randn(inputs), torch.rand(inputs) + 0.5)
        if thin:
            select_inputs(network, torch.tensor([0, 3, 4, 8, 11]))
            for number, each in enumerate(network.maps):
                factor_map(network, number, torch.linalg.qr(torch.randn(each.out_features, 2))[0])
        priors = torch.randn(PDFS).log_softmax(0)
        priors[2] = 10.0
        kept = [list(range(n)) for n in hidden]
        model = Model(network.eval(), priors, CONTEXT, kept, FEATURES)
        return Deployed(model, NetworkFeatureOptions(bins=DIM))

    return make


@pytest.fixture
def utterances() -> dict[str, np.ndarray]:
    """Features [frames, DIM] of a long and some very short utterances."""
    rng = np.random.default_rng(3)
    return {f"u{n}": rng.standard_normal((n, DIM)).astype(np.float32) for n in (50, 3, 1)}
