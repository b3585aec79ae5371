"""AN4 (CMU's "Census" database, 1991): 948 training and 130 test utterances, 16 kHz: names, addresses, dates, numbers.

    python local/an4.py ROOT OUT

ROOT holds `etc/` and `wav/an4_clstk/...` (or `an4_clstk/...`), audio as .flac, .wav or .sph. OUT gets Kaldi data
directories train (66 speakers), dev (8 of the training speakers) and test (10), and local/{lexicon.txt,lm.arpa}.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.files import atomic

#: the development set: four women and four men of the training speakers; the network never trains on them
DEV_SPEAKERS = ("fbbh", "fkai", "fmjd", "ftmj", "mblw", "mdmc", "mjhp", "msjm")
#: utterances that the corpus is known to hold
TRAIN_UTTERANCES, TEST_UTTERANCES = 948, 130
AUDIO = (".flac", ".wav", ".sph")

WHERE = (
    "AN4 is not part of this project: get it from Carnegie Mellon University's Speech group (the AN4 database page, "
    "www.speech.cs.cmu.edu/databases/an4, as a tarball; or cmusphinx's git repository an4), free for any purpose under "
    "a BSD-like licence whose notice must be kept; then pass its folder: `--set corpus.root=FOLDER` or AN4_ROOT=FOLDER."
)


def prepare(root: Path | None, out: Path, seed: int) -> None:
    """Writes out/{train,dev,test} and out/local. `seed` changes nothing: the corpus is as it was recorded.

    Raises UserError where the corpus is missing or not whole.
    """
    if root is None:
        raise UserError(WHERE)
    root = root.absolute()
    if not (root / "etc").is_dir():
        raise UserError(f"{root} is not AN4: it has no folder etc. {WHERE}")
    training = _read_part(root, "train", TRAIN_UTTERANCES)
    test = _read_part(root, "test", TEST_UTTERANCES)
    dev = [utterance for utterance, speaker in training.utt2spk.items() if speaker in DEV_SPEAKERS]
    training.subset(training.utt2spk.keys() - dev, out / "train").write()
    training.subset(dev, out / "dev").write()
    test.subset(test.utt2spk, out / "test").write()
    _write_lexicon(root / "etc/an4.dic", out / "local/lexicon.txt")
    with atomic(out / "local/lm.arpa") as file:
        file.write(_read(root / "etc/an4.lm"))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"no UTF-8 at byte {error.start}"
        raise UserError(f"{path} cannot be read ({reason}); AN4 is not whole. {WHERE}") from None


def _read_part(root: Path, part: str, expected: int) -> DataDir:
    """One part of the corpus in memory; the speaker goes to the front of each id: an251-fash-b -> fash-an251-b."""
    data = DataDir(root)
    text = _read_text(root / f"etc/an4_{part}.transcription")
    for place in _read(root / f"etc/an4_{part}.fileids").split():
        if "/" not in place:
            raise UserError(f"{root}/etc/an4_{part}.fileids: {place!r} is not SPEAKER/NAME; copy the corpus again.")
        speaker, name = place.split("/")[-2:]
        audio = _find_audio(root, place)
        if audio is None or name not in text:
            continue
        utterance = f"{speaker}-{name.replace(f'-{speaker}-', '-')}"
        data.wavs[utterance], data.text[utterance], data.utt2spk[utterance] = str(audio), text[name], speaker
    if len(data.wavs) != expected:
        found = f"{len(data.wavs)} {part} utterances with audio and text where AN4 has {expected}"
        raise UserError(f"{root}: {found}; copy the corpus again.")
    return data


def _read_text(path: Path) -> dict[str, list[str]]:
    """{file name: words} from lines such as `<s> YES </s> (an251-fash-b)`."""
    lines = [line.split() for line in _read(path).splitlines() if line.strip()]
    return {line[-1].strip("()"): [word for word in line[:-1] if word not in ("<s>", "</s>")] for line in lines}


def _find_audio(root: Path, place: str) -> Path | None:
    candidates = (root / level / f"{place}{suffix}" for level in ("wav", ".") for suffix in AUDIO)
    return next((path for path in candidates if path.is_file()), None)


def _write_lexicon(dictionary: Path, lexicon: Path) -> None:
    """`A(2) EY` is a second pronunciation of A: the word is written again."""
    entries = [line.split() for line in _read(dictionary).splitlines() if line.strip()]
    with atomic(lexicon) as file:
        file.writelines(f"{re.sub(r'[(][0-9]+[)]$', '', word)} {' '.join(phones)}\n" for word, *phones in entries)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python local/an4.py ROOT OUT")
    try:
        prepare(Path(sys.argv[1]), Path(sys.argv[2]), seed=0)
    except UserError as problem:
        sys.exit(f"local/an4.py: {problem}")
