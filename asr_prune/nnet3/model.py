"""Reads and writes whole nnet3 models: `final.mdl` and raw networks.

Kaldi: nnet3/nnet-nnet.cc, am-nnet-simple.cc.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from asr_prune.errors import UserError
from asr_prune.files import Readable, atomic
from asr_prune.kaldi_format import BINARY, KaldiReader, KaldiWriter
from asr_prune.nnet3.component_file import Nnet3Reader, read_component, write_component
from asr_prune.nnet3.components import Component
from asr_prune.nnet3.descriptor import DescriptorError
from asr_prune.nnet3.graph_lines import GraphNode, parse_line

_TRANSITIONS_END = b"</TransitionModel>"


@dataclass
class Nnet3:
    """A model. nodes: of the graph, in the order of the file. components: by name, likewise.

    transitions: the transition model as it is in the file, from its first token to its last, b""
    for a raw network; context: frames to the left and right as the file says, None for a raw
    network; priors: float32 [pdfs], empty if the outputs are divided by none (chain models).
    binary: of the file, and of `transitions`.
    """

    nodes: list[GraphNode]
    components: dict[str, Component]
    transitions: bytes = b""
    context: tuple[int, int] | None = None
    priors: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    binary: bool = True

    def node(self, name: str) -> GraphNode:
        """The node of a name. Raises KeyError if there is none."""
        return {node.name: node for node in self.nodes}[name]


def read_nnet3(path: Readable) -> Nnet3:
    """Reads `final.mdl` or a raw network, binary or text.

    Components and operators that are not known are kept as they are; `graph.needed_nodes` refuses
    those that the output needs. Raises UserError if it cannot be read, is cut short or damaged, or
    holds another kind of model.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}; give a final.mdl or a raw network.") from error
    return nnet3_of(data, path)


def nnet3_of(data: bytes, path: Readable) -> Nnet3:
    """Reads a model from the bytes of a file. path: for messages. Raises UserError as `read_nnet3`."""
    reader = Nnet3Reader(data, path)
    transitions = _transitions(reader)
    _check_kind(reader, bool(transitions))
    nodes = _read_graph(reader)
    model = Nnet3(nodes, _read_components(reader, nodes), transitions, binary=reader.binary)
    if transitions:
        _read_context(reader, model)
    if reader.data[reader.at :].strip():
        raise reader.fail("something follows the model")
    return model


def write_nnet3(path: Path, model: Nnet3, binary: bool | None = None) -> None:
    """Writes a model; binary None: in the form that it was read from.

    Raises UserError as `atomic` and `bytes_of`.
    """
    data = bytes_of(model, binary)
    with atomic(path, "wb") as file:
        file.write(data)


def bytes_of(model: Nnet3, binary: bool | None = None) -> bytes:
    """The bytes of the file of a model, as `write_nnet3` writes it. Raises UserError if the form
    changes and a component is not known.
    """
    writer = KaldiWriter(model.binary if binary is None else binary)
    unread = [name for name, part in model.components.items() if part.unread is not None]
    if unread and model.binary != writer.binary:
        what = f"is a {model.components[unread[0]].kind}, which keeps the form it has"
        raise UserError(f"the component {unread[0]!r} {what}; write it in that form.")
    if model.transitions:
        same = model.binary == writer.binary
        writer.data += model.transitions if same else _recoded(model, writer.binary)
    writer.token("<Nnet3>")
    writer.data += "".join(["\n", *(f"{node.line()}\n" for node in model.nodes), "\n"]).encode()
    writer.token("<NumComponents>")
    writer.integer(len(model.components))
    writer.newline()
    for name, component in model.components.items():
        writer.token("<ComponentName>")
        writer.token(name)
        write_component(writer, component)
    writer.token("</Nnet3>")
    if model.context is not None:
        for side, frames in zip(("Left", "Right"), model.context, strict=True):
            writer.token(f"<{side}Context>")
            writer.integer(frames)
        writer.token("<Priors>")
        writer.vector(model.priors)
    return bytes(writer.data)


