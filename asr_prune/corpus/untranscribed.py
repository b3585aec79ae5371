"""Speech without transcripts, from which networks learn by a teacher alone."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from asr_prune.corpus.datadir import DataDir, read_audio_tables, read_table
from asr_prune.errors import UserError, counted, first_few

log = logging.getLogger(__name__)


def take_untranscribed(source: Path, out: Path, sets: Sequence[Path]) -> list[Path]:
    """Copies wav.scp, utt2spk and, if it exists, segments of the data directory `source` to `out`,
    whose `text` has no words; that of `source` is not read.

    sets: train, dev and test, which are of other utterances, and the last two of other speech: what
    a network has heard is no test. Returns further files that it wrote. Raises UserError if a table
    is missing or damaged, the two differ, or an utterance, or audio of dev or test, is there, too.
    Warns of speakers of dev and test.
    """
    for name in ("wav.scp", "utt2spk"):
        if not (source / name).is_file():
            raise UserError(f"corpus.untranscribed: {source / name} is missing; give a data directory with it.")
    wavs, segments = read_audio_tables(source)
    speakers = read_table(source / "utt2spk")
    if odd := sorted(wavs.keys() ^ speakers.keys()):
        raise UserError(
            f"corpus.untranscribed: utt2spk of {source} and its audio differ in {counted(odd, 'utterance')} "
            f"(for instance {odd[0]}); correct them."
        )
    for data in map(DataDir.read, sets):
        _refuse_shared(source, data, "utterance", speakers.keys() & data.utt2spk.keys())
        if data.path.name == "train":
            continue
        heard, tested = ({*map(os.path.abspath, table.values())} for table in (wavs, data.wavs))
        _refuse_shared(source, data, "audio file", heard & tested)
        if both := sorted({*speakers.values()} & {*data.utt2spk.values()}):
            what = f"{source} and {data.path} share {counted(both, 'speaker')}: {first_few(both)}"
            log.warning("  corpus.untranscribed: %s, who are then no unheard test", what)
    DataDir(out, wavs, {name: [] for name in speakers}, speakers, segments).write()
    log.info(
        "  %s: %d utterances of %d speakers without transcripts",
        source,
        len(speakers),
        len({*speakers.values()}),
    )
    return [path for path in (out / "segments",) if path.is_file()]


def _refuse_shared(source: Path, data: DataDir, kind: str, shared: Collection[str]) -> None:
    if twice := sorted(shared):
        what = f"{source} and {data.path} share {counted(twice, kind)} (for instance {twice[0]})"
        raise UserError(f"corpus.untranscribed: {what}, which must be left out of one of the two.")
