"""Questions for the tree (Kaldi: cluster-phones, compile-questions, extra_questions.txt)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from itertools import chain

import numpy as np

from asr_prune.hmm.tying.cluster import split_all
from asr_prune.hmm.tying.likelihood import summed
from asr_prune.hmm.tying.stats import TreeStats
from asr_prune.lang.lang import Lang
from asr_prune.lang.lexicon import POSITIONS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Questions:
    """Each question is a set of values: of a phone in the window, or of the pdf class."""

    phones: list[list[int]]
    classes: list[list[int]]

    @classmethod
    def of(cls, phones: list[list[int]], num_classes: int) -> Questions:
        """Sorted, without repeated sets; of pdf classes {0}, {0, 1}, ... (compile-questions)."""
        unique = sorted({tuple(sorted(question)) for question in phones if question})
        classes = [list(range(n)) for n in range(1, num_classes)]
        return cls([list(question) for question in unique], classes)

    def at(self, key: int) -> list[list[int]]:
        """Questions about `key`: -1 for the pdf class, else a position in the window."""
        return self.classes if key < 0 else self.phones


def phone_questions(
    stats: TreeStats, sets: list[list[int]], pdf_classes: tuple[int, ...] = (1,), seed: int = 0
) -> list[list[int]]:
    """Sets of similar phones: clusters of `sets`, split in two repeatedly, and the sets themselves.

    stats: of which only events with `pdf_classes` are used. The same seed gives the same sets.
    Logs the number of sets without frames.
    """
    counted = np.isin(stats.classes, pdf_classes)
    place = np.full(max(stats.phones.max(initial=0), *map(max, sets)) + 1, -1)
    for number, members in enumerate(sets):
        place[members] = number
    group = place[stats.phones]
    counted &= group >= 0
    points = summed(stats.moments[counted], group[counted], len(sets))
    if missing := int((points[:, 0] == 0).sum()):
        log.warning("%d of %d groups of phones never occur in the alignment", missing, len(sets))
    nodes = split_all(points, np.random.default_rng(seed))
    clusters = [sorted(chain(*(sets[number] for number in node))) for node in nodes]
    return clusters + sets


def extra_questions(lang: Lang) -> list[list[int]]:
    """Sets of phones by position in the word; none if the lexicon does not mark positions."""
    names = {i: name for name, i in lang.phones.items()}
    spoken = {i: names[i] for group in lang.shared for i in group if i not in lang.silence}
    if not all(name.endswith(POSITIONS) for name in spoken.values()):
        return []
    silence = {i: names[i] for i in lang.silence}
    plain = [i for i, name in silence.items() if not name.endswith(POSITIONS)]
    marked = [
        [i for i, name in kind.items() if name.endswith(position)]
        for kind in (spoken, silence)
        for position in POSITIONS
    ]
    return [question for question in [*marked, plain] if question]
