"""Components and operators that are not known are refused only if the output needs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from asr_prune.acoustic.graph_model import cut_model
from asr_prune.acoustic.graph_network import GraphNetwork
from asr_prune.errors import UserError
from asr_prune.nnet3.components import Component
from asr_prune.nnet3.graph import needed_nodes
from asr_prune.nnet3.graph_lines import parse_line
from asr_prune.nnet3.model import Nnet3, bytes_of, nnet3_of

WHERE = Path("final.mdl")
KINDS = ["LstmNonlinearityComponent", "RestrictedAttentionComponent", "CompositeComponent", "NewComponent"]
#: where an unknown component stands: its node, and the one that reads it
PLACES = {
    "of another output": ("prefinal-output-xent.relu", "prefinal-output-xent.affine", "output-xent"),
    "read by none": ("side", "lda", ""),
    "of no node": ("", "", ""),
}


def inside(kind: str, binary: bool) -> bytes:
    """What looks like the end of the component, and like the next one, but is neither."""
    if not binary:
        return f"<Params>  [ \n  0.5 </{kind}> 1 ]\n<Component> <FixedBiasComponent> </FixedBiasComponent> ".encode()
    values = np.random.default_rng(0).normal(size=99).astype("<f4").tobytes()
    return b"<Params> FV \4" + values + f"</{kind}> <ComponentName>".encode() + values + f"</{kind}> ".encode()


def with_unknown(model: Nnet3, kind: str, place: str, binary: bool = True) -> Nnet3:
    """`model` with a component of an unknown type that `output` does not need."""
    node, source, _ = PLACES[place]
    made = Component(kind, unread=inside(kind, binary))
    components = {name: made if name == node else part for name, part in model.components.items()}
    lines = [each.line() for each in model.nodes]
    if node and node not in components:
        lines.append(f"component-node name={node} component={node} input={source}")
    first = {node or "unused": made} if node not in components else {}
    return Nnet3([parse_line(line) for line in lines], first | components, binary=binary)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_the_output_does_not_need_is_kept_and_not_computed(
    kind: str, place: str, binary: bool, tdnnf: Nnet3
) -> None:
    data = bytes_of(with_unknown(tdnnf, kind, place, binary))
    read = nnet3_of(data, WHERE)
    assert [part.kind for part in read.components.values()].count(kind) == 1
    assert bytes_of(read) == data
    network, frames = GraphNetwork.of(read, 3, WHERE), torch.randn(30, 6)
    assert torch.equal(network(frames), GraphNetwork.of(tdnnf, 3, WHERE)(frames))
    small = cut_model(read, network, [list(range(width)) for width in network.widths])
    written = nnet3_of(bytes_of(small), WHERE)
    assert kind not in {part.kind for part in written.components.values()}
    assert torch.allclose(GraphNetwork.of(written, 3, WHERE)(frames), network(frames), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_output_needs_is_refused_by_name(kind: str, tdnnf: Nnet3) -> None:
    tdnnf.components["tdnnf2.relu"] = Component(kind, unread=inside(kind, True))
    with pytest.raises(UserError) as caught:
        needed_nodes(nnet3_of(bytes_of(tdnnf), WHERE), WHERE)
    says = f"final.mdl: the node 'tdnnf2.relu' is of the type {kind}, which is not supported (supported: Affine"
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("name", ["output", "output-xent"])
def test_an_operator_that_is_not_known(name: str, tdnnf: Nnet3) -> None:
    switched = f"output-node name={name} input=Switch(lda, tdnn1.relu)"
    lines = [switched if each.name == name else each.line() for each in tdnnf.nodes]
    data = bytes_of(Nnet3([parse_line(line) for line in lines], tdnnf.components))
    read = nnet3_of(data, WHERE)
    assert bytes_of(read) == data
    if name == "output":
        with pytest.raises(UserError, match=r"the output-node 'output' reads 'Switch\(.*, but the operator Switch\(\)"):
            needed_nodes(read, WHERE)
    else:
        assert needed_nodes(read, WHERE) == needed_nodes(tdnnf, WHERE)


def test_a_component_without_an_end(tdnnf: Nnet3) -> None:
    data = bytes_of(with_unknown(tdnnf, "NewComponent", "read by none"))
    cut = data.replace(b"</NewComponent> ", b"")
    with pytest.raises(UserError, match=r"'side' is of the type NewComponent, .* and has no end </NewComponent>"):
        nnet3_of(cut, WHERE)


def test_an_unknown_component_keeps_its_form(tdnnf: Nnet3) -> None:
    model = with_unknown(tdnnf, "NewComponent", "read by none")
    with pytest.raises(UserError, match="component 'side' is a NewComponent, which keeps the form it has"):
        bytes_of(model, False)
