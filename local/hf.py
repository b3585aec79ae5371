"""Any speech dataset that Hugging Face's `datasets` can read: by its name on the hub, or a local folder.

    python local/hf.py NAME_OR_FOLDER OUT [--text sentence] [--speaker client_id] [--lexicon FILE]

A folder holds parquet files, audio files with metadata.csv (audiofolder), or what save_to_disk wrote. Audio is not
decoded: files are used where they lie, and bytes inside a dataset are written to OUT/audio as they are. OUT gets Kaldi
data directories train, dev and test and, where they are named, local/lexicon.txt and local/lm.arpa.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))  # the hf_*.py beside this file, however it is loaded

from hf_options import WHERE, Options
from hf_rows import Split
from hf_text import write_language

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.script import run_script
from asr_prune.corpus.wording import counted
from asr_prune.errors import UserError


def prepare(root: Path | None, out: Path, seed: int, asked: Options = Options()) -> None:  # noqa: B008
    """Writes out/{train,dev,test}, out/local and, for audio inside the dataset, out/audio. `seed` changes nothing.

    Raises UserError where the dataset, a split, a column or a named lexicon is missing, or a split has no usable row.
    """
    if root is None:
        raise UserError(WHERE)
    out, splits = out.absolute(), {part: getattr(asked, part) for part in ("train", "dev", "test")}
    sets = {part: Split(root, name, asked, out).read(part) for part, name in splits.items() if name}
    for part, offset in (("dev", 0), ("test", 1)):
        if part not in sets:
            sets["train"], sets[part] = _hold_out(sets["train"], asked.held_out, offset)
    write_language(asked, sets["train"], out / "local")
    for part, data in sets.items():
        data.path = out / part
        data.write()


def _hold_out(train: DataDir, every: int, offset: int) -> tuple[DataDir, DataDir]:
    groups = list(train.spk2utt.items())
    chosen = {utterance for _, utterances in groups[offset::every] for utterance in utterances}
    if not chosen or len(groups) <= every:
        raise UserError(
            f"{counted(groups, 'speaker')} are too few to hold out every {every}th; name a split instead, or lower "
            "corpus.options.held_out."
        )
    rest = [utterance for utterance in train.text if utterance not in chosen]
    return train.subset(rest), train.subset([utterance for utterance in train.text if utterance in chosen])


if __name__ == "__main__":
    run_script("local/hf.py", prepare, Options)
