"""The demo corpus: commands for a house, spoken by espeak-ng in noise; equal seeds give equal bits.

python -m asr_prune.local.demo OUT [SEED]
"""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

import numpy as np
import soundfile

from asr_prune.corpus.datadir import DataDir
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.process import WorkerPool, worker_pool
from asr_prune.progress import track

from .demo_lm import write_arpa
from .demo_noise import degrade
from .demo_text import lexicon, sentences
from .demo_voices import RATE, Voice, espeak_files, speak, voices

log = logging.getLogger(__name__)

PARTS = ("train", "dev", "test")
UTTERANCES = {"train": 20, "dev": 18, "test": 16, "babble": 10}  # per voice
LM_ORDER = 2  # 2: Witten-Bell bigram, 1: unigram

#: the utterances of each voice, as lists of words
Script = dict[Voice, list[list[str]]]


def script(part: str, seed: int) -> Script:
    """The utterances of each voice of `part` (train, dev, test or babble)."""
    people = voices(part, seed)
    texts = sentences(part, UTTERANCES[part] * len(people), [seed, crc32(part.encode())])
    return {voice: texts[index :: len(people)] for index, voice in enumerate(people)}


def prepare(root: Path | None, out: Path, seed: int) -> None:
    """Writes out/{train,dev,test}, out/local/{lexicon.txt,lm.arpa} and out/audio/SPEAKER/*.wav.

    The audio is 16 kHz, 16 bit, mono. root: not used. Raises UserError if espeak-ng is missing or
    `out` cannot be written.
    """
    scripts = {part: script(part, seed) for part in PARTS}
    lines = {voice: texts for part in PARTS for voice, texts in scripts[part].items()}
    seconds = record(lines, out / "audio", seed)
    for part in PARTS:
        data = data_dir(out / part, scripts[part], out / "audio")
        data.write()
        minutes = sum(seconds[name] for name in data.text) / 60
        counts = (len(data.spk2utt), len(data.text), minutes)
        log.info("%s: %d voices, %d utterances, %.1f minutes", part, *counts)
    write_language(out / "local", scripts["train"])


def record(lines: Script, audio: Path, seed: int, processes: int | None = None) -> dict[str, float]:
    """Synthesises `lines` in noise, a wav file per utterance; returns {utterance: seconds}.

    processes: by default one per core, at most 8. The samples depend neither on it nor on the other
    voices in `lines`.
    """
    espeak_files()  # raises UserError here rather than in a process
    seconds: dict[str, float] = {}
    with worker_pool(processes or min(8, os.cpu_count() or 1), "spawn") as pool:
        tracks = [np.concatenate(spoken) for spoken in _speak_all(pool, script("babble", seed))]
        spoken_lines = zip(lines, _speak_all(pool, lines), strict=True)
        for voice, utterances in track(spoken_lines, len(lines), "demo corpus, voices"):
            for name, speech in zip(names(voice, len(utterances)), utterances, strict=True):
                noisy = degrade(speech, tracks, np.random.default_rng([seed, crc32(name.encode())]))
                _write_wav(_wav(audio, name), noisy)
                seconds[name] = len(noisy) / RATE
    return seconds


def _speak_all(pool: WorkerPool, lines: Script) -> Iterator[list[np.ndarray]]:
    return pool.starmap(speak, list(lines.items()))


def names(voice: Voice, count: int) -> list[str]:
    """Utterance ids, which begin with the speaker."""
    return [f"{voice.speaker}-{number:03d}" for number in range(1, count + 1)]


def _wav(audio: Path, name: str) -> Path:
    return audio / name.rpartition("-")[0] / f"{name}.wav"


def _write_wav(path: Path, samples: np.ndarray) -> None:
    wav = io.BytesIO()  # soundfile prints a traceback if the disk is full
    soundfile.write(wav, samples, RATE, format="WAV", subtype="PCM_16")
    with atomic(path, "wb") as file:
        file.write(wav.getvalue())


def data_dir(path: Path, lines: Script, audio: Path) -> DataDir:
    """The data directory `path` of the utterances that `record` wrote to `audio`."""
    data = DataDir(path)
    for voice, texts in lines.items():
        for name, words in zip(names(voice, len(texts)), texts, strict=True):
            data.wavs[name], data.utt2spk[name] = str(_wav(audio, name)), voice.speaker
            data.text[name] = words
    return data


def write_language(local: Path, training: Script) -> None:
    """Writes local/lexicon.txt, and local/lm.arpa estimated from the training text."""
    entries = lexicon()
    with atomic(local / "lexicon.txt") as file:
        file.writelines(f"{word} {' '.join(phones)}\n" for word, phones in entries)
    texts = [words for utterances in training.values() for words in utterances]
    write_arpa(local / "lm.arpa", texts, {word for word, _ in entries}, LM_ORDER)


def main() -> None:
    """The command line: OUT and an optional seed."""
    prepare_by_command("demo", prepare)


def prepare_by_command(name: str, make: Callable[[Path | None, Path, int], None]) -> None:
    """Runs `make` as `python -m asr_prune.local.NAME OUT [SEED]` asks."""
    if len(sys.argv) not in (2, 3):
        sys.exit(f"usage: python -m asr_prune.local.{name} OUT [SEED]")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        make(None, Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) == 3 else 0)
    except UserError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
