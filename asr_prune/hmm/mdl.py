"""Kaldi's `.mdl` files, text and binary: a transition model, then the Gaussian mixtures (gmm-init-mono, gmm-copy)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kaldi_hmm_gmm as khg
import numpy as np
from _kaldi_hmm_gmm import HmmState, TransitionModelTuple

from asr_prune.files import atomic
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.kaldi_format import Reader, Writer
from asr_prune.hmm.kaldi_model import unpickled

NO_PDF = -1


def write_mdl(path: Path, transitions: khg.TransitionModel, gmms: Gmms, binary: bool = True) -> None:
    """Writes what Kaldi's gmm-* programs read as a model. Raises UserError as `atomic`."""
    writer = Writer(binary)
    _write_transitions(writer, transitions)
    _write_gmms(writer, gmms)
    with atomic(path, "wb") as file:
        file.write(writer.data)


def read_mdl(path: Path) -> tuple[khg.TransitionModel, Gmms]:
    """Reads a model written by `write_mdl` or by Kaldi. Raises UserError where the file is missing, damaged or of another kind."""
    reader = Reader.open(path, "align")
    return _read_transitions(reader), _read_gmms(reader)


def _write_transitions(writer: Writer, transitions: khg.TransitionModel) -> None:
    writer.token("<TransitionModel>", line=True)
    is_hmm = transitions.topo.is_hmm
    (_write_topology_binary if writer.binary else _write_topology_text)(writer, transitions.topo)
    kind = "Triples" if is_hmm else "Tuples"
    writer.token(f"<{kind}>")
    writer.int(len(transitions.tuples))
    writer.newline()
    for entry in transitions.tuples:
        for value in entry.__getstate__()[: 3 if is_hmm else 4]:
            writer.int(value)
        writer.newline()
    writer.token(f"</{kind}>", line=True)
    writer.token("<LogProbs>", line=True)
    writer.vector(np.asarray(transitions.log_probs, np.float32))
    writer.token("</LogProbs>", line=True)
    writer.token("</TransitionModel>", line=True)


def _write_topology_text(writer: Writer, topo: khg.HmmTopology) -> None:
    writer.token("<Topology>", line=True)
    phones, phone_entry, entries = topo.__getstate__()
    for i, states in enumerate(entries):
        for line in ("<TopologyEntry>", "<ForPhones>", " ".join(str(p) for p in phones if phone_entry[p] == i), "</ForPhones>"):
            writer.token(line, line=True)
        for number, state in enumerate(states):
            writer.token("<State>")
            writer.int(number)
            _write_pdf_class(writer, state, topo.is_hmm)
            for target, probability in state.transitions:
                writer.token("<Transition>")
                writer.int(target)
                writer.float(probability)
            writer.token("</State>", line=True)
        writer.token("</TopologyEntry>", line=True)
    writer.token("</Topology>", line=True)


def _write_pdf_class(writer: Writer, state: HmmState, is_hmm: bool) -> None:
    if state.forward_pdf_class == NO_PDF:
        return
    writer.token("<PdfClass>" if is_hmm else "<ForwardPdfClass>")
    writer.int(state.forward_pdf_class)
    if not is_hmm:
        writer.token("<SelfLoopPdfClass>")
        writer.int(state.self_loop_pdf_class)


def _write_topology_binary(writer: Writer, topo: khg.HmmTopology) -> None:
    writer.token("<Topology>")
    phones, phone_entry, entries = topo.__getstate__()
    writer.ints(phones)
    writer.ints(phone_entry)
    if not topo.is_hmm:
        writer.int(-1)  # Kaldi's mark of topologies whose self-loops have pdfs of their own
    writer.int(len(entries))
    for states in entries:
        writer.int(len(states))
        for state in states:
            writer.int(state.forward_pdf_class)
            if not topo.is_hmm:
                writer.int(state.self_loop_pdf_class)
            writer.int(len(state.transitions))
            for target, probability in state.transitions:
                writer.int(target)
                writer.float(probability)
    writer.token("</Topology>")


