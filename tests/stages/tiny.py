"""A corpus of three words made of tones, a second of audio each: what the command line's tests run on."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import soundfile

from asr_prune.corpus.datadir import DataDir
from asr_prune.files import atomic

RATE = 16000
SPEAKERS = {"train": ("ann", "bob", "cat"), "dev": ("dan",), "test": ("eve",)}
SENTENCES = (["LOW", "HIGH"], ["HIGH", "MID", "LOW"], ["MID", "MID"], ["LOW", "MID", "HIGH"])
TONES = {"LOW": 300.0, "MID": 900.0, "HIGH": 2500.0}


def prepare(root: Path | None, out: Path, seed: int) -> None:
    """Writes the data directories, lexicon and a flat unigram language model; the audio lies in out/audio."""
    dice = np.random.default_rng(seed)
    (out / "audio").mkdir(parents=True, exist_ok=True)
    for part, speakers in SPEAKERS.items():
        data = DataDir(out / part)
        for name, speaker, words in ((f"{s}-{i}", s, words) for s in speakers for i, words in enumerate(SENTENCES)):
            place = (out / "audio" / f"{name}.wav").resolve()
            soundfile.write(wav := io.BytesIO(), sound(words, dice), RATE, format="WAV", subtype="PCM_16")
            with atomic(place, "wb") as file:
                file.write(wav.getvalue())
            data.wavs[name], data.text[name], data.utt2spk[name] = str(place), words, speaker
        data.write()
    with atomic(out / "local/lexicon.txt") as file:
        file.writelines(f"{word} {phone}\n" for word, phone in zip(TONES, "LMH", strict=True))
    with atomic(out / "local/lm.arpa") as file:
        cost = math.log10(1 / 4)
        unigrams = "".join(f"{cost:.4f} {word}\n" for word in ("</s>", *TONES))
        file.write(f"\\data\\\nngram 1={len(TONES) + 2}\n\n\\1-grams:\n-99 <s>\n{unigrams}\n\\end\\\n")


def sound(words: list[str], dice: np.random.Generator) -> np.ndarray:
    """float64 [samples]: a quarter of a second of tone a word, silence around it, noise over all."""
    time = np.arange(RATE // 4) / RATE
    pause = np.zeros(RATE // 8)
    tones = [np.concatenate([0.3 * np.sin(2 * np.pi * TONES[word] * time), pause]) for word in words]
    samples = np.concatenate([pause, *tones])
    return samples + dice.normal(0, 0.01, len(samples))
