"""The demo corpus's voices: espeak-ng (GPL-3, an optional extra), used through ctypes."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np

from asr_prune.errors import UserError

RATE = 16000  # hertz, of what `speak` returns; 16000 / 22050 = 320 / 441
ESPEAK_RATE = 22050  # hertz

# accent+variant as espeak-ng names them; no variant is in two sets. The seed decides a voice's
# pitch, pitch range and rate.
VOICES: dict[str, str] = {
    "train": """
        en-us+m1 en-gb-x-rp+m1 en-gb-scotland+m2 en-us+m3 en+m5 en-029+m5 en-us-nyc+m7 en-us+Andy
        en-gb-x-gbcwmd+Gene en-us+Michael en+Mike en-gb-x-rp+max en-us+paul en-gb-scotland+quincy
        en-029+adam en-gb-x-gbclan+edward en-us-nyc+victor en-us+f1 en-gb-x-rp+f1 en-gb-scotland+f2
        en-029+f2 en-us+f4 en-gb-x-gbclan+f4 en+steph3 en-us+linda en-gb-x-rp+linda
        en-us-nyc+grandma en-us+shelby
    """,
    "dev": "en-us+m6 en-gb-x-rp+Denis en-gb-scotland+robert en-us+f5 en+belinda en-us-nyc+klatt3",
    "test": """
        en-us+m4 en-gb-scotland+Nguyen en-gb-x-rp+Diogo en-us-nyc+Storm en-us+f3 en+Annie
        en-gb-scotland+f3 en-gb-x-gbclan+aunty
    """,
    "babble": "en-us+ed en-gb-x-rp+norbert en+john en-us+rob en-us+iven3 en-gb-scotland+sandro",
}
# {number of the parameter: least and greatest value}: words per minute; pitch and pitch range
# (0-100)
PARAMETERS: dict[int, tuple[int, int]] = {1: (135, 195), 3: (35, 65), 4: (30, 70)}
VOLUME = (2, 60)  # the default of 100 clips some voices

# espeak-ng would pronounce A and I as unstressed words, and CLOSE as the adjective
SAY_AS = {"A": "[['eI]]", "I": "[['aI]]", "CLOSE": "[[kl'oUz]]"}

_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_RETRIEVE, _CHARS_UTF8, _PHONEMES = 1, 1, 0x100


@dataclass(frozen=True)
class Voice:
    """speaker: its id; name: of the espeak-ng voice; settings: (espeak parameter, value)."""

    speaker: str
    name: str
    settings: tuple[tuple[int, int], ...]


def voices(part: str, seed: int) -> list[Voice]:
    """The voices of `part` (train, dev, test, babble), numbered from 01."""
    speakers = []
    for number, name in enumerate(VOICES[part].split(), 1):
        rng = np.random.default_rng([seed, crc32(f"{part}{number}".encode())])
        settings = []
        for key, (low, high) in PARAMETERS.items():
            settings.append((key, int(rng.integers(low, high, endpoint=True))))
        speakers.append(Voice(f"{part}{number:02d}", name, tuple(settings)))
    return speakers


class Espeak:
    """espeak-ng with one voice; a context manager.

    The synthesiser keeps state between utterances (phase, flutter, random numbers), so each speaker
    gets a separate library, loaded from a copy of the file: samples then depend only on what the
    same voice said before, not on other speakers or processes.
    """

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._parts: list[np.ndarray] = []
        self._callback = _CALLBACK(self._receive)

    def __enter__(self) -> Espeak:
        library, data = espeak_files()
        with tempfile.TemporaryDirectory() as folder:
            self._library = ctypes.CDLL(shutil.copy(library, folder))
        if self._library.espeak_Initialize(_RETRIEVE, 0, str(data).encode(), 0) != ESPEAK_RATE:
            remedy = "run `pip install --force-reinstall espeakng-loader`"
            raise UserError(f"espeak-ng finds no data at {data}; {remedy}.")
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        ctypes.CDLL(None).srand(1)
        if self._library.espeak_SetVoiceByName(self._voice.name.encode()) != 0:
            remedy = "run `pip install --upgrade espeakng-loader`"
            raise UserError(f"espeak-ng has no voice {self._voice.name}; {remedy}.")
        for key, value in (VOLUME, *self._voice.settings):
            self._library.espeak_SetParameter(key, value, 0)
        return self

    def __exit__(self, *_: object) -> None:
        self._library.espeak_Terminate()

    def _receive(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _: int) -> int:
        if samples and count > 0:
            self._parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def say(self, words: list[str]) -> np.ndarray:
        """Speech as float32 [samples] at RATE, within [-1, 1]."""
        self._parts.clear()
        text = " ".join(_spoken(word) for word in words).encode()
        self._library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _CHARS_UTF8 | _PHONEMES, None, None)
        self._library.espeak_Synchronize()
        from scipy.signal import resample_poly  # takes over a second to load, and every verb reads this file

        samples = np.concatenate(self._parts).astype(np.float64) / 32768
        return resample_poly(samples, 320, 441).astype(np.float32)


def _spoken(word: str) -> str:
    return SAY_AS.get(word, word if len(word) == 1 else word.lower())


def espeak_files() -> tuple[Path, Path]:
    """espeak-ng's library and data folder, from espeakng-loader.

    Raises UserError if that is not installed.
    """
    try:
        import espeakng_loader
    except ImportError:
        what = "espeak-ng, which synthesises the demo corpus, is missing"
        raise UserError(f"{what}; run `pip install 'asr_prune[demo]'`.") from None
    return Path(espeakng_loader.get_library_path()), Path(espeakng_loader.get_data_path())


def speak(voice: Voice, texts: list[list[str]]) -> list[np.ndarray]:
    """`texts` spoken by `voice`: float32 [samples] at RATE each, the same in any process."""
    with Espeak(voice) as espeak:
        return [espeak.say(words) for words in texts]
