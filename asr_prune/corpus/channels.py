"""Which channel of a recording is read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from asr_prune.corpus.audio_file import AudioProblem
from asr_prune.corpus.segments import Segment

#: counted from 1; mix: the mean of all channels; None: of a mono file
Channel: TypeAlias = int | Literal["mix"] | None
#: reads files with any number of channels
ANY: tuple[Channel, ...] = ("mix",)


def refuse_channel(path: Path, channels: int, channel: Channel) -> None:
    """Raises AudioProblem if a file with so many channels has no such `channel`."""
    if channel is None and channels != 1:
        remedy = "choose one with --channel or corpus.channel, or mix"
        raise AudioProblem(path, "many-channel", f"{channels} channels", remedy)
    if isinstance(channel, int) and channel > channels:
        detail = f"{channels} channel{'s' if channels > 1 else ''} and no channel {channel}"
        raise AudioProblem(path, "no-such-channel", detail, f"choose one from 1 to {channels}")


def one_channel(samples: np.ndarray, channel: Channel) -> np.ndarray:
    """Float32 [samples, channels] -> float32 [samples]."""
    if channel == "mix":
        return np.asarray(samples.mean(axis=1, dtype=np.float32))
    return np.asarray(samples[:, (channel or 1) - 1])


def channels_read(
    recordings: Iterable[str], segments: Mapping[str, Segment], channel: Channel
) -> dict[str, Collection[Channel]]:
    """The channels of each recording that are read: those of its segments, or else `channel`."""
    read: dict[str, set[Channel]] = {recording: set() for recording in recordings}
    for segment in segments.values():
        if segment.recording in read:
            read[segment.recording].add(segment.channel or channel)
    return {recording: chosen or {channel} for recording, chosen in read.items()}
