"""Kaldi's `.mdl` files, text and binary: a transition model and Gaussian mixtures (gmm-copy)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kaldi_hmm_gmm as khg
import numpy as np
from _kaldi_hmm_gmm import HmmState, TransitionModelTuple  # type: ignore[import-not-found]

from asr_prune.files import Readable, atomic
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.kaldi_format import KaldiReader, KaldiWriter
from asr_prune.hmm.kaldi_model import unpickled

_NO_PDF = -1


def write_mdl(
    path: Path,
    transitions: khg.TransitionModel,
    gmms: Gmms,
    binary: bool = True,
) -> None:
    """Writes a model for Kaldi's gmm-* programs. Raises UserError as `atomic`."""
    writer = KaldiWriter(binary)
    _write_transitions(writer, transitions)
    _write_gmms(writer, gmms)
    with atomic(path, "wb") as file:
        file.write(writer.data)


def read_mdl(path: Readable) -> tuple[khg.TransitionModel, Gmms]:
    """Reads a model of `write_mdl` or Kaldi. Raises UserError if it is missing or damaged."""
    reader = KaldiReader.open(path, "align")
    return _read_transitions(reader), _read_gmms(reader)


def _write_transitions(writer: KaldiWriter, transitions: khg.TransitionModel) -> None:
    writer.token("<TransitionModel>", line=True)
    is_hmm = transitions.topo.is_hmm
    (_write_topology_binary if writer.binary else _write_topology_text)(writer, transitions.topo)
    kind = "Triples" if is_hmm else "Tuples"
    writer.token(f"<{kind}>")
    writer.integer(len(transitions.tuples))
    writer.newline()
    for entry in transitions.tuples:
        for value in entry.__getstate__()[: 3 if is_hmm else 4]:
            writer.integer(value)
        writer.newline()
    writer.token(f"</{kind}>", line=True)
    writer.token("<LogProbs>", line=True)
    writer.vector(np.asarray(transitions.log_probs, np.float32))
    writer.token("</LogProbs>", line=True)
    writer.token("</TransitionModel>", line=True)


def _write_topology_text(writer: KaldiWriter, topo: khg.HmmTopology) -> None:
    writer.token("<Topology>", line=True)
    phones, phone_entry, entries = topo.__getstate__()
    for i, states in enumerate(entries):
        members = " ".join(str(phone) for phone in phones if phone_entry[phone] == i)
        for line in ("<TopologyEntry>", "<ForPhones>", members, "</ForPhones>"):
            writer.token(line, line=True)
        for number, state in enumerate(states):
            writer.token("<State>")
            writer.integer(number)
            _write_pdf_class(writer, state, topo.is_hmm)
            for target, probability in state.transitions:
                writer.token("<Transition>")
                writer.integer(target)
                writer.real(probability)
            writer.token("</State>", line=True)
        writer.token("</TopologyEntry>", line=True)
    writer.token("</Topology>", line=True)


def _write_pdf_class(writer: KaldiWriter, state: HmmState, is_hmm: bool) -> None:
    if state.forward_pdf_class == _NO_PDF:
        return
    writer.token("<PdfClass>" if is_hmm else "<ForwardPdfClass>")
    writer.integer(state.forward_pdf_class)
    if not is_hmm:
        writer.token("<SelfLoopPdfClass>")
        writer.integer(state.self_loop_pdf_class)


def _write_topology_binary(writer: KaldiWriter, topo: khg.HmmTopology) -> None:
    writer.token("<Topology>")
    phones, phone_entry, entries = topo.__getstate__()
    writer.ints(phones)
    writer.ints(phone_entry)
    if not topo.is_hmm:
        writer.integer(-1)  # marks topologies with separate pdfs for self-loops
    writer.integer(len(entries))
    for states in entries:
        writer.integer(len(states))
        for state in states:
            writer.integer(state.forward_pdf_class)
            if not topo.is_hmm:
                writer.integer(state.self_loop_pdf_class)
            writer.integer(len(state.transitions))
            for target, probability in state.transitions:
                writer.integer(target)
                writer.real(probability)
    writer.token("</Topology>")


