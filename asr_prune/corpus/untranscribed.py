"""Speech without transcripts, from which networks learn by a teacher alone."""

from __future__ import annotations

import logging
from pathlib import Path

from asr_prune.corpus.datadir import DataDir, read_audio_tables, read_table
from asr_prune.errors import UserError

log = logging.getLogger(__name__)


def take_untranscribed(source: Path, out: Path, train: Path) -> list[Path]:
    """Copies wav.scp, utt2spk and, if it exists, segments of the data directory `source` to `out`,
    whose `text` has no words; that of `source` is not read.

    train: the training set, of other utterances. Returns further files that it wrote. Raises
    UserError if a table is missing or damaged, the two differ, or an utterance is in `train`.
    """
    for name in ("wav.scp", "utt2spk"):
        if not (source / name).is_file():
            raise UserError(f"corpus.untranscribed: {source / name} is missing; give a data directory with it.")
    wavs, segments = read_audio_tables(source)
    speakers = read_table(source / "utt2spk")
    if odd := sorted(wavs.keys() ^ speakers.keys()):
        raise UserError(
            f"corpus.untranscribed: utt2spk of {source} and its audio differ in {len(odd)} utterances (for instance "
            f"{odd[0]}); correct them."
        )
    if twice := sorted(speakers.keys() & read_table(train / "utt2spk").keys()):
        raise UserError(
            f"corpus.untranscribed: {len(twice)} utterances of {source} are in {train}, too (for instance "
            f"{twice[0]}); leave them out of one of the two."
        )
    DataDir(out, wavs, {name: [] for name in speakers}, speakers, segments).write()
    log.info(
        "  %s: %d utterances of %d speakers without transcripts",
        source,
        len(speakers),
        len({*speakers.values()}),
    )
    return [path for path in (out / "segments",) if path.is_file()]
