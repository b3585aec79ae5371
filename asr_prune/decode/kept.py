"""Searches that an interruption does not throw away: what is found is kept in portions.

As in the decode stage, for searches whose results are no words of a network's run: the passes that
speakers are adapted on, comparisons of two networks, the passes of a GMM-HMM, greedy decoding.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, groupby
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from asr_prune.decode.pace import Audio, SetSearch, each_paced
from asr_prune.decode.portion_files import Portions, line, portions, zipped
from asr_prune.decode.portion_tasks import do_portions
from asr_prune.features.stored import frames_of
from asr_prune.files import atomic
from asr_prune.spread.executor import elsewhere

log = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_Work = Callable[[str, Any], _Result]


@dataclass(frozen=True)
class Coder(Generic[_Result]):
    """How a result is written, as JSON values, and read."""

    plain: Callable[[_Result], Any]
    read: Callable[[Any], _Result]


@dataclass(frozen=True)
class KeptSearch(Portions, Generic[_Result]):
    """A search of the utterances of some features, portion by portion.

    coder: of what is found in an utterance; stride: frames per row of log-likelihoods; shift: of
    frames, seconds; frames: of each utterance.
    """

    coder: Coder[_Result]
    frames: Mapping[str, int]
    shift: float
    stride: int = 1

    @classmethod
    def of(
        cls,
        folder: Path,
        coder: Coder[_Result],
        feats: Mapping[str, np.ndarray],
        shift: float,
        stride: int = 1,
    ) -> KeptSearch[_Result]:
        """Of `feats`, [frames, dim] by utterance."""
        frames = frames_of(feats)
        return cls(folder, portions(frames, shift), coder, frames, shift, stride)

    def is_whole(self, number: int, rows: Sequence[Any], end: Any) -> bool:
        for _, content in rows:
            self.coder.read(content)
        return bool(end["names"] == list(self.names[number]))

    def each(
        self,
        work: _Work[_Result],
        pairs: Callable[[Sequence[str]], Iterable[tuple[str, Any]]],
        nj: int,
        search: SetSearch,
    ) -> Iterator[tuple[str, _Result]]:
        """Yields (utterance, `work(utterance, item)`), first what was found before.

        pairs: yields (utterance, item) of the utterances of a portion, or of some of them; nj:
        processes, if the command has not chosen other machines; search: for the progress.
        """
        missing = self.missing()
        for number in sorted(set(range(len(self.names))) - set(missing)):
            yield from self._found(number)
        rest = [name for number in missing for name in self.names[number]]
        if len(missing) < len(self.names):
            done, every = len(self.frames) - len(rest), len(self.frames)
            log.info("  %s: %d of %d utterances are done already; going on", search.label, done, every)
        if missing and (workers := elsewhere()):
            do_portions(_Portion(self, work, pairs), self, missing, search.label, workers)
            for number in missing:
                yield from self._found(number)
            return
        of = {name: number for number in missing for name in self.names[number]}
        items = chain.from_iterable(pairs(self.names[number]) for number in missing)
        results = each_paced(work, items, nj, search, self._audio(rest))
        with closing(results):
            for number, part in groupby(results, lambda result: of[result[0]]):
                yield from self.write(number, part)

    def _found(self, number: int) -> Iterator[tuple[str, _Result]]:
        """The results of a portion that is done."""
        *rows, _ = self._rows(number)
        yield from ((utt, self.coder.read(content)) for utt, content in rows)

    def _audio(self, names: Sequence[str]) -> Audio:
        seconds = sum(self.frames[name] for name in names) * self.shift
        return Audio(len(names), seconds, self.shift * self.stride)

    def write(self, number: int, results: Iterable[tuple[str, _Result]]) -> list[tuple[str, _Result]]:
        """Writes a portion completely or not at all; returns its results."""
        found = list(results)
        with atomic(self.file(number), "wb") as file, zipped(file) as lines:
            lines.writelines(line([utt, self.coder.plain(result)]) for utt, result in found)
            lines.write(line({"names": list(self.names[number])}))
        return found


@dataclass(frozen=True)
class _Portion(Generic[_Result]):
    """Does a portion of `kept` in this process; work, pairs: as in `KeptSearch.each`."""

    kept: KeptSearch[_Result]
    work: _Work[_Result]
    pairs: Callable[[Sequence[str]], Iterable[tuple[str, Any]]]

    def __call__(self, number: int) -> None:
        items = self.pairs(self.kept.names[number])
        self.kept.write(number, ((utt, self.work(utt, item)) for utt, item in items))
