"""Kaldi's split of utterances into jobs (split_data.sh, split_scp.pl --utt2spk)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate, pairwise

from asr_prune.corpus.datadir import c_order
from asr_prune.errors import UserError


def split_by_speaker(utt2spk: Mapping[str, str], jobs: int) -> list[list[str]]:
    """The utterances of each job: whole speakers, balanced between neighbouring jobs.

    Raises UserError if there are fewer speakers than jobs.
    """
    speakers: dict[str, list[str]] = {}
    for utt in sorted(utt2spk, key=c_order):
        speakers.setdefault(utt2spk[utt], []).append(utt)
    if len(speakers) < jobs:
        count = len(speakers)
        raise UserError(f"{count} speakers cannot be split into {jobs} jobs; use --nj {count}.")
    groups = list(speakers.values())
    before = list(accumulate(map(len, groups), initial=0))
    edges = [-(-job * len(groups) // jobs) for job in range(jobs + 1)]
    _balance(edges, before)
    return [[utt for utts in groups[start:end] for utt in utts] for start, end in pairwise(edges)]


def _balance(edges: list[int], before: list[int]) -> None:
    """Moves the edges between jobs as long as that makes two neighbours more equal.

    Job j has the speakers edges[j] to edges[j+1]; before: utterances before each speaker.
    """

    def moved(edge: int, step: int) -> bool:
        low, here, high = edges[edge - 1 : edge + 2]
        total = before[low] + before[high]
        now, then = (abs(total - 2 * before[place]) for place in (here, here + step))
        if not low <= here + step <= high or then >= now:
            return False
        edges[edge] += step
        return True

    jobs, changed = len(edges) - 1, True
    while changed:
        changed = False
        for job in range(jobs):
            changed |= job < jobs - 1 and moved(job + 1, -1)
            changed |= job > 0 and moved(job, 1)
