"""The file that says how long the steps before the network take; light, as the report reads it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.integrity import checked


@dataclass(frozen=True)
class FrontEndTime:
    """Real-time factors on one core: CPU seconds per second of audio.

    features: reading audio and computing what the network reads, None if the audio cannot be read;
    adaptation: of estimating the speakers' transforms, None if there are none.
    """

    features: float | None = None
    adaptation: float | None = None


def read_front_end(path: Path) -> FrontEndTime:
    """Reads what `time_front_end` wrote; nothing is known if there is no such file.

    Raises UserError if it is damaged.
    """
    if not path.is_file():
        return FrontEndTime()
    try:
        return FrontEndTime(**json.loads(checked(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error}); remove it and rerun the stage graph.") from None