def _write_gmms(writer: Writer, gmms: Gmms) -> None:
    writer.token("<DIMENSION>")
    writer.int(gmms.dim)
    writer.token("<NUMPDFS>")
    writer.int(gmms.num_pdfs)
    gconsts = gmms.gconsts
    for start, end in zip(gmms.offsets[:-1], gmms.offsets[1:], strict=True):
        writer.token("<DiagGMM>", line=True)
        writer.token("<GCONSTS>")
        writer.vector(gconsts[start:end])
        writer.token("<WEIGHTS>")
        writer.vector(gmms.weights[start:end])
        writer.token("<MEANS_INVVARS>")
        writer.matrix(gmms.means_invvars[start:end])
        writer.token("<INV_VARS>")
        writer.matrix(gmms.invvars[start:end])
        writer.token("</DiagGMM>", line=True)


def _read_transitions(reader: Reader) -> khg.TransitionModel:
    reader.expect("<TransitionModel>")
    topo = _read_topology_binary(reader) if reader.binary else _read_topology_text(reader)
    kind = reader.expect("<Triples>", "<Tuples>")
    rows = [[reader.int() for _ in range(3 if kind == "<Triples>" else 4)] for _ in range(reader.int())]
    reader.expect(kind.replace("<", "</"))
    reader.expect("<LogProbs>")
    log_probs = reader.vector()
    reader.expect("</LogProbs>")
    reader.expect("</TransitionModel>")
    return _transition_model(reader, topo, [[*row, row[2]][:4] for row in rows], log_probs)


def _transition_model(reader: Reader, topo: khg.HmmTopology, rows: list[list[int]], log_probs: np.ndarray) -> khg.TransitionModel:
    """rows: (phone, state, pdf, self-loop pdf) by transition-state. Derives the tables that Kaldi derives on reading."""
    first, state_of, pdf_of, leave = [0], [0], [0], [0.0]
    for number, (phone, state, pdf, loop_pdf) in enumerate(rows, 1):
        first.append(len(state_of))
        leave.append(0.0)
        for target, _ in topo.topology_for_phone(phone)[state].transitions:
            if target == state and len(state_of) < len(log_probs):
                leave[-1] = float(np.log(max(-np.expm1(np.float64(log_probs[len(state_of)])), 1e-10)))
            state_of.append(number)
            pdf_of.append(loop_pdf if target == state else pdf)
    if len(state_of) != len(log_probs):
        raise reader.fail(f"the topology has {len(state_of) - 1} transitions and the model {len(log_probs) - 1}")
    tuples = [TransitionModelTuple(*row) for row in rows]
    num_pdfs = max(max(row[2:]) for row in rows) + 1
    tables = [*first, len(state_of)], state_of, pdf_of, num_pdfs
    return unpickled(khg.TransitionModel, (tuples, topo, *tables, log_probs.tolist(), leave))


def _read_topology_text(reader: Reader) -> khg.HmmTopology:
    start = reader.at
    while reader.token() != "</Topology>":
        pass
    topo = khg.HmmTopology()
    topo.read(reader.data[start : reader.at].decode())
    return topo


def _read_topology_binary(reader: Reader) -> khg.HmmTopology:
    reader.expect("<Topology>")
    phones, phone_entry, count = reader.ints(), reader.ints(), reader.int()
    is_hmm = count != -1
    if not is_hmm:
        count = reader.int()
    entries = [[_read_state(reader, is_hmm) for _ in range(reader.int())] for _ in range(count)]
    reader.expect("</Topology>")
    return unpickled(khg.HmmTopology, (phones, phone_entry, entries))


def _read_state(reader: Reader, is_hmm: bool) -> Any:
    forward = reader.int()
    loop = forward if is_hmm else reader.int()
    return unpickled(HmmState, (forward, loop, [(reader.int(), reader.float()) for _ in range(reader.int())]))


def _read_gmms(reader: Reader) -> Gmms:
    reader.expect("<DIMENSION>")
    reader.int()
    reader.expect("<NUMPDFS>")
    weights, means, invvars = [], [], []
    for _ in range(reader.int()):
        reader.expect("<DiagGMM>", "<DiagGMMBegin>")
        if reader.peek() == "<GCONSTS>":
            reader.token()
            reader.vector()
        reader.expect("<WEIGHTS>")
        weights.append(reader.vector())
        reader.expect("<MEANS_INVVARS>")
        means.append(reader.matrix())
        reader.expect("<INV_VARS>")
        invvars.append(reader.matrix())
        reader.expect("</DiagGMM>", "<DiagGMMEnd>")
    offsets = np.cumsum([0, *map(len, weights)])
    return Gmms(offsets, np.concatenate(weights), np.concatenate(means), np.concatenate(invvars))
