"""AN4 (CMU's "Census" database, 1991): names, addresses, dates and numbers, 16 kHz.

    python -m asr_prune.local.an4 ROOT OUT

ROOT has `etc/` and `wav/an4_clstk/...` (or `an4_clstk/...`), audio as .flac, .wav or .sph: 948
training and 130 test utterances. OUT gets the Kaldi data directories train (66 speakers), dev (8 of
the training speakers) and test (10), and local/{lexicon.txt,lm.arpa}. With `--subset half`, train
has every second speaker, and local/rest the audio of the others.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.script import CorpusNotFound, run_script
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.options import options
from asr_prune.text import decoded, fields, lines_of

#: the development set: four women and four men of the training speakers, on whom no network trains
DEV_SPEAKERS = ("fbbh", "fkai", "fmjd", "ftmj", "mblw", "mdmc", "mjhp", "msjm")
#: utterances of the complete corpus
TRAIN_UTTERANCES, TEST_UTTERANCES = 948, 130
AUDIO = (".flac", ".wav", ".sph")

WHERE = (
    "AN4 is not part of this project: get it from Carnegie Mellon University's Speech group (as a "
    "tarball from www.speech.cs.cmu.edu/databases/an4, or cmusphinx's git repository an4), free for "
    "any purpose under a BSD-like licence whose notice must be kept."
)


@options
class Options:
    """Options of the corpus AN4."""

    #: all; half: train has every second of its speakers, in the order of their names, and local/rest
    #: is a data directory of the others, for corpus.untranscribed
    subset: Literal["all", "half"] = "all"


def prepare(root: Path | None, out: Path, seed: int, settings: Options = Options()) -> None:  # noqa: B008
    """Writes out/{train,dev,test} and out/local. `seed` is not used: nothing is random.

    Raises UserError if the corpus is missing or incomplete.
    """
    if root is None:
        raise CorpusNotFound(WHERE)
    root = root.absolute()
    if not (root / "etc").is_dir():
        raise CorpusNotFound(f"{root} is not AN4: it has no folder etc. {WHERE}")
    training = _read_part(root, "train", TRAIN_UTTERANCES)
    test = _read_part(root, "test", TEST_UTTERANCES)
    dev = [utterance for utterance, speaker in training.utt2spk.items() if speaker in DEV_SPEAKERS]
    others = sorted({*training.utt2spk.values()} - {*DEV_SPEAKERS})
    resting = {*others[1::2]} if settings.subset == "half" else set()
    rest = [utterance for utterance, speaker in training.utt2spk.items() if speaker in resting]
    training.subset(training.utt2spk.keys() - {*dev, *rest}, out / "train").write()
    if rest:
        training.subset(rest, out / "local/rest").write()
    training.subset(dev, out / "dev").write()
    test.subset(test.utt2spk, out / "test").write()
    _write_lexicon(root / "etc/an4.dic", out / "local/lexicon.txt")
    with atomic(out / "local/lm.arpa") as file:
        file.write(_read(root / "etc/an4.lm"))


def _read(path: Path) -> str:
    try:
        return decoded(path.read_bytes(), path)
    except OSError as error:
        what = f"{path} cannot be read ({error.strerror}); AN4 is incomplete"
        raise CorpusNotFound(f"{what}. {WHERE}") from None


def _read_part(root: Path, part: str, expected: int) -> DataDir:
    """A part of the corpus; ids get the speaker in front: an251-fash-b -> fash-an251-b."""
    data = DataDir(root)
    text = _read_text(root / f"etc/an4_{part}.transcription")
    for place in fields(_read(root / f"etc/an4_{part}.fileids")):
        if "/" not in place:
            what = f"{root}/etc/an4_{part}.fileids: {place!r} is not SPEAKER/NAME"
            raise UserError(f"{what}; copy the corpus again.")
        speaker, name = place.split("/")[-2:]
        audio = _find_audio(root, place)
        if audio is None or name not in text:
            continue
        utterance = f"{speaker}-{name.replace(f'-{speaker}-', '-')}"
        data.wavs[utterance], data.utt2spk[utterance] = str(audio), speaker
        data.text[utterance] = text[name]
    if len(data.wavs) != expected:
        what = f"{len(data.wavs)} {part} utterances with audio and text instead of {expected}"
        raise UserError(f"{root}: {what}; copy the corpus again.")
    return data


def _read_text(path: Path) -> dict[str, list[str]]:
    """{file name: words} from lines such as `<s> YES </s> (an251-fash-b)`."""
    lines = [words for line in lines_of(_read(path)) if (words := fields(line))]
    marks = ("<s>", "</s>")
    return {name.strip("()"): [word for word in words if word not in marks] for *words, name in lines}


def _find_audio(root: Path, place: str) -> Path | None:
    candidates = (root / level / f"{place}{suffix}" for level in ("wav", ".") for suffix in AUDIO)
    return next((path for path in candidates if path.is_file()), None)


def _write_lexicon(dictionary: Path, lexicon: Path) -> None:
    """Further pronunciations such as `A(2) EY` become further lines of the word."""
    entries = [words for line in lines_of(_read(dictionary)) if (words := fields(line))]
    with atomic(lexicon) as file:
        for word, *phones in entries:
            file.write(f"{re.sub(r'[(][0-9]+[)]$', '', word)} {' '.join(phones)}\n")


if __name__ == "__main__":
    run_script("asr_prune.local.an4", prepare, Options)
