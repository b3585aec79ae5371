"""The Free Spoken Digit Dataset: ten English digits, 8 kHz, by six people, fifty times each.

    python local/fsdd.py ROOT OUT [--fold 0] [--chain 4]

ROOT is the repository (recordings/DIGIT_SPEAKER_INDEX.wav) or that folder of it. OUT gets Kaldi data directories: test,
one speaker, dev, the next one, and train, the four others; and local/{lexicon.txt,lm.arpa}. Chained digits are written
to OUT/audio.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile

from asr_prune.corpus.audio import INT16_SCALE, AudioProblem, read_audio
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.expected import expect
from asr_prune.corpus.script import run_script
from asr_prune.corpus.wording import counted, examples
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.lang.dictionary import write_flat_unigram, write_lexicon
from asr_prune.options import options

RATE = 8000
NAME = re.compile(r"(\d)_([a-z]+)_(\d+)")
#: each digit's word and CMUdict's pronunciations of it, without stress
DIGITS = (
    ("ZERO", "Z IH R OW", "Z IY R OW"),
    ("ONE", "W AH N", "HH W AH N"),
    ("TWO", "T UW"),
    ("THREE", "TH R IY"),
    ("FOUR", "F AO R"),
    ("FIVE", "F AY V"),
    ("SIX", "S IH K S"),
    ("SEVEN", "S EH V AH N"),
    ("EIGHT", "EY T"),
    ("NINE", "N AY N"),
)
#: what the dataset's README states
KNOWN = {"recordings": 3000, "speakers": 6}
#: seconds of a pause between chained digits, at least and at most
PAUSE = (0.05, 0.3)
#: seconds whose level is that of a recording's noise, where they are its quietest
QUIET = 0.02

WHERE = (
    "FSDD is not part of this project: clone github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0; then pass "
    "its folder: `--set corpus.root=FOLDER` or FSDD_ROOT=FOLDER."
)


@options
class Options:
    """What a recipe may ask of the digits."""

    #: which speaker is the test set, in the order of their names; the next one is the development set
    fold: int = 0
    #: digits in a string; 1: recordings as they are
    chain: int = 1
    #: false: another number of recordings than known is told, not refused
    whole: bool = True

    def __post_init__(self) -> None:
        if self.fold < 0 or self.chain < 1:
            raise ValueError("fold must be 0 or more and chain 1 or more")


def prepare(root: Path | None, out: Path, seed: int, asked: Options = Options()) -> None:  # noqa: B008
    """Writes out/{train,dev,test}, out/local and, for chained digits, out/audio; `seed` decides what is chained.

    Raises UserError where the corpus is missing or not whole, or there is no such fold.
    """
    speakers = _read(root, asked.whole)
    names = sorted(speakers)
    if asked.fold >= len(names) or len(names) < 3:
        raise UserError(f"fold {asked.fold} of {len(names)} speakers; give 0 to {len(names) - 1}, of three or more.")
    test, dev = names[asked.fold], names[(asked.fold + 1) % len(names)]
    sets = {"test": [test], "dev": [dev], "train": [name for name in names if name not in (test, dev)]}
    for part, chosen in sets.items():
        data = DataDir(out / part)
        for speaker in chosen:
            _add(data, speaker, speakers[speaker], out / "audio", asked.chain, seed)
        data.write()
    write_lexicon(out / "local/lexicon.txt", [(word, tuple(p.split())) for word, *own in DIGITS for p in own])
    words = [word for word, *_ in DIGITS]
    (write_one_word if asked.chain == 1 else write_flat_unigram)(out / "local/lm.arpa", words)


def _read(root: Path | None, whole: bool) -> dict[str, list[Path]]:
    """The recordings of each speaker."""
    if root is None:
        raise UserError(WHERE)
    folder = next((path for path in (root / "recordings", root) if any(path.glob("?_*_*.wav"))), None)
    if folder is None:
        raise UserError(f"{root} is not FSDD: it has no recordings/DIGIT_SPEAKER_INDEX.wav. {WHERE}")
    found = {path: NAME.fullmatch(path.stem) for path in sorted(folder.absolute().glob("*.wav"))}
    if odd := [path.name for path, match in found.items() if not match]:
        raise UserError(
            f"{folder}: {counted(odd, 'file')} not named DIGIT_SPEAKER_INDEX.wav: {examples(odd)}; remove them."
        )
    speakers: dict[str, list[Path]] = {}
    for path, match in found.items():
        if match:
            speakers.setdefault(match[2], []).append(path)
    expect(str(folder), {"recordings": len(found), "speakers": len(speakers)}, KNOWN, whole)
    return speakers


def _add(data: DataDir, speaker: str, recordings: list[Path], audio: Path, chain: int, seed: int) -> None:
    """A speaker's recordings, as they are or in strings of `chain` digits, each recording in one string."""
    if chain == 1:
        for path in recordings:
            digit, _, index = path.stem.split("_")
            key = f"{speaker}-{digit}-{int(index):02d}"
            data.wavs[key], data.text[key], data.utt2spk[key] = str(path), [DIGITS[int(digit)][0]], speaker
        return
    dice = np.random.default_rng([seed, crc32(speaker.encode())])
    order = dice.permutation(len(recordings))
    for number, start in enumerate(range(0, len(order) - chain + 1, chain)):
        chosen = [recordings[i] for i in order[start : start + chain]]
        key = f"{speaker}-{number:03d}"
        data.wavs[key] = str(_write(audio / f"{key}.wav", np.concatenate(list(_chained(chosen, dice)))))
        data.text[key], data.utt2spk[key] = [DIGITS[int(path.stem[0])][0] for path in chosen], speaker


