"""Invented speech: random walks through phones, each frame coloured by its state and its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import kaldi_hmm_gmm as khg
import numpy as np
import pytest

from asr_prune.hmm.gmm import Gmms
from asr_prune.hmm.kaldi_model import parsed_topology
from asr_prune.hmm.model import HmmModel
from asr_prune.hmm.tying.questions import Questions, extra_questions, phone_questions
from asr_prune.hmm.tying.stats import TreeStats, tree_stats
from asr_prune.lang.lang import Lang
from asr_prune.lang.options import LangOptions
from asr_prune.lang.prepare import prepare_lang

PHONES = ["AA", "EH", "IY", "K", "S", "T", "ZH"]  # nobody says ZH


@dataclass
class Walk:
    """model: monophones; ids, feats and bounds as the aligner gives them, utterance 3 not aligned, utterance 5 empty;
    phones: of each utterance, with their lengths in frames; states: HMM state of each frame."""

    lang: Lang
    model: HmmModel
    ids: np.ndarray
    bounds: np.ndarray
    feats: np.ndarray
    phones: list[list[tuple[int, int]]]
    states: np.ndarray

    @property
    def stats(self) -> TreeStats:
        return tree_stats(self.model.transitions, self.ids, self.bounds, self.feats, self.lang.silence)

    @property
    def questions(self) -> Questions:
        phones = phone_questions(self.stats, self.lang.shared) + extra_questions(self.lang)
        return Questions.of(phones, max(parsed_topology(self.lang.topo, "topo").get_phone_to_num_pdf_classes()))


@pytest.fixture(scope="session", params=[False, True], ids=["plain", "positions"])
def walk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walk:
    folder = tmp_path_factory.mktemp("walk")
    (folder / "lexicon.txt").write_text(f"ALL {' '.join(PHONES)}\n")
    prepare_lang(folder / "lexicon.txt", folder / "lang", LangOptions(position_dependent=request.param))
    return make_walk(folder / "lang", utterances=60)


def make_walk(folder: Path, utterances: int) -> Walk:
    dice = np.random.default_rng(5)
    lang = Lang.read(folder)
    topo = parsed_topology(lang.topo, "topo")
    tree = khg.monophone_context_dependency_shared(lang.shared, topo.get_phone_to_num_pdf_classes())
    model = HmmModel(tree, khg.TransitionModel(tree, topo), Gmms.flat(tree.num_pdfs, np.zeros(3), np.ones(3)))
    silent = {i for name, i in lang.phones.items() if name.startswith("ZH")}
    spoken = [i for i in chain(*lang.shared) if i not in {*lang.silence, *silent}]
    states = {entry.__getstate__()[:2]: number for number, entry in enumerate(model.transitions.tuples, 1)}
    ids: list[int] = []
    hmm_states: list[int] = []
    feats, lengths = [], []
    phones: list[list[tuple[int, int]]] = []
    for utterance in range(utterances):
        middle = dice.choice(spoken, 0 if utterance == 5 else 12).tolist()
        sequence = [] if utterance == 5 else [lang.silence[0], *middle, lang.silence[0]]
        phones.append([])
        before = len(ids)
        for place, phone in enumerate(sequence):
            start = len(ids)
            for state, own in _pass_through(model.transitions, states, phone, dice):
                ids += own
                hmm_states += [state] * len(own)
            phones[-1].append((phone, len(ids) - start))
            around = [*sequence[max(place - 1, 0) : place], *sequence[place + 1 : place + 2]]
            for state in hmm_states[start:]:
                feats.append(dice.normal([3 * phone, 2 * state, sum(around) / 2]))
        if utterance == 3:
            ids[before:] = [0] * (len(ids) - before)
        lengths.append(len(ids) - before)
    bounds = np.cumsum([0, *lengths])
    arrays = np.array(ids, np.int32), bounds, np.array(feats, np.float32)
    return Walk(lang, model, *arrays, phones, np.array(hmm_states))


def _pass_through(
    model: khg.TransitionModel, states: dict[tuple[int, int], int], phone: int, dice: np.random.Generator
) -> list[tuple[int, list[int]]]:
    """(HMM state, transition-ids) of each state that a random path visits: the way out, then the self-loops."""
    topology = model.topo.topology_for_phone(phone)
    path, state = [], 0
    while topology[state].transitions:
        first = model.state2id[states[phone, state]]
        targets = [target for target, _ in topology[state].transitions]
        out = int(dice.choice([i for i, target in enumerate(targets) if target != state]))
        loops = [first + targets.index(state)] * int(dice.integers(0, 3))
        path.append((state, [first + out, *loops]))
        state = targets[out]
    return path
