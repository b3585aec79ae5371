"""The Free Spoken Digit Dataset (FSDD): ten digits, fifty times by each of six people, 8 kHz.

    python -m asr_prune.local.fsdd ROOT OUT [--fold 0] [--chain 4]

ROOT is the repository or its folder recordings, with DIGIT_SPEAKER_INDEX.wav. OUT gets the Kaldi
data directories test (one speaker), dev (the next one) and train (the others), and
local/{lexicon.txt,lm.arpa}. Strings of digits are written to OUT/audio.
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
from asr_prune.corpus.script import CorpusNotFound, run_script
from asr_prune.corpus.validate import check_counts
from asr_prune.errors import UserError, counted, first_few
from asr_prune.files import atomic
from asr_prune.lang.dictionary import write_flat_unigram, write_lexicon
from asr_prune.options import options

RATE = 8000
NAME = re.compile(r"(\d)_([a-z]+)_(\d+)")
#: word of each digit and its pronunciations in CMUdict, without stress
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
#: counts in the dataset's README
KNOWN = {"recordings": 3000, "speakers": 6}
#: least and greatest length of a pause between digits, in seconds
PAUSE = (0.05, 0.3)
#: seconds of the quietest part of a recording, whose level is taken as its noise level
QUIET = 0.02

WHERE = (
    "FSDD is not part of this project: clone github.com/Jakobovski/free-spoken-digit-dataset, which "
    "is under CC BY-SA 4.0."
)


@options
class Options:
    """Options of the corpus FSDD."""

    #: index of the test speaker in the order of names; the next speaker is the development set
    fold: int = 0
    #: digits in an utterance; 1: the recordings unchanged; more: recordings joined into strings
    chain: int = 1
    #: require all 3000 recordings; false: a warning is logged if some are missing
    whole: bool = True

    def __post_init__(self) -> None:
        if self.fold < 0 or self.chain < 1:
            raise ValueError("fold must be 0 or more and chain 1 or more")


def prepare(root: Path | None, out: Path, seed: int, settings: Options = Options()) -> None:  # noqa: B008
    """Writes out/{train,dev,test}, out/local and, for strings of digits, out/audio.

    seed: which recordings are joined, and the pauses between them. Raises UserError if the corpus
    is missing or incomplete, or has no such fold.
    """
    speakers = _read(root, settings.whole)
    names = sorted(speakers)
    if settings.fold >= len(names) or len(names) < 3:
        remedy = f"give 0 to {len(names) - 1}, of three or more speakers"
        raise UserError(f"fold {settings.fold} of {len(names)} speakers; {remedy}.")
    test, dev = names[settings.fold], names[(settings.fold + 1) % len(names)]
    others = [name for name in names if name not in (test, dev)]
    sets = {"test": [test], "dev": [dev], "train": others}
    for part, chosen in sets.items():
        data = DataDir(out / part)
        for speaker in chosen:
            _add(data, speaker, speakers[speaker], out / "audio", settings.chain, seed)
        data.write()
    entries = [(word, tuple(phones.split())) for word, *variants in DIGITS for phones in variants]
    write_lexicon(out / "local/lexicon.txt", entries)
    words = [word for word, *_ in DIGITS]
    (write_one_word if settings.chain == 1 else write_flat_unigram)(out / "local/lm.arpa", words)


def _read(root: Path | None, whole: bool) -> dict[str, list[Path]]:
    """The recordings of each speaker."""
    if root is None:
        raise CorpusNotFound(WHERE)
    folder = next((path for path in (root / "recordings", root) if any(path.glob("?_*_*.wav"))), None)
    if folder is None:
        what = f"{root} is not FSDD: it has no recordings/DIGIT_SPEAKER_INDEX.wav"
        raise CorpusNotFound(f"{what}. {WHERE}")
    matches = {path: NAME.fullmatch(path.stem) for path in sorted(folder.absolute().glob("*.wav"))}
    if odd := [path.name for path, match in matches.items() if not match]:
        what = f"{counted(odd, 'file')} not named DIGIT_SPEAKER_INDEX.wav: {first_few(odd)}"
        raise UserError(f"{folder}: {what}; remove them.")
    speakers: dict[str, list[Path]] = {}
    for path, match in matches.items():
        if match:
            speakers.setdefault(match[2], []).append(path)
    check_counts(str(folder), {"recordings": len(matches), "speakers": len(speakers)}, KNOWN, whole)
    return speakers


def _add(data: DataDir, speaker: str, recordings: list[Path], audio: Path, chain: int, seed: int) -> None:
    """Adds a speaker's recordings, unchanged or each in one string of `chain` digits."""
    if chain == 1:
        for path in recordings:
            digit, _, index = path.stem.split("_")
            key = f"{speaker}-{digit}-{int(index):02d}"
            data.wavs[key], data.utt2spk[key] = str(path), speaker
            data.text[key] = [DIGITS[int(digit)][0]]
        return
    rng = np.random.default_rng([seed, crc32(speaker.encode())])
    order = rng.permutation(len(recordings))
    for number, start in enumerate(range(0, len(order) - chain + 1, chain)):
        chosen = [recordings[i] for i in order[start : start + chain]]
        key = f"{speaker}-{number:03d}"
        samples = np.concatenate(list(_chained(chosen, rng)))
        data.wavs[key] = str(_write(audio / f"{key}.wav", samples))
        data.text[key] = [DIGITS[int(path.stem[0])][0] for path in chosen]
        data.utt2spk[key] = speaker


def _chained(recordings: list[Path], rng: np.random.Generator) -> Iterator[np.ndarray]:
    """float32 [samples] of pauses at the recordings' noise level, and the recordings between."""
    window = round(QUIET * RATE)
    for path in recordings:
        try:
            samples, _ = read_audio(path, RATE)
        except AudioProblem as problem:
            what = str(problem).removesuffix(".")
            raise UserError(f"{what}, or leave corpus.options.chain at 1.") from None
        whole = samples[: len(samples) // window * window].reshape(-1, window)
        level = float(np.sqrt((whole**2).mean(axis=1)).min()) if len(whole) else 0.0
        yield _pause(level, rng)
        yield samples
    yield _pause(level, rng)


def _pause(level: float, rng: np.random.Generator) -> np.ndarray:
    length = round(rng.uniform(*PAUSE) * RATE)
    return rng.normal(0, max(level, 1.0), length).astype(np.float32)


def _write(path: Path, samples: np.ndarray) -> Path:
    wav = io.BytesIO()
    soundfile.write(wav, np.clip(samples / INT16_SCALE, -1, 1), RATE, format="WAV", subtype="PCM_16")
    with atomic(path.absolute(), "wb") as file:
        file.write(wav.getvalue())
    return path.absolute()


def write_one_word(out: Path, words: list[str]) -> None:
    """Writes an ARPA bigram model whose sentences are single words, all equally likely."""
    cost, never = -math.log10(len(words)), -99
    ones = [f"{never} <s> {never}", f"{never} </s>", *(f"{never} {word} {never}" for word in words)]
    twos = [*(f"{cost:.6f} <s> {word}" for word in words), *(f"0.0 {word} </s>" for word in words)]
    with atomic(out) as file:
        file.write(f"\\data\\\nngram 1={len(ones)}\nngram 2={len(twos)}\n")
        for order, lines in ((1, ones), (2, twos)):
            file.write(f"\n\\{order}-grams:\n" + "".join(f"{line}\n" for line in lines))
        file.write("\n\\end\\\n")


if __name__ == "__main__":
    run_script("asr_prune.local.fsdd", prepare, Options)
