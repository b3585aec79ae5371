"""How long the steps before the network take: features, and adaptation to speakers."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from asr_prune.corpus.audio import read_audio
from asr_prune.corpus.channels import Channel
from asr_prune.corpus.datadir import DataDir, c_order
from asr_prune.decode.adapt import Adapter
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.front_end_file import FrontEndTime
from asr_prune.decode.options import DecodeOptions
from asr_prune.errors import UserError
from asr_prune.features.compute import make_compute
from asr_prune.features.stored import Stored
from asr_prune.files import atomic
from asr_prune.hmm.network_features import pass_features
from asr_prune.lang.lang import Lang

log = logging.getLogger(__name__)

#: seconds of the test set that are timed, if it has as many
SECONDS = 60.0


def time_front_end(
    decoding: Decoding,
    out: Path,
    search: Mapping[str, Any] | None,
    longest: float,
    channel: Channel,
) -> None:
    """Times the front end on the first minute of the test set and writes `out` (JSON).

    search: options of the passes that adapt to speakers, named as in DecodeOptions; None if
    networks read features that are not adapted. longest, channel: as `read_audio`. The words of no
    run depend on it: audio that has gone is logged, and stands as null.
    """
    feats = first_seconds(decoding.stored("test"), decoding.features.frame_shift)
    speech = sum(feats.frames.values()) * decoding.features.frame_shift
    try:
        features: float | None = _features(decoding, feats, longest, channel) / speech
    except UserError as error:
        log.warning("  the front end is not timed: %s", error)
        features = None
    adaptation = None if search is None else _adaptation(decoding, feats, search) / speech
    found = FrontEndTime(features, adaptation)
    with atomic(out) as file:
        json.dump(asdict(found), file, indent=1)
    known = [f"{name} {1000 * value:.2f} ms" for name, value in asdict(found).items() if value is not None]
    log.info("  per second of %.0f s of test: %s", speech, ", ".join(known) or "not known")


def first_seconds(feats: Stored, frame_shift: float) -> Stored:
    """The first utterances, in the order of their names, that have SECONDS together."""
    names, seconds = [], 0.0
    for name in sorted(feats, key=c_order):
        if seconds >= SECONDS:
            break
        names.append(name)
        seconds += feats.frames[name] * frame_shift
    return feats.only(names)


def _features(decoding: Decoding, feats: Stored, longest: float, channel: Channel) -> float:
    data, options = DataDir.read(decoding.set("test")), decoding.features.read[0]
    compute = make_compute(options)

    def prepare(name: str) -> int:
        place, part = data.wavs[name], data.segments.get(name)
        compute(read_audio(place, options.rate, part, options.resample, longest, channel)[0])
        return len(feats[name])  # normalised, spliced and transformed

    return _seconds(lambda names: list(map(prepare, names)), list(feats))


def _adaptation(decoding: Decoding, feats: Stored, search: Mapping[str, Any]) -> float:
    assert decoding.graph is not None
    folder, options = decoding.set("test"), decoding.features.options.hmm
    plain, speakers = (
        pass_features(folder, options, decoding.hmm, adapt=False),
        DataDir.read(folder).utt2spk,
    )
    silence = Lang.read(decoding.lang).silence
    adapter = Adapter(decoding.hmm, decoding.graph, silence, DecodeOptions(**search))

    def adapt(names: list[str]) -> None:
        adapter.transforms({name: plain[name] for name in names}, speakers, min_frames=0)

    return _seconds(adapt, list(feats))


def _seconds(act: Callable[[list[str]], object], names: list[str]) -> float:
    """CPU time of `act` on `names`, after a first call, which compiles and loads."""
    act(names[:1])
    start = time.process_time()
    act(names)
    return time.process_time() - start