def _write_gmms(writer: KaldiWriter, gmms: Gmms) -> None:
    writer.token("<DIMENSION>")
    writer.integer(gmms.dim)
    writer.token("<NUMPDFS>")
    writer.integer(gmms.num_pdfs)
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


def _read_transitions(reader: KaldiReader) -> khg.TransitionModel:
    reader.expect("<TransitionModel>")
    topo = _read_topology_binary(reader) if reader.binary else _read_topology_text(reader)
    kind = reader.expect("<Triples>", "<Tuples>")
    columns = range(3 if kind == "<Triples>" else 4)
    rows = [[reader.integer() for _ in columns] for _ in range(reader.integer())]
    reader.expect(kind.replace("<", "</"))
    reader.expect("<LogProbs>")
    log_probs = reader.vector()
    reader.expect("</LogProbs>")
    reader.expect("</TransitionModel>")
    return _transition_model(reader, topo, [[*row, row[2]][:4] for row in rows], log_probs)


def _transition_model(
    reader: KaldiReader, topo: khg.HmmTopology, rows: list[list[int]], log_probs: np.ndarray
) -> khg.TransitionModel:
    """Derives all tables as Kaldi does.

    rows: (phone, state, pdf, self-loop pdf) by transition-state.
    """
    first, state_of, pdf_of, leave = [0], [0], [0], [0.0]
    for number, (phone, state, pdf, loop_pdf) in enumerate(rows, 1):
        first.append(len(state_of))
        leave.append(0.0)
        for target, _ in topo.topology_for_phone(phone)[state].transitions:
            if target == state and len(state_of) < len(log_probs):
                stay = np.float64(log_probs[len(state_of)])
                leave[-1] = float(np.log(max(-np.expm1(stay), 1e-10)))
            state_of.append(number)
            pdf_of.append(loop_pdf if target == state else pdf)
    if len(state_of) != len(log_probs):
        transitions = f"{len(state_of) - 1} transitions and the model {len(log_probs) - 1}"
        raise reader.fail(f"the topology has {transitions}")
    tuples = [TransitionModelTuple(*row) for row in rows]
    num_pdfs = max(max(row[2:]) for row in rows) + 1
    tables = [*first, len(state_of)], state_of, pdf_of, num_pdfs
    return unpickled(khg.TransitionModel, (tuples, topo, *tables, log_probs.tolist(), leave))


def _read_topology_text(reader: KaldiReader) -> khg.HmmTopology:
    start = reader.at
    while reader.token() != "</Topology>":
        pass
    topo = khg.HmmTopology()
    topo.read(reader.data[start : reader.at].decode())
    return topo


def _read_topology_binary(reader: KaldiReader) -> khg.HmmTopology:
    reader.expect("<Topology>")
    phones, phone_entry, count = reader.ints(), reader.ints(), reader.integer()
    is_hmm = count != -1
    if not is_hmm:
        count = reader.integer()
    entries = [[_read_state(reader, is_hmm) for _ in range(reader.integer())] for _ in range(count)]
    reader.expect("</Topology>")
    return unpickled(khg.HmmTopology, (phones, phone_entry, entries))


def _read_state(reader: KaldiReader, is_hmm: bool) -> Any:
    forward = reader.integer()
    loop = forward if is_hmm else reader.integer()
    transitions = [(reader.integer(), reader.real()) for _ in range(reader.integer())]
    return unpickled(HmmState, (forward, loop, transitions))


def _read_gmms(reader: KaldiReader) -> Gmms:
    reader.expect("<DIMENSION>")
    reader.integer()
    reader.expect("<NUMPDFS>")
    weights, means, invvars = [], [], []
    for _ in range(reader.integer()):
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
