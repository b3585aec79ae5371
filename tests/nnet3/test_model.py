from __future__ import annotations

from pathlib import Path

import kaldi_hmm_gmm as khg
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.hmm.kaldi_model import parsed_topology
from asr_prune.hmm.mdl import write_transitions
from asr_prune.kaldi_format import KaldiWriter
from asr_prune.nnet3.components import LAYOUTS, Component
from asr_prune.nnet3.graph_lines import parse_line
from asr_prune.nnet3.model import Nnet3, bytes_of, nnet3_of, read_nnet3, write_nnet3
from tests.nnet3.conftest import tdnnf_model

CHAIN_TOPOLOGY = """<Topology> <TopologyEntry> <ForPhones> 1 2 </ForPhones>
<State> 0 <ForwardPdfClass> 0 <SelfLoopPdfClass> 1 <Transition> 0 0.5 <Transition> 1 0.5 </State>
<State> 1 </State> </TopologyEntry> </Topology>"""
WHERE = Path("final.mdl")


def with_transitions(model: Nnet3) -> Nnet3:
    """`model` as a final.mdl with two phones of Kaldi's chain topology."""
    topology = parsed_topology(CHAIN_TOPOLOGY, "topo")
    writer = KaldiWriter(True)
    write_transitions(writer, khg.TransitionModel(khg.monophone_context_dependency([1, 2], [-1, 2, 2]), topology))
    model.transitions, model.context = bytes(writer.data[2:]), (4, 5)
    model.priors = np.array([0.25, 0.75], np.float32)
    return model


def test_binary_and_text(tdnnf: Nnet3, tmp_path: Path) -> None:
    model = with_transitions(tdnnf)
    for binary in (True, False):
        write_nnet3(tmp_path / "final.mdl", model, binary)
        read = read_nnet3(tmp_path / "final.mdl")
        assert (read.binary, read.context, read.nodes) == (binary, (4, 5), model.nodes)
        assert bytes_of(read, True) == bytes_of(model, True)
        assert bytes_of(read) == (tmp_path / "final.mdl").read_bytes()


def test_a_raw_network(tdnnf: Nnet3) -> None:
    for binary in (True, False):
        read = nnet3_of(bytes_of(tdnnf, binary), WHERE)
        assert (read.transitions, read.context) == (b"", None)
        assert bytes_of(read, True) == bytes_of(tdnnf)


def test_the_bytes_of_a_component() -> None:
    """Written by hand after ScaleAndOffsetComponent::Write and WriteUpdatableCommon."""
    singles = {"Dim": 1, "Scales": np.ones(1, np.float32), "Offsets": np.zeros(1, np.float32)}
    more = {"UseNaturalGradient": True, "Rank": 2}
    made = Component("ScaleAndOffsetComponent", {"LearningRate": np.float32(0.5), **singles, **more})
    nodes = ["input-node name=input dim=1", "component-node name=a component=s input=input"]
    model = Nnet3([parse_line(line) for line in [*nodes, "output-node name=output input=a"]], {"s": made})
    four, one, vector = b"\4", b"\4\1\0\0\0", b"FV \4\1\0\0\0"
    assert bytes_of(model) == b"".join([
        b"\0B<Nnet3> \ninput-node name=input dim=1\ncomponent-node name=a component=s input=input\n",
        b"output-node name=output input=a\n\n<NumComponents> ", one, b"<ComponentName> s ",
        b"<ScaleAndOffsetComponent> <LearningRate> ", four, b"\0\0\0\x3f", b"<Dim> ", one,
        b"<Scales> ", vector, b"\0\0\x80\x3f", b"<Offsets> ", vector, b"\0\0\0\0",
        b"<UseNaturalGradient> T<Rank> ", b"\4\2\0\0\0", b"</ScaleAndOffsetComponent> </Nnet3> ",
    ])  # fmt: skip
    text = bytes_of(model, False).decode()
    assert "<Scales>  [ 1.0 ]\n<Offsets>" in text
    assert "<UseNaturalGradient> T <Rank> 2 </ScaleAndOffsetComponent> \n</Nnet3> " in text


VALUES = {
    "int": 3,
    "real": np.float32(0.1),
    "double": np.float64(0.1),
    "bool": False,
    "flag": None,
    "ints": [-3, 0, 3],
    "vector": np.array([0.5, 1.5, -2], np.float32),
    "matrix": np.arange(9, dtype=np.float32).reshape(3, 3),
    "two_ints": (1, 2),
    "two_reals": (np.float32(1), np.float32(2)),
}


@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("kind", LAYOUTS)
def test_every_component(kind: str, optional: bool) -> None:
    fields = {part.name: VALUES[part.type] for part in LAYOUTS[kind] if optional or not part.optional}
    for binary in (True, False):
        data = bytes_of(Nnet3([], {"a": Component(kind, fields)}), binary)
        read = nnet3_of(data, WHERE)
        assert bytes_of(read) == data
        assert list(read.components["a"].fields) == list(fields)


@pytest.mark.parametrize("end", ["</NaturalGradientAffineComponent> ", "<NaturalGradientAffineComponent> "])
def test_a_natural_gradient_component_of_2016(end: str) -> None:
    """As the Write of its time had it, between September 2015 and March 2017."""
    layout = LAYOUTS["NaturalGradientAffineComponent"]
    old = ("LearningRate", "MaxChangePerSample", "UpdateCount", "ActiveScalingCount", "MaxChangeScaleStats")
    names = [part.name for part in layout if not part.optional or part.name in old]
    fields = {part.name: VALUES[part.type] for part in layout if part.name in names}
    model = Nnet3([], {"a": Component("NaturalGradientAffineComponent", fields)})
    for binary in (True, False):
        data = bytes_of(model, binary)
        assert b"<ActiveScalingCount>" in data
        read = nnet3_of(data.replace(b"</NaturalGradientAffineComponent> ", end.encode()), WHERE)
        assert list(read.components["a"].fields) == names
        assert bytes_of(read) == data