def _recoded(model: Nnet3, binary: bool) -> bytes:
    """The transition model in the other form."""
    from asr_prune.hmm.mdl import read_transitions, write_transitions

    head = BINARY if model.binary else b""
    reader = KaldiReader(head + model.transitions, Path("the transition model"))
    writer = KaldiWriter(binary)
    start = len(writer.data)
    write_transitions(writer, read_transitions(reader))
    return bytes(writer.data[start:])


def _transitions(reader: Nnet3Reader) -> bytes:
    if reader.peek() != "<TransitionModel>":
        return b""
    start, end = reader.at, reader.data.find(_TRANSITIONS_END, reader.at)
    if end < 0:
        raise reader.fail(f"the file ends before {_TRANSITIONS_END.decode()}")
    reader.at = end + len(_TRANSITIONS_END) + 1
    while not reader.binary and reader.data[reader.at : reader.at + 1].isspace():
        reader.at += 1
    return reader.data[start : reader.at]


def _check_kind(reader: Nnet3Reader, has_transitions: bool) -> None:
    """Raises UserError, by name, if no nnet3 network follows."""
    token = reader.peek() if reader.at < len(reader.data) else ""
    if token == "<Nnet3>":
        reader.token()
        return
    known = {"<DIMENSION>": "a GMM model", "<Splice>": "an nnet1 network", "<AffineTransform>": "an nnet1 network"}
    kind = known.get(token, "")
    if token == "<Nnet>":
        kind = "an nnet2 model" if has_transitions or b"<NumComponents>" in reader.data[:200] else "an nnet1 network"
    if kind:
        what = f"{kind}, not an nnet3 model; give the final.mdl of an nnet3 or chain system"
        raise UserError(f"{reader.path} is {what}.")
    raise reader.fail(f"expected <Nnet3>, found {token[:40]!r}")


def _read_graph(reader: Nnet3Reader) -> list[GraphNode]:
    """Reads the lines after <Nnet3>, until an empty one."""
    end = _end_of_graph(reader)
    lines = reader.data[reader.at : end].decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    try:
        nodes = [parse_line(line) for line in lines if line.strip(" ")]
    except DescriptorError as error:
        raise reader.unknown(f"the graph cannot be used: {error}") from None
    _check_names(reader, nodes)
    reader.at = end
    return nodes


def _end_of_graph(reader: Nnet3Reader) -> int:
    end = reader.data.find(b"<NumComponents>", reader.at)
    if end < 0:
        raise reader.fail("the file ends before <NumComponents>")
    return end


def _check_names(reader: Nnet3Reader, nodes: list[GraphNode]) -> None:
    names = [node.name for node in nodes]
    if double := next((name for name in names if names.count(name) > 1), None):
        raise reader.unknown(f"two nodes are called {double!r}")
    for node in nodes:
        for name in node.reads:
            if name not in names:
                raise reader.unknown(f"the node {node.name!r} reads {name!r}, which is no node")


def _read_components(reader: Nnet3Reader, nodes: list[GraphNode]) -> dict[str, Component]:
    reader.expect("<NumComponents>")
    components: dict[str, Component] = {}
    for _ in range(reader.count()):
        reader.expect("<ComponentName>")
        name = reader.token()
        components[name] = read_component(reader, name)
    reader.expect("</Nnet3>")
    for node in nodes:
        if node.component and node.component not in components:
            raise reader.unknown(f"the component {node.component!r} of the node {node.name!r} is missing")
    return components


def _read_context(reader: Nnet3Reader, model: Nnet3) -> None:
    reader.expect("<LeftContext>")
    left = reader.integer()
    reader.expect("<RightContext>")
    model.context = left, reader.integer()
    reader.expect("<Priors>")
    model.priors = reader.vector()
    if not np.isfinite(model.priors).all():
        raise reader.fail("a prior is not finite")