def _chained(recordings: list[Path], dice: np.random.Generator) -> Iterator[np.ndarray]:
    """float32 [samples] pieces: pauses at the recordings' own noise level, before, between and after them."""
    window = round(QUIET * RATE)
    for path in recordings:
        try:
            samples, _ = read_audio(path, RATE)
        except AudioProblem as problem:
            raise UserError(f"{problem} A string of digits cannot do without it.") from None
        whole = samples[: len(samples) // window * window].reshape(-1, window)
        level = float(np.sqrt((whole**2).mean(axis=1)).min()) if len(whole) else 0.0
        yield _pause(level, dice)
        yield samples
    yield _pause(level, dice)


def _pause(level: float, dice: np.random.Generator) -> np.ndarray:
    length = round(dice.uniform(*PAUSE) * RATE)
    return dice.normal(0, max(level, 1.0), length).astype(np.float32)


def _write(path: Path, samples: np.ndarray) -> Path:
    wav = io.BytesIO()
    soundfile.write(wav, np.clip(samples / INT16_SCALE, -1, 1), RATE, format="WAV", subtype="PCM_16")
    with atomic(path.absolute(), "wb") as file:
        file.write(wav.getvalue())
    return path.absolute()


def write_one_word(out: Path, words: list[str]) -> None:
    """Writes an ARPA file in which every sentence is one of `words`, all equally likely."""
    cost, never = -math.log10(len(words)), -99
    ones = [f"{never} <s> {never}", f"{never} </s>", *(f"{never} {word} {never}" for word in words)]
    twos = [*(f"{cost:.6f} <s> {word}" for word in words), *(f"0.0 {word} </s>" for word in words)]
    with atomic(out) as file:
        file.write(f"\\data\\\nngram 1={len(ones)}\nngram 2={len(twos)}\n")
        for order, lines in ((1, ones), (2, twos)):
            file.write(f"\n\\{order}-grams:\n" + "".join(f"{line}\n" for line in lines))
        file.write("\n\\end\\\n")


if __name__ == "__main__":
    run_script("local/fsdd.py", prepare, Options)
