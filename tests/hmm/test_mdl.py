from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import kaldi_hmm_gmm as khg
import numpy as np
import pytest

from asr_prune.errors import UserError
from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.kaldi_model import id_to_pdf, parsed_topology
from asr_prune.hmm.mdl import read_mdl, write_mdl
from asr_prune.lang.topology import topology

Make = Callable[[int, int, int], Gmms]
TUPLES_TOPO = """<Topology> <TopologyEntry> <ForPhones> 1 2 </ForPhones>
<State> 0 <ForwardPdfClass> 0 <SelfLoopPdfClass> 1 <Transition> 0 0.5 <Transition> 1 0.5 </State>
<State> 1 </State> </TopologyEntry> </Topology>"""


@pytest.fixture
def transitions() -> khg.TransitionModel:
    """Two phones of three states and silence of five, trained a little."""
    topo = parsed_topology(topology([2, 3], [1], 3, 5), "topo")
    made = khg.TransitionModel(khg.monophone_context_dependency_shared([[1], [2, 3]], [-1, 5, 3, 3]), topo)
    counts = np.random.default_rng(0).uniform(10, 1000, made.num_transition_ids + 1)
    made.mle_update(counts, khg.MleTransitionUpdateConfig())
    return made


def same(a: khg.TransitionModel, b: khg.TransitionModel) -> None:
    for name in ("id2state", "state2id", "id2pdf_id", "num_pdfs"):
        assert getattr(a, name) == getattr(b, name), name
    np.testing.assert_allclose(a.log_probs, b.log_probs, rtol=1e-6)
    np.testing.assert_allclose(a.non_self_loop_log_probs, b.non_self_loop_log_probs, atol=1e-5)
    assert [t.__getstate__() for t in a.tuples] == [t.__getstate__() for t in b.tuples]
    assert str(a.topo) == str(b.topo)


@pytest.mark.parametrize("binary", [True, False])
def test_round_trip(transitions: khg.TransitionModel, random_gmms: Make, tmp_path: Path, binary: bool) -> None:
    gmms = random_gmms(0, 8, 3)
    write_mdl(tmp_path / "final.mdl", transitions, gmms, binary)
    read, read_gmms = read_mdl(tmp_path / "final.mdl")
    same(read, transitions)
    for name in ("offsets", "weights", "means_invvars", "invvars"):
        np.testing.assert_array_equal(getattr(read_gmms, name), getattr(gmms, name))


@pytest.mark.parametrize("binary", [True, False])
def test_self_loops_with_separate_pdfs(random_gmms: Make, tmp_path: Path, binary: bool) -> None:
    topo = parsed_topology(TUPLES_TOPO, "topo")
    made = khg.TransitionModel(khg.monophone_context_dependency([1, 2], [-1, 2, 2]), topo)
    write_mdl(tmp_path / "final.mdl", made, random_gmms(0, 4, 2), binary)
    same(read_mdl(tmp_path / "final.mdl")[0], made)


def test_text_is_what_kaldi_prints(transitions: khg.TransitionModel, random_gmms: Make, tmp_path: Path) -> None:
    """Word for word, up to the digits of the numbers; and Kaldi's print is read back."""
    path = tmp_path / "final.mdl"
    write_mdl(path, transitions, random_gmms(0, 8, 3), binary=False)
    printed, ours = str(transitions).split(), path.read_text().split()
    assert path.read_text().count("<DiagGMM> \n") == 8
    for theirs, word in zip(printed, ours, strict=False):
        assert word == theirs or float(word) == pytest.approx(float(theirs), rel=1e-4)
    rest = path.read_text().split("</TransitionModel>")[1]
    path.write_text(str(transitions) + rest)
    np.testing.assert_allclose(read_mdl(path)[0].log_probs, transitions.log_probs, rtol=1e-4, atol=1e-5)


def test_pdf_of_each_transition(transitions: khg.TransitionModel) -> None:
    pdfs = id_to_pdf(transitions)
    assert pdfs[0] == -1
    ids = range(1, transitions.num_transition_ids + 1)
    assert pdfs[1:].tolist() == [transitions.transition_id_to_pdf(i) for i in ids]


@pytest.mark.parametrize("binary", [True, False])
def test_every_cut_is_one_sentence(
    transitions: khg.TransitionModel, random_gmms: Make, tmp_path: Path, binary: bool
) -> None:
    path = tmp_path / "final.mdl"
    write_mdl(path, transitions, random_gmms(0, 8, 2), binary)
    data = path.read_bytes()
    for length in range(0, len(data) - 12, 37):
        path.write_bytes(data[:length])
        with pytest.raises(UserError, match="final"):
            read_mdl(path)


def test_missing_or_foreign(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="correct its path"):
        read_mdl(tmp_path / "none.mdl")
    (tmp_path / "x.mdl").write_bytes(b"\0B<Nnet3> ")
    with pytest.raises(UserError, match="<Nnet3>"):
        read_mdl(tmp_path / "x.mdl")
