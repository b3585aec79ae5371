"""State tying against loops over frames and brute force, on random labels and on the toy corpus."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations, product
from pathlib import Path
from typing import Any

import kaldi_hmm_gmm as khg
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.hmm.job import Trained
from asr_prune.hmm.kaldi_model import id_to_pdf
from asr_prune.hmm.options import HmmOptions, MonoOptions
from asr_prune.hmm.passes import Speech, train_passes
from asr_prune.hmm.tree import Leaf, Node, Split, Table, Tree
from asr_prune.hmm.tying import tie
from asr_prune.hmm.tying.grow import LEAST_GAIN, build_tree
from asr_prune.hmm.tying.questions import phone_questions
from asr_prune.hmm.tying.segments import Ids, Segments
from asr_prune.hmm.tying.stats import ABSENT, TreeStats, log_likelihood, tree_stats
from asr_prune.hmm.utterances import Utterances
from asr_prune.lang.lang import Lang

BEAMS = {"initial_beam": 50.0, "beam": 50.0, "retry_beam": 200.0, "acoustic_scale": 1.0}
MONO = HmmOptions(passes=(MonoOptions(iterations=8, grow_iterations=5, gaussians=40, **BEAMS),))


@pytest.fixture(scope="module")
def mono(toy: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lang, Utterances, Trained]:
    """A monophone pass; two utterances do not align."""
    out = tmp_path_factory.mktemp("mono")
    feats = {**toy.feats, "utt03": toy.feats["utt03"][:5], "utt39": toy.feats["utt39"][:4]}
    train_passes(toy.lang, Speech(feats, toy.text, {}, 0), out, MONO, 0)
    data = Utterances.join(feats)
    return Lang.read(toy.lang), data, Trained.load(out / "mono", data)


def slow_segments(transitions: khg.TransitionModel, ids: list[int]) -> list[tuple[int, int]]:
    """(phone, frames) of one utterance, frame by frame (SplitToPhones for reordered graphs)."""
    found, start, t = [], 0, 0
    while t < len(ids):
        if transitions.is_final(ids[t]):
            while t + 1 < len(ids) and transitions.is_self_loop(ids[t + 1]):
                t += 1
            found.append((transitions.transition_id_to_phone(ids[start]), t + 1 - start))
            start = t + 1
        t += 1
    return found


def test_segments_are_the_loops(mono: tuple[Lang, Utterances, Trained]) -> None:
    _, data, trained = mono
    ids = Ids.of(trained.model.transitions)
    segments = Segments.find(ids, trained.alignment.ids, data.bounds)
    windows = segments.windows(3, 1)
    for u in range(len(data.ids)):
        own = trained.alignment.ids[data.bounds[u] : data.bounds[u + 1]]
        here = np.flatnonzero(segments.utterance == u)
        slow = slow_segments(trained.model.transitions, own.tolist()) if own.any() else []
        lengths = [int((segments.of == s).sum()) for s in here]
        assert list(zip(segments.phones[here].tolist(), lengths, strict=True)) == slow
        phones = [0, *(phone for phone, _ in slow), 0]
        assert windows[here].tolist() == [phones[i : i + 3] for i in range(len(slow))]
    assert {data.ids[u] for u in range(len(data.ids))} - {data.ids[u] for u in segments.utterance} == {"utt03", "utt39"}


def test_statistics_are_the_loops(mono: tuple[Lang, Utterances, Trained]) -> None:
    lang, data, trained = mono
    ids = Ids.of(trained.model.transitions)
    segments = Segments.find(ids, trained.alignment.ids, data.bounds)
    stats = tree_stats(ids, trained.alignment.ids, segments, data.feats, lang.silence)
    windows, slow = segments.windows(3, 1), defaultdict(lambda: np.zeros(5))
    pdf_to_class = {}
    for entry in trained.model.transitions.tuples:
        phone, state, pdf, _ = entry.__getstate__()[:4]
        pdf_to_class[pdf, phone] = trained.model.transitions.topo.topology_for_phone(phone)[state].forward_pdf_class
    pdfs = id_to_pdf(trained.model.transitions)
    for frame, segment in zip(segments.frames, segments.of, strict=True):
        window, x = windows[segment].tolist(), data.feats[frame].astype(float)
        if window[1] in lang.silence:
            window = [ABSENT, window[1], ABSENT]
        slow[pdf_to_class[pdfs[trained.alignment.ids[frame]], window[1]], *window] += [1, *x, *x**2]
    assert len(stats.events) == len(slow)
    for event, sums in zip(stats.events.tolist(), stats.sums, strict=True):
        np.testing.assert_allclose(sums, slow[tuple(event)], rtol=1e-9)


def test_likelihood_is_that_of_the_frames() -> None:
    x = np.random.default_rng(0).normal(2, 3, (50, 2))
    sums = np.concatenate([[50], x.sum(0), (x**2).sum(0)])
    variance = x.var(0)
    slow = sum(-0.5 * (np.log(2 * np.pi * variance) + (row - x.mean(0)) ** 2 / variance).sum() for row in x)
    assert float(log_likelihood(sums)) == pytest.approx(slow)
    assert float(log_likelihood(np.zeros(5))) == 0


def blobs(places: dict[int, float], frames: int = 200, seed: int = 0) -> TreeStats:
    """Statistics of phones that lie at places on a line, one pdf class, no context."""
    dice = np.random.default_rng(seed)
    events, sums = [], []
    for phone, place in places.items():
        x = dice.normal(place, 1, frames)
        events.append([1, 0, phone, 0])
        sums.append([frames, x.sum(), (x**2).sum()])
    return TreeStats(np.array(events, np.int32), np.array(sums))


def test_questions_are_the_obvious_clusters() -> None:
    stats = blobs({1: 0, 2: 0.5, 3: 30, 4: 30.5, 5: 34})
    asked = phone_questions(stats, [[1], [2], [3], [4], [5]], 1, [[1, 5]], seed=0)
    assert {(1, 2), (3, 4), (5,), (3, 4, 5), (1, 2, 3, 4, 5), (1, 5)} <= set(asked)
    assert {(i,) for i in range(1, 6)} <= set(asked)
    assert (2, 3) not in asked


def test_phones_of_one_set_are_asked_for_together() -> None:
    stats = blobs({1: 0, 2: 0.5, 3: 30, 4: 30.5})
    asked = phone_questions(stats, [[1, 3], [2], [4]], 1, [], seed=0)
    assert all((1 in question) == (3 in question) for question in asked)


def random_stats(seed: int, phones: int = 4, classes: int = 2) -> TreeStats:
    dice = np.random.default_rng(seed)
    events = np.array(
        [e for e in product(range(classes), *[range(1, phones + 1)] * 3) if dice.random() < 0.7], np.int32
    )
    places = dice.normal(0, 3, (classes, phones + 1, phones + 1, phones + 1))
    sums = []
    for event in events:
        x = dice.normal(places[tuple(event)], 1, (int(dice.integers(5, 200)), 2))
        sums.append([len(x), *x.sum(0), *(x**2).sum(0)])
    return TreeStats(events, np.array(sums))


def leaves_of(node: Node | None) -> list[int]:
    if node is None:
        return []
    if isinstance(node, Leaf):
        return [node.pdf]
    parts = node.children if isinstance(node, Table) else (node.yes, node.no)
    return [pdf for part in parts for pdf in leaves_of(part)]


def answer(node: Node | None, event: list[int]) -> int:
    """The pdf of (class, window); brute force."""
    while not isinstance(node, Leaf):
        assert node is not None
        value = event[1 + node.key]
        node = node.children[value] if isinstance(node, Table) else (node.yes if value in node.values else node.no)
    return node.pdf


SINGLE = [(1,), (2,), (3,), (4,), (1, 2), (3, 4), (1, 2, 3)]


def test_the_first_split_is_the_best_of_all() -> None:
    stats = random_stats(1)
    tree = build_tree(stats, [[1, 2, 3, 4]], SINGLE, [(0,)], leaves=2, cluster_threshold=0.0)
    assert isinstance(tree.root, Split)
    gains = {}
    for key, asked in {-1: [(0,)], 0: SINGLE, 1: SINGLE, 2: SINGLE}.items():
        for question in asked:
            yes = np.isin(stats.events[:, 1 + key], question)
            if yes.any() and not yes.all():
                gains[key, question] = sum(float(log_likelihood(stats.sums[part].sum(0))) for part in (yes, ~yes))
    assert (tree.root.key, tree.root.values) == max(gains, key=lambda split: gains[split])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), asked=st.integers(2, 30))
def test_leaves_at_most_those_asked_and_every_context_has_one(seed: int, asked: int) -> None:
    stats = random_stats(seed)
    roots = [[1], [2], [3, 4]]
    tree = build_tree(stats, roots, SINGLE, [(0,)], asked)
    found = sorted(set(leaves_of(tree.root)))
    assert found == list(range(len(found)))
    assert len(found) <= max(asked, len(roots))
    compiled = tree.to_khg()
    for event in product(range(2), range(5), range(1, 5), range(5)):
        assert compiled.compute(list(event[1:]), event[0]) == (True, answer(tree.root, list(event)))


def test_joined_leaves_cost_less_than_the_threshold() -> None:
    stats = random_stats(3)
    apart = build_tree(stats, [[1, 2, 3, 4]], SINGLE, [(0,)], leaves=12, cluster_threshold=0.0)
    joined = build_tree(stats, [[1, 2, 3, 4]], SINGLE, [(0,)], leaves=12, cluster_threshold=3000.0)
    assert len(set(leaves_of(joined.root))) < len(set(leaves_of(apart.root)))
    owner = np.array([answer(joined.root, event) for event in stats.events.tolist()])
    sums = [stats.sums[owner == pdf].sum(0) for pdf in range(owner.max() + 1)]
    for one, other in combinations(sums, 2):
        cost = log_likelihood(one) + log_likelihood(other) - log_likelihood(one + other)
        assert float(cost) >= 3000.0


def test_leaves_are_rounded_to_a_multiple_of_eight() -> None:
    tree = build_tree(random_stats(5), [[1], [2], [3, 4]], SINGLE, [(0,)], leaves=21, cluster_threshold=1e-6)
    assert len(set(leaves_of(tree.root))) == 16


def test_no_gain_no_split() -> None:
    """Phones that sound the same are not told apart, however many leaves are asked."""
    tree = build_tree(blobs(dict.fromkeys(range(1, 5), 0.0)), [[1, 2, 3, 4]], SINGLE, [], leaves=10)
    assert leaves_of(tree.root) == [0]
    assert LEAST_GAIN == 300


def test_the_old_labels_mean_the_same_on_the_new_tree(mono: tuple[Lang, Utterances, Trained]) -> None:
    lang, data, trained = mono
    tied = tie(lang, trained.model, trained.alignment.ids, data.bounds, data.feats, 40)
    old, new = Ids.of(trained.model.transitions), Ids.of(tied.model.transitions)
    for name in ("phone", "state", "pdf_class", "position", "loop", "final"):
        before, after = getattr(old, name)[trained.alignment.ids], getattr(new, name)[tied.ids]
        np.testing.assert_array_equal(before, after)
    pdfs = id_to_pdf(tied.model.transitions)[tied.ids]
    frames = np.bincount(pdfs[pdfs >= 0], minlength=tied.model.tree.num_pdfs)
    np.testing.assert_allclose(frames, tied.occupancies)
    for pdf in range(tied.model.tree.num_pdfs):
        own = data.feats[pdfs == pdf]
        if len(own):
            mean = (tied.model.gmms.means_invvars / tied.model.gmms.invvars)[pdf]
            np.testing.assert_allclose(mean, own.mean(0), atol=1e-4)


def test_the_same_seed_the_same_tree(mono: tuple[Lang, Utterances, Trained]) -> None:
    lang, data, trained = mono
    made = [tie(lang, trained.model, trained.alignment.ids, data.bounds, data.feats, 40, seed=4) for _ in range(2)]
    trees = [Tree.from_khg(tied.model.tree).to_bytes(binary=True) for tied in made]
    assert trees[0] == trees[1]


def test_a_phone_never_heard_and_nothing_aligned(
    mono: tuple[Lang, Utterances, Trained], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    lang, data, trained = mono
    ids, alignment = Ids.of(trained.model.transitions), trained.alignment.ids.copy()
    missing = lang.phones["OW"]
    segments = Segments.find(ids, alignment, data.bounds)
    for u in set(segments.utterance[segments.phones == missing]):
        alignment[data.bounds[u] : data.bounds[u + 1]] = 0
    tied = tie(lang, trained.model, alignment, data.bounds, data.feats, 40)
    assert "never heard" in caplog.text
    assert np.isfinite(tied.model.gmms.gconsts).all()
    with pytest.raises(UserError, match="aligned"):
        tie(lang, trained.model, np.zeros_like(alignment), data.bounds, data.feats, 40)
