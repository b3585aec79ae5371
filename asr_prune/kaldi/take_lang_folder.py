"""What the lang stage makes of a lang folder made by Kaldi."""

from __future__ import annotations

import logging
from pathlib import Path

from asr_prune.integrity import MANIFEST
from asr_prune.kaldi.take_lang import take_lang

log = logging.getLogger(__name__)


def take_lang_folder(source: Path, out: Path) -> list[Path]:
    """Copies Kaldi's lang folder. Returns all files that it wrote. Raises UserError as `take_lang`."""
    log.info("  %d words, %d phones", *take_lang(source, out))
    return [path for path in sorted(out.rglob("*")) if path.is_file() and path.name != MANIFEST]
