"""Kaldi's `.mdl` files, text and binary: a transition model and Gaussian mixtures (gmm-copy)."""

from __future__ import annotations

from pathlib import Path

import kaldi_hmm_gmm as khg
import numpy as np
from _kaldi_hmm_gmm import TransitionModelTuple  # type: ignore[import-not-found]

from asr_prune.files import Readable, atomic
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.kaldi_model import unpickled
from asr_prune.hmm.topology import check_states, read_topology, write_topology
from asr_prune.kaldi_format import KaldiReader, KaldiWriter


def write_mdl(
    path: Path,
    transitions: khg.TransitionModel,
    gmms: Gmms,
    binary: bool = True,
) -> None:
    """Writes a model for Kaldi's gmm-* programs. Raises UserError as `atomic`."""
    writer = KaldiWriter(binary)
    write_transitions(writer, transitions)
    _write_gmms(writer, gmms)
    with atomic(path, "wb") as file:
        file.write(writer.data)


def read_mdl(path: Readable) -> tuple[khg.TransitionModel, Gmms]:
    """Reads a model of `write_mdl` or Kaldi. Raises UserError if it is missing or damaged."""
    reader = KaldiReader.open(path, "align")
    transitions, gmms = read_transitions(reader), _read_gmms(reader)
    finite = all(np.isfinite(part).all() for part in (gmms.weights, gmms.means_invvars, gmms.invvars))
    if not finite or gmms.weights.min() < 0 or gmms.invvars.min() <= 0:
        raise reader.fail("a Gaussian has no weight, mean or variance")
    return transitions, gmms


def write_transitions(writer: KaldiWriter, transitions: khg.TransitionModel) -> None:
    writer.token("<TransitionModel>", line=True)
    is_hmm = transitions.topo.is_hmm
    write_topology(writer, transitions.topo)
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


def read_transitions(reader: KaldiReader) -> khg.TransitionModel:
    reader.expect("<TransitionModel>")
    topo = read_topology(reader)
    kind = reader.expect("<Triples>", "<Tuples>")
    columns = range(3 if kind == "<Triples>" else 4)
    rows = [[reader.integer() for _ in columns] for _ in range(reader.count())]
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
    check_states(reader, topo, rows)
    if not (log_probs[1:] <= 0).all():
        raise reader.fail("a transition's log-probability is above 0")
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


def _read_gmms(reader: KaldiReader) -> Gmms:
    reader.expect("<DIMENSION>")
    dim = reader.integer()
    reader.expect("<NUMPDFS>")
    weights, means, invvars = [], [], []
    for _ in range(reader.count()):
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
        if not (len(weights[-1]), dim) == means[-1].shape == invvars[-1].shape:
            raise reader.fail("a mixture has not its size")
    if not weights:
        raise reader.fail("there is no mixture")
    offsets = np.cumsum([0, *map(len, weights)])
    return Gmms(offsets, np.concatenate(weights), np.concatenate(means), np.concatenate(invvars))
