"""Our networks as nnet3, computed frame by frame from the definition of its format."""

from __future__ import annotations

from pathlib import Path

import kaldi_hmm_gmm as khg
import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.export.forward import torch_forward
from asr_prune.export.nnet3_model import nnet3_model, with_transitions
from asr_prune.hmm.kaldi_model import parsed_topology
from asr_prune.hmm.mdl import read_transitions
from asr_prune.kaldi_format import KaldiReader
from asr_prune.nnet3.model import Nnet3, bytes_of, nnet3_of
from tests.nnet3.reference import Reference

from .conftest import CONTEXT, DIM, PDFS, MakeDeployed

TOPOLOGY = """<Topology> <TopologyEntry> <ForPhones> 1 2 </ForPhones>
<State> 0 <PdfClass> 0 <Transition> 0 0.5 <Transition> 1 0.5 </State>
<State> 1 </State> </TopologyEntry> </Topology>"""


def transitions() -> khg.TransitionModel:
    topology = parsed_topology(TOPOLOGY, "topo")
    return khg.TransitionModel(khg.monophone_context_dependency([1, 2], [-1, 1, 1]), topology)


def outputs(model: Nnet3, features: np.ndarray) -> np.ndarray:
    return Reference(model, {"input": features}, CONTEXT).outputs(1)


@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize(
    ("kind", "hidden"),
    [("feed_forward", (5, 4)), ("residual", (5, 4)), ("residual", (5, 0, 4)), ("residual", (0,))],
)
def test_the_outputs_are_those_of_torch(
    deployed: MakeDeployed,
    utterances: dict[str, np.ndarray],
    kind: str,
    hidden: tuple[int, ...],
    activation: str,
    thin: bool,
) -> None:
    """Edges, input normalisation, coefficients that are not read and factored maps included."""
    model = deployed(kind, hidden, activation, thin).model
    made = nnet3_of(bytes_of(nnet3_model(model)), Path("final.raw"))
    for features in utterances.values():
        given = torch_forward(model)(features)
        posteriors = given.loglikes + model.priors.numpy()
        np.testing.assert_allclose(outputs(made, features), posteriors, atol=1e-5)


def test_a_final_mdl_has_transitions_and_priors(deployed: MakeDeployed, utterances: dict[str, np.ndarray]) -> None:
    model = deployed().model
    hmm = transitions()
    for binary in (True, False):
        made = nnet3_of(bytes_of(with_transitions(model, hmm), binary), Path("final.mdl"))
        assert made.context == CONTEXT
        head = b"\0B" if binary else b""
        read = read_transitions(KaldiReader(head + made.transitions, Path("final.mdl")))
        assert np.allclose(read.log_probs, hmm.log_probs)
        features = utterances["u50"]
        loglikes = outputs(made, features) - np.log(made.priors.astype(np.float64))
        np.testing.assert_allclose(loglikes, torch_forward(model)(features).loglikes, atol=1e-5)
    assert len(made.priors) == PDFS
    assert made.nodes[0].settings["dim"] == str(DIM)


def test_a_network_that_ignores_its_input_is_refused(deployed: MakeDeployed) -> None:
    with pytest.raises(UserError, match=r"a hidden layer has no nodes left \(widths \[5, 0\]\)"):
        nnet3_model(deployed(hidden=(5, 0)).model)


@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize(
    ("kind", "hidden"), [("tdnn", (5, 4)), ("tdnnf", (5, 4)), ("tdnnf", (5, 4, 3)), ("tdnnf", (5, 0, 3))]
)
def test_a_time_delay_network_away_from_the_edges(
    deployed: MakeDeployed,
    utterances: dict[str, np.ndarray],
    kind: str,
    hidden: tuple[int, ...],
    thin: bool,
) -> None:
    """With sub-sampling before the outputs, and context in every layer but the first."""
    model, features = deployed(kind, hidden, thin=thin).model, utterances["u50"]
    made = nnet3_of(bytes_of(nnet3_model(model)), Path("final.raw"))
    found = Reference(made, {"input": features}, (99, 99)).outputs(model.network.stride)
    given = torch_forward(model)(features)
    posteriors = given.loglikes + model.priors.numpy()
    assert found.shape == posteriors.shape
    before, after = (-(-reach // model.network.stride) for reach in np.add(CONTEXT, model.network.reach))
    inside = slice(before, len(found) - after)
    np.testing.assert_allclose(found[inside], posteriors[inside], atol=1e-5)
    assert len(found[inside])
    read = with_transitions(model, transitions())
    assert read.context == tuple(np.add(CONTEXT, model.network.reach))
