"""Utterances shared out over jobs as Kaldi shares them out (split_data.sh, split_scp.pl --utt2spk)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate, pairwise

from asr_prune.corpus.datadir import c_order
from asr_prune.errors import UserError


def split_by_speaker(utt2spk: Mapping[str, str], jobs: int) -> list[list[str]]:
    """The utterances of each job: whole speakers, as even in utterances as neighbouring jobs can make it.

    Raises UserError where there are fewer speakers than jobs.
    """
    speakers: dict[str, list[str]] = {}
    for utt in sorted(utt2spk, key=c_order):
        speakers.setdefault(utt2spk[utt], []).append(utt)
    if len(speakers) < jobs:
        raise UserError(f"{len(speakers)} speakers cannot be shared out over {jobs} jobs; give --nj {len(speakers)}.")
    own = list(speakers.values())
    before = list(accumulate(map(len, own), initial=0))
    edges = [-(-job * len(own) // jobs) for job in range(jobs + 1)]
    _even(edges, before)
    return [[utt for utts in own[start:end] for utt in utts] for start, end in pairwise(edges)]


def _even(edges: list[int], before: list[int]) -> None:
    """Moves the edges between jobs while that brings two neighbours nearer; job j has the speakers edges[j] to
    edges[j+1], and `before` counts the utterances before each speaker.
    """

    def moved(edge: int, step: int) -> bool:
        low, here, high = edges[edge - 1 : edge + 2]
        apart, then = (abs(before[high] - 2 * before[place] + before[low]) for place in (here, here + step))
        if not low <= here + step <= high or then >= apart:
            return False
        edges[edge] += step
        return True

    jobs, changed = len(edges) - 1, True
    while changed:
        changed = False
        for job in range(jobs):
            changed |= job < jobs - 1 and moved(job + 1, -1)
            changed |= job > 0 and moved(job, 1)
