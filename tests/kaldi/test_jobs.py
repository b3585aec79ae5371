from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr_prune.errors import UserError
from asr_prune.kaldi.jobs import split_by_speaker

# utterances of each speaker, and the speakers of each job that Kaldi's split_scp.pl --utt2spk makes of them
KALDI = [
    ([8, 3, 20], [2, 1]),
    ([3, 20, 20, 20, 8], [2, 1, 2]),
    ([1, 5, 2, 20, 1, 2, 1], [3, 1, 3]),
    ([3, 5, 2, 5, 8, 1, 8, 2, 1], [3, 2, 2, 2]),
    ([20, 2, 5, 3, 2, 5, 2, 1, 2, 8, 8, 5], [1, 3, 4, 2, 2]),
    ([2, 2, 1, 1, 2, 2, 2, 2, 3, 3, 2, 8, 20, 20, 2, 2, 20, 2, 5, 3], [6, 4, 2, 1, 3, 4]),
    ([1, 3, 5, 2, 2, 3], [1, 1, 1, 1, 1, 1]),
]


def output(counts: list[int]) -> dict[str, str]:
    """utt2spk with so many utterances of each speaker."""
    return {f"s{k:02d}-{i:02d}": f"s{k:02d}" for k, count in enumerate(counts) for i in range(count)}


@pytest.mark.parametrize(("counts", "speakers"), KALDI)
def test_as_kaldi_splits(counts: list[int], speakers: list[int]) -> None:
    utt2spk = output(counts)
    split = split_by_speaker(utt2spk, len(speakers))
    assert [len({utt2spk[utt] for utt in utts}) for utts in split] == speakers


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.data())
def test_whole_speakers_in_order_and_no_move_of_one_would_even_neighbours(
    counts: list[int], data: st.DataObject
) -> None:
    jobs, utt2spk = data.draw(st.integers(1, len(counts))), output(counts)
    split = split_by_speaker(utt2spk, jobs)
    assert [utt for utts in split for utt in utts] == sorted(utt2spk)
    speakers = [{utt2spk[utt] for utt in utts} for utts in split]
    assert sum(map(len, speakers)) == len(counts)
    for one, other in pairwise(split):
        apart = abs(len(other) - len(one))
        if one:
            last = sum(utt2spk[utt] == utt2spk[one[-1]] for utt in one)
            assert abs((len(other) + last) - (len(one) - last)) >= apart
        if other:
            first = sum(utt2spk[utt] == utt2spk[other[0]] for utt in other)
            assert abs((len(other) - first) - (len(one) + first)) >= apart


def test_more_jobs_than_speakers() -> None:
    with pytest.raises(UserError, match="2 speakers cannot be split into 3 jobs; use --nj 2"):
        split_by_speaker(output([5, 5]), 3)
