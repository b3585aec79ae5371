from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import kaldifst
import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.kaldi.import_model import examine_model
from asr_prune.nnet3.model import Nnet3, bytes_of, nnet3_of
from asr_prune.nnet3.places import opens_in_vosk
from tests.nnet3.conftest import tdnnf_model

from .test_import_model import model_directory


@pytest.mark.parametrize(("layout", "place"), [("new", "graph"), ("old", "")])
def test_a_graph_in_parts_is_whole(tmp_path: Path, layout: str, place: str) -> None:
    folder = model_directory(tmp_path, tdnnf_model(ivector=False), layout)
    parts = ("HCLr.fst", "Gr.fst", "disambig_tid.int")
    assert not opens_in_vosk(folder)
    for name in parts:
        (folder / place / name).touch()
    assert opens_in_vosk(folder)
    examine_model(folder)
    for name in parts:
        (folder / place / name).unlink()
        with pytest.raises(UserError, match=rf"{name} is missing, which Vosk reads beside .*; copy the model again"):
            examine_model(folder)
        (folder / place / name).touch()


def with_transitions(model: Nnet3, pdfs: int) -> Nnet3:
    """The model with a transition model of so many pdfs, those of phones of one state."""
    phones = list(range(1, pdfs + 1))
    state = "<State> 0 <PdfClass> 0 <Transition> 0 0.5 <Transition> 1 0.5 </State> <State> 1 </State>"
    numbers = " ".join(map(str, phones))
    topology = f"<Topology> <TopologyEntry> <ForPhones> {numbers} </ForPhones> {state} </TopologyEntry> </Topology>"
    rows = " ".join(f"{phone} 0 {phone - 1}" for phone in phones)
    probs = f"<LogProbs> [ 0 {'-0.7 ' * (2 * pdfs)}] </LogProbs>"
    text = f"<TransitionModel> {topology} <Triples> {pdfs} {rows} </Triples> {probs} </TransitionModel> "
    words = re.sub(r"<Nnet3>", text + "<Nnet3>", bytes_of(model, binary=False).decode(), count=1)
    return nnet3_of(f"{words}<LeftContext> 8 <RightContext> 8 <Priors> [ ]\n".encode(), Path("final.mdl"))


def test_parts_that_do_not_belong_together(tmp_path: Path) -> None:
    """A network, a transition model, priors and a graph."""
    network = tdnnf_model(ivector=False)
    examine_model(model_directory(tmp_path / "a", with_transitions(network, 6)))
    folder = model_directory(tmp_path / "b", with_transitions(network, 7))
    with pytest.raises(UserError, match=r"its transition model has 7 pdfs, its network 6 outputs; give the model"):
        examine_model(folder)
    priors = replace(with_transitions(network, 6), priors=np.ones(5, np.float32))
    with pytest.raises(UserError, match=r"has 5 priors and 6 outputs; give the model"):
        examine_model(model_directory(tmp_path / "c", priors))
    folder = model_directory(tmp_path / "d", with_transitions(network, 6))
    for label, said in (
        (12, ""),
        (13, "HCLG.fst is of another model: it reads transition-ids up to 13, and .* has 12"),
    ):
        graph = kaldifst.compile(f"0 1 {label} 1\n1", acceptor=False)
        kaldifst.StdConstFst(graph).write(str(folder / "graph/HCLG.fst"))
        with pytest.raises(UserError, match=said) if said else nullcontext():
            examine_model(folder)
    (folder / "graph/HCLG.fst").write_bytes(b"HCLG")
    with pytest.raises(UserError, match=r"HCLG.fst cannot be used: .*; copy the model again"):
        examine_model(folder)