@pytest.mark.parametrize("block", [4, 3])
def test_offsets_of_a_block_are_those_of_all_blocks(block: int) -> None:
    values = {"Offsets": np.ones(block, np.float32), "Dim": 8, "UseNaturalGradient": True}
    model = Nnet3([], {"a": Component("PerElementOffsetComponent", {"LearningRate": np.float32(0.5)} | values)})
    if 8 % block:
        with pytest.raises(UserError, match="has 3 <Offsets> for a dimension of 8"):
            nnet3_of(bytes_of(model), WHERE)
    else:
        assert bytes_of(nnet3_of(bytes_of(model), WHERE)) == bytes_of(model)


def test_double_precision_stays() -> None:
    fields = {"Scales": np.array([1 / 3], np.float64)}
    data = bytes_of(Nnet3([], {"a": Component("FixedScaleComponent", fields)}))
    assert b"DV " in data
    assert bytes_of(nnet3_of(data, WHERE)) == data


@given(st.data())
def test_a_file_that_is_cut_short_or_damaged(data: st.DataObject) -> None:
    """Is refused in one sentence, wherever it ends."""
    whole = bytes_of(with_transitions(tdnnf_model()), data.draw(st.booleans()))
    end = data.draw(st.integers(0, len(whole.rstrip()) - 1))
    with pytest.raises(UserError) as caught:
        nnet3_of(whole[:end], WHERE)
    assert str(caught.value).startswith("final.mdl: ")


OTHER = {
    b"<Nnet> <AffineTransform> 2 2 [ 1 ] </Nnet> ": "final.mdl is an nnet1 network, not an nnet3 model; "
    "give the final.mdl of an nnet3 or chain system.",
    b"\0B<Nnet> <NumComponents> \4\1\0\0\0": "final.mdl is an nnet2 model, not an nnet3 model",
    b"\0B<Splice> ": "final.mdl is an nnet1 network, not an nnet3 model",
    b"RIFF": "final.mdl: expected <Nnet3>, found 'RIFF'",
    b"": "final.mdl: expected a token, found nothing",
}


@pytest.mark.parametrize("data", OTHER)
def test_other_models(data: bytes) -> None:
    with pytest.raises(UserError, match=r"^final") as caught:
        nnet3_of(data, WHERE)
    assert str(caught.value).startswith(OTHER[data])


AFTER_TRANSITIONS = {
    b"<DIMENSION> \4\1\0\0\0": "is a GMM model",
    b"<Nnet> <NumComponents> ": "is an nnet2 model",
    b"<Nnet> <Other> ": "is an nnet2 model",
}


@pytest.mark.parametrize("end", AFTER_TRANSITIONS)
def test_models_with_transitions(end: bytes, tdnnf: Nnet3) -> None:
    data = bytes_of(with_transitions(tdnnf))
    with pytest.raises(UserError, match=AFTER_TRANSITIONS[end]):
        nnet3_of(data[: data.index(b"<Nnet3>")] + end, WHERE)


GRAPHS = {
    "component-node name=a component=c input=Sum(input": "the component-node 'a' reads 'Sum(input', but ",
    "component-node name=a component=c input=other": "the node 'a' reads 'other', which is no node",
    "component-node name=a component=d input=input": "the component 'd' of the node 'a' is missing",
    "component-node name=a component=c": "the component-node 'a' has no input=",
    "component-node name=input component=c input=input": "two nodes are called 'input'",
    "component-node name=a component=c input=input extra=1": "the component-node 'a' has extra=",
    "input-node name=b dim=x": "the input-node 'b' has dim=x",
    "splice-node name=b": "'splice-node' begins no line of a graph",
}


@pytest.mark.parametrize("line", GRAPHS)
def test_graphs_that_are_none(line: str) -> None:
    made = {"c": Component("FixedBiasComponent", {"Bias": np.ones(2, np.float32)})}
    data = bytes_of(Nnet3([parse_line("input-node name=input dim=2")], made))
    with pytest.raises(UserError) as caught:
        nnet3_of(data.replace(b"dim=2\n", b"dim=2\n" + line.encode() + b"\n"), WHERE)
    assert GRAPHS[line] in str(caught.value)


def test_a_missing_file_and_wrong_sizes(tdnnf: Nnet3, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*nothing: No such file"):
        read_nnet3(tmp_path / "nothing")
    bias = tdnnf.components["output.affine"].fields["BiasParams"]
    tdnnf.components["output.affine"].fields["BiasParams"] = bias[1:]
    with pytest.raises(UserError, match=r"'output.affine' .* weights and biases of different sizes"):
        nnet3_of(bytes_of(tdnnf), WHERE)
    tdnnf.components["output.affine"].fields["BiasParams"] = bias * np.float32(np.nan)
    with pytest.raises(UserError, match="is not finite"):
        nnet3_of(bytes_of(tdnnf), WHERE)


@pytest.mark.slow
def test_a_production_model(korean: Path) -> None:
    path = korean / "am/final.mdl"
    data = path.read_bytes()
    model = read_nnet3(path)
    assert bytes_of(model) == data
    assert len(model.components) == 103
    assert bytes_of(nnet3_of(bytes_of(model, False), path), True) == data
