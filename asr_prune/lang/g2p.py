"""Pronunciations of English words by the rules of espeak-ng (optional extra `demo`, GPL-3)."""

from __future__ import annotations

import ctypes
import logging
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from functools import cache

from asr_prune.errors import UserError, counted, first_few
from asr_prune.lang.lexicon import Entry

log = logging.getLogger(__name__)

#: IPA of espeak-ng's American English -> phones of CMUdict
_PHONES = {
    **{"p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "f": "F", "v": "V", "θ": "TH", "ð": "DH"},
    **{"s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "h": "HH", "m": "M", "n": "N", "ŋ": "NG", "l": "L", "ɹ": "R"},
    **{"r": "R", "w": "W", "j": "Y", "tʃ": "CH", "dʒ": "JH", "ɾ": "T", "ʔ": "T", "x": "K", "n̩": "AH N", "əl": "AH L"},
    **{"iː": "IY", "i": "IY", "ɪ": "IH", "ᵻ": "IH", "eɪ": "EY", "ɛ": "EH", "æ": "AE", "a": "AE", "ɑː": "AA"},
    **{"ɑ": "AA", "ɔː": "AO", "ɔ": "AO", "oʊ": "OW", "ʊ": "UH", "uː": "UW", "u": "UW", "ʌ": "AH", "ə": "AH", "ɐ": "AH"},
    **{"aɪ": "AY", "aʊ": "AW", "ɔɪ": "OY", "ɜː": "ER", "ɚ": "ER", "iə": "IY AH", "oː": "AO", "e": "EH", "o": "OW"},
}
_VOWELS = frozenset(["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"])
_STRESS = {"ˈ": "1", "ˌ": "2"}
#: punctuation at the ends of words that is not spoken, and the words between
_SILENT = ".,;:!?\"'()…–—-“”„«»¿¡‘’"
_READABLE = re.compile(r"(?:[^\W_]|[\u0300-\u036f'’.-])+")
_DIGITLESS = re.compile(r"\D+")
_SYNCHRONOUS, _UTF8, _IPA, _SEPARATOR = 2, 1, 0x02, ord("_") << 8


def pronounce(words: Iterable[str], stress: bool = True, numbers: bool = False) -> dict[str, tuple[str, ...]]:
    """{word: phones of CMUdict} for words whose sounds in American English all have a phone.

    stress: whether vowels end in 0, 1 or 2. numbers: read words with digits as English numbers.
    Words with characters that espeak-ng would name, or speak in another language, are left out, as
    are others that have no phones. Raises UserError if espeak-ng is missing.
    """
    pronunciations: dict[str, tuple[str, ...]] = {}
    for word in words:
        if readable(word, numbers) and (phones := to_phones(_spoken(word), stress)):
            pronunciations[word] = phones
    return pronunciations


def readable(word: str, numbers: bool = False) -> bool:
    """Whether espeak-ng's English voice reads a word, and does not name its characters.

    It has a Latin letter or, if `numbers`, an ASCII digit; otherwise only marks, apostrophes,
    hyphens and full stops, besides punctuation at its ends that espeak-ng does not speak.
    """
    core = word.strip(_SILENT)
    if not _READABLE.fullmatch(core) or not (numbers or _DIGITLESS.fullmatch(core)):
        return False
    special = {letter for letter in unicodedata.normalize("NFC", core.lower()) if letter > "\x7f"}
    sounds = _bare(_spoken(core)) if special else ""
    names = (_bare(_spoken(letter)) for letter in special)
    return "(" not in sounds and not any(name and len(name) > 1 and name in sounds for name in names)


def _spoken(word: str) -> str:
    return _ipa(_espeak(), unicodedata.normalize("NFC", word.lower()))


def _bare(ipa: str) -> str:
    return "".join(sign for sign in ipa if sign not in "_ ˈˌ")


def completed(entries: Mapping[Entry, float], words: Collection[str], numbers: bool = False) -> dict[Entry, float]:
    """`entries` and pronunciations of the `words` that they lack, in order, with probability 1.

    Vowels have stress marks if those of `entries` do. numbers: as in `pronounce`. Logs the number
    of added words, and of words that espeak-ng cannot read. Raises UserError as `pronounce`.
    """
    known = {word for word, _ in entries}
    stress = any(phone[-1:].isdigit() for _, phones in entries for phone in phones)
    missing = sorted({*words} - known)
    added = pronounce(missing, stress, numbers)
    if added:
        log.warning("%s pronounced by rule: %s", counted(added, "word"), first_few(added))
    if refused := [word for word in missing if word not in added]:
        what = "without a pronunciation, as espeak-ng would name their characters or numbers"
        remedy = "add them to the file that corpus.options.lexicon names"
        log.warning("%s %s; %s: %s", counted(refused, "word"), what, remedy, first_few(refused))
    return {**entries, **dict.fromkeys(added.items(), 1.0)}


def to_phones(ipa: str, stress: bool) -> tuple[str, ...]:
    """Phones of CMUdict for output of espeak-ng such as `h_ə_l_ˈoʊ`; empty if a sign is unknown."""
    phones: list[str] = []
    for sound in filter(None, ipa.replace(" ", "_").split("_")):
        level = next((_STRESS[sign] for sign in sound if sign in _STRESS), "0")
        matched = _matched("".join(sign for sign in sound if sign not in _STRESS))
        if matched is None:
            return ()
        phones += [phone + level * (stress and phone in _VOWELS) for phone in matched]
    return tuple(phones)


def _matched(sound: str) -> list[str] | None:
    """The phones of one sound, longest match first; None if a part is unknown."""
    phones: list[str] = []
    while sound:
        lengths = range(min(3, len(sound)), 0, -1)
        length = next((n for n in lengths if sound[:n] in _PHONES), 0)
        if not length:
            return None
        phones += _PHONES[sound[:length]].split(" ")
        sound = sound[length:]
    return phones


@cache
def _espeak() -> ctypes.CDLL:
    """The library, initialised once per process: a second initialisation may hang."""
    try:
        import espeakng_loader
    except ImportError:
        message = (
            "espeak-ng, which pronounces words that the lexicon lacks, is missing: "
            "pip install 'asr_prune[demo]', or set corpus.options.g2p=false."
        )
        raise UserError(message) from None
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    data = espeakng_loader.get_data_path()
    started = library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), 0) >= 0
    if not started or library.espeak_SetVoiceByName(b"en-us"):
        message = f"espeak-ng finds no data at {data}"
        raise UserError(f"{message}; run `pip install --force-reinstall espeakng-loader`.")
    return library


def _ipa(library: ctypes.CDLL, word: str) -> str:
    text = ctypes.create_string_buffer(word.encode())
    place = ctypes.c_void_p(ctypes.addressof(text))
    mode = _IPA | _SEPARATOR
    phonemes: bytes = library.espeak_TextToPhonemes(ctypes.byref(place), _UTF8, mode)
    return phonemes.decode("utf-8", "replace")
