"""What the lang stage makes of a lang folder made by Kaldi."""

from __future__ import annotations

import logging
from pathlib import Path

from asr_prune.kaldi.take_lang import take_lang

log = logging.getLogger(__name__)


def take_lang_folder(source: Path, out: Path) -> None:
    """Copies Kaldi's lang folder. Raises UserError as `take_lang`."""
    log.info("  %d words, %d phones", *take_lang(source, out))
