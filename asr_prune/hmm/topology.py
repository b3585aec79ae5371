"""HMM topologies in `.mdl` files (Kaldi: hmm-topology.cc)."""

from __future__ import annotations

from typing import Any

import kaldi_hmm_gmm as khg
from _kaldi_hmm_gmm import HmmState  # type: ignore[import-not-found]

from asr_prune.hmm.kaldi_model import parsed_topology, unpickled
from asr_prune.kaldi_format import KaldiReader, KaldiWriter

_NO_PDF = -1


def write_topology(writer: KaldiWriter, topo: khg.HmmTopology) -> None:
    (_write_binary if writer.binary else _write_text)(writer, topo)


def read_topology(reader: KaldiReader) -> khg.HmmTopology:
    """Raises UserError if it is damaged: the library would end the process."""
    return _read_binary(reader) if reader.binary else _read_text(reader)


def check_states(reader: KaldiReader, topo: khg.HmmTopology, rows: list[list[int]]) -> None:
    """Raises UserError if the topology lacks a state of a model.

    rows: (phone, state, pdf, self-loop pdf) by transition-state.
    """
    phones, phone_entry, entries = topo.__getstate__()
    sizes = {phone: len(entries[phone_entry[phone]]) for phone in phones}
    for phone, state, *pdfs in rows:
        if not 0 <= state < sizes.get(phone, 0) or min(pdfs) < 0:
            raise reader.fail(f"the topology has no state {state} of phone {phone}")
    if not rows or sorted(rows) != rows:
        raise reader.fail("there is no state, or states are not in order")


def _check(reader: KaldiReader, phones: list[int], phone_entry: list[int], entries: list[list[Any]]) -> None:
    known = all(0 < phone < len(phone_entry) and 0 <= phone_entry[phone] < len(entries) for phone in phones)
    listed = sum(entry >= 0 for entry in phone_entry)
    if not known or phones != sorted(set(phones)) or listed != len(phones) or not phones:
        raise reader.fail("the phones of the topology are inconsistent")
    for states in entries:
        for state in states:
            targets = [target for target, _ in state.transitions]
            if not all(0 <= target < len(states) for target in targets) or state.forward_pdf_class < _NO_PDF:
                raise reader.fail("a state of the topology has a transition to none")
            if not all(0 < probability <= 1 for _, probability in state.transitions):
                raise reader.fail("a transition of the topology has no probability")


def _write_text(writer: KaldiWriter, topo: khg.HmmTopology) -> None:
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


def _write_binary(writer: KaldiWriter, topo: khg.HmmTopology) -> None:
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


def _read_text(reader: KaldiReader) -> khg.HmmTopology:
    start = reader.at
    while reader.token() != "</Topology>":
        pass
    return parsed_topology(reader.data[start : reader.at].decode("utf-8", "replace"), reader.path)


def _read_binary(reader: KaldiReader) -> khg.HmmTopology:
    reader.expect("<Topology>")
    phones, phone_entry, count = reader.ints(), reader.ints(), reader.integer()
    is_hmm = count != -1
    if not is_hmm:
        count = reader.integer()
    entries = [[_read_state(reader, is_hmm) for _ in range(reader.count())] for _ in range(count)]
    reader.expect("</Topology>")
    _check(reader, phones, phone_entry, entries)
    return unpickled(khg.HmmTopology, (phones, phone_entry, entries))


def _read_state(reader: KaldiReader, is_hmm: bool) -> Any:
    forward = reader.integer()
    loop = forward if is_hmm else reader.integer()
    transitions = [(reader.integer(), reader.real()) for _ in range(reader.count())]
    return unpickled(HmmState, (forward, loop, transitions))
