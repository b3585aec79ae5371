"""Features of a stretch of utterances, a task of its own, and the archive that the parts make."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.channels import Channel
from asr_prune.corpus.segments import Segment
from asr_prune.errors import UserError
from asr_prune.features.archive import ArchiveWriter
from asr_prune.features.compute import Compute, make_compute
from asr_prune.features.options import FeatureOptions
from asr_prune.features.shards import join_shards
from asr_prune.files import atomic
from asr_prune.spread.task import Task

log = logging.getLogger(__name__)

#: utterance, its entry of wav.scp, and what it is of a recording
SpokenPart = tuple[str, str, Segment | None]
#: utterances of a part, and parts of a set at most
_LEAST, _MOST = 64, 2000


class Reader:
    """Computes the features of one utterance after the other; arguments as `extract`."""

    def __init__(self, options: FeatureOptions, longest: float, channel: Channel) -> None:
        self.options, self.longest, self.channel = options, longest, channel
        self.compute: Compute = make_compute(options)

    def __call__(self, source: SpokenPart) -> tuple[float, Any]:
        """(seconds, features float32 [frames, dim]), or (0, the reason for skipping it)."""
        _, place, part = source
        try:
            convert = self.options.resample
            samples, rate = read_audio(place, self.options.rate, part, convert, self.longest, self.channel)
        except UserError as error:
            return 0.0, str(error)
        features = self.compute(samples)
        if not len(features):
            window = self.options.frame_length_ms
            reason = f"{len(samples)} samples are less than a window of {window:g} ms"
            return 0.0, f"{place}: {reason}."
        return len(samples) / rate, features


#: one reader for all tasks of a process: that of a model takes long to make
reader = lru_cache(maxsize=2)(Reader)


def part_tasks(
    sources: Sequence[SpokenPart],
    name: str,
    folder: Path,
    options: FeatureOptions,
    longest: float,
    channel: Channel,
) -> list[Task]:
    """The tasks that compute the features of `sources`, each a stretch of them, into `folder`.

    The stretches depend on the sources alone. name: of the set, in messages.
    """
    size = max(_LEAST, -(-len(sources) // _MOST))
    starts = range(0, len(sources), size)
    common = {"options": options, "longest": longest, "channel": channel}
    return [
        Task(
            f"features of {name}, part {number} of {len(starts)}",
            f"{__name__}:make_feature_part",
            {"sources": sources[start : start + size], **common},
            folder / f"{number:04d}.json",
        )
        for number, start in enumerate(starts, start=1)
    ]


def make_feature_part(
    sources: Sequence[SpokenPart], options: FeatureOptions, longest: float, channel: Channel, out: Path
) -> None:
    """Writes the archive of a part beside `out`, which gets a row for each utterance:
    [utterance, seconds, frames, columns, offset, ""], or [utterance, reason for skipping it].
    """
    compute, rows = reader(options, longest, channel), list[Any]()
    with atomic(_archive(out), "wb") as file:
        writer = ArchiveWriter(file)
        for source in sources:
            seconds, found = compute(source)
            if isinstance(found, str):
                rows.append([source[0], found])
            else:
                rows.append([source[0], seconds, *found.shape, writer.add(source[0], found)])
        size = file.tell()
    with atomic(out) as file:
        of = _digest(sources, options, longest, channel)
        json.dump({"of": of, "bytes": size, "rows": rows}, file)


def _digest(*arguments: object) -> str:
    return hashlib.sha256(repr(arguments).encode("utf-8", "surrogateescape")).hexdigest()


def is_whole(task: Task) -> bool:
    """Whether the part is there, of the same arguments, with an archive as long as it should be. One
    that is damaged, as after a power cut, is told.
    """
    archive = _archive(task.output)
    if not task.output.is_file() or not archive.is_file():
        return False
    sources, *others = task.arguments.values()
    try:
        content = read_part(task.output)
        same = content["of"] == _digest(sources, *others)
        return bool(same and content["bytes"] == archive.stat().st_size)
    except (OSError, ValueError, TypeError, KeyError) as error:
        log.warning("  %s is damaged (%s); its features are computed again", task.output, error)
        return False


def read_part(out: Path) -> Any:
    """What `make_feature_part` wrote: `bytes` of the archive, `rows`, and a digest of what it is of."""
    return json.loads(out.read_text(encoding="utf-8"))


def join_parts(parts: Sequence[Path], stem: Path) -> list[Path]:
    """Joins all parts in archives, as `join_shards`."""
    return join_shards(stem, ((_archive(part), _places(part)) for part in parts))


def _places(part: Path) -> list[tuple[str, int]]:
    """Each utterance, and where its matrix begins in the part's archive."""
    return [(row[0], row[-1]) for row in read_part(part)["rows"] if len(row) > 2]


def _archive(out: Path) -> Path:
    return out.with_suffix(".ark")
