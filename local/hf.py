"""Any speech dataset that Hugging Face's `datasets` can read, by its name or as a local folder.

    python -m asr_prune.local.hf NAME_OR_FOLDER OUT [--text sentence] [--lexicon FILE]

A folder has csv, tsv, JSON lines or parquet files, audio files with metadata.csv (audiofolder), or
the output of save_to_disk. Cells of tables are read as text. Audio is not decoded: files are used
in place, and audio inside a dataset is written to OUT/audio unchanged. OUT gets the Kaldi data
directories train, dev and test and, if the options name them, local/lexicon.txt and local/lm.arpa.
"""

from __future__ import annotations

from pathlib import Path

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.script import CorpusNotFound, run_script
from asr_prune.errors import UserError, counted

from .hf_options import LEAST_HELD_OUT, WHERE, Options
from .hf_rows import Split
from .hf_text import report_letters, write_language


def prepare(root: Path | None, out: Path, seed: int, settings: Options = Options()) -> None:  # noqa: B008
    """Writes out/{train,dev,test}, out/local and, for audio inside the dataset, out/audio.

    `seed` is not used: nothing is random. Raises UserError if the dataset, a split, a column or a
    file that the options name is missing, or a split has no usable row.
    """
    if root is None:
        raise CorpusNotFound(WHERE)
    out, splits = out.absolute(), {part: getattr(settings, part) for part in ("train", "dev", "test")}
    sets = {part: Split(root, name, settings, out).read(part) for part, name in splits.items() if name}
    for part, offset in (("dev", 0), ("test", 1)):
        if part not in sets:
            sets["train"], sets[part] = _hold_out(sets["train"], settings.held_out, offset)
    report_letters(root, sets)
    write_language(settings, sets["train"], out / "local")
    for part, data in sets.items():
        data.path = out / part
        data.write()


def _hold_out(train: DataDir, every: int, offset: int) -> tuple[DataDir, DataDir]:
    groups = list(train.spk2utt.items())
    chosen = {utterance for _, utterances in groups[offset::every] for utterance in utterances}
    if not chosen or len(groups) <= every:
        what = f"{counted(groups, 'speaker')} are too few to hold out one of every {every}"
        lower = ", or lower corpus.options.held_out" if every > LEAST_HELD_OUT else ""
        raise UserError(f"{what}; name a split in corpus.options.dev and test{lower}, or read more utterances.")
    rest = [utterance for utterance in train.text if utterance not in chosen]
    held = [utterance for utterance in train.text if utterance in chosen]
    return train.subset(rest), train.subset(held)


if __name__ == "__main__":
    run_script("asr_prune.local.hf", prepare, Options)
