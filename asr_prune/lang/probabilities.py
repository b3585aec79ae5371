"""Probabilities of pronunciations, and of silence around them, in Kaldi's dictionary folders.

Chen, Xu, Wang, Povey and Khudanpur 2015, "Pronunciation and silence probability modeling for ASR"
(Kaldi: dict_dir_add_pronprobs.sh, validate_dict_dir.pl).
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.files import Readable
from asr_prune.text import fields, file_lines

log = logging.getLogger(__name__)

_NAME = re.compile(r"(?<![a-z])lexiconp(_silprob)?(?![a-z])", re.IGNORECASE)
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
_SENTENCE = ("<s>", "</s>_s", "</s>_n", "overall")


@dataclass(frozen=True)
class Chances:
    """What is known of an entry of the lexicon.

    pronunciation: probability of the pronunciation, the likeliest of a word usually at 1;
    silence_after: probability that silence follows; after_silence, after_speech: factors above 1 if
    the entry follows silence, or another word directly, more often than the average.
    """

    pronunciation: float = 1.0
    silence_after: float = 0.5
    after_silence: float = 1.0
    after_speech: float = 1.0


@dataclass(frozen=True)
class SentenceSilence:
    """begin: probability that a sentence begins with silence; end_silence, end_speech: factors for
    its end after silence and after a word.
    """

    begin: float
    end_silence: float
    end_speech: float
    overall: float


def cost(probability: float) -> float:
    """-log, and never -0.0."""
    return -math.log(probability) + 0.0


def probability_columns(path: Readable) -> int:
    """Numbers between word and phones, by the file's name: lexiconp.txt 1, lexiconp_silprob.txt 4."""
    match = _NAME.search(str(path).rpartition("/")[2])
    return 0 if not match else 4 if match[1] else 1


def read_chances(word: str, columns: list[str], where: str) -> Chances:
    """The numbers after `word`. Raises UserError if one is missing or out of range."""
    numbers = [float(text) if _NUMBER.fullmatch(text) else math.nan for text in columns]
    highest = (1.0, math.nextafter(1, 0), math.inf, math.inf)[: len(columns)]
    for text, number, most in zip(columns, numbers, highest, strict=True):
        if not 0 < number <= most or number == math.inf:
            form = "WORD P P_SILENCE_AFTER F_SILENCE F_NONSILENCE" if len(columns) > 1 else "WORD P"
            raise UserError(
                f"{where}: expected {_range(most)} and found {text!r} for {word!r}; lines of this file are "
                f"`{form} PHONE ...`, those of lexicon.txt `WORD PHONE ...`."
            )
    return Chances(*numbers)


def _range(most: float) -> str:
    if most == math.inf:
        return "a factor above 0"
    return "a probability above 0 and at most 1" if most == 1 else "a probability above 0 and below 1"


def warn_of_numbers(path: Readable, entries: Iterable[tuple[str, tuple[str, ...]]]) -> None:
    """Logs how many pronunciations of a plain lexicon begin with what looks like a probability.

    Raises UserError if all do.
    """
    odd = [_is_probability(phones[0]) for _, phones in entries]
    if odd and all(odd):
        message = f"the first phone of every word of {path} is a number such as 1.0"
        fix = "name the file lexiconp.txt, as Kaldi does, if these are probabilities"
        raise UserError(f"{message}; {fix}, or rename the phones.")
    if any(odd):
        message = "%s: the first phone of %d pronunciations is a number such as 1.0"
        log.warning(message, path, sum(odd))


def _is_probability(phone: str) -> bool:
    return "." in phone and bool(_NUMBER.fullmatch(phone)) and 0 < float(phone) <= 1


def read_silprob(path: Path) -> SentenceSilence:
    """Kaldi's silprob.txt. Raises UserError if it is missing or a number is missing or out of
    range.
    """
    try:
        lines = file_lines(path)
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror}), and lexiconp_silprob.txt needs it"
        raise UserError(f"{message}; copy it from the same folder.") from None
    found: dict[str, float] = {}
    for number, line in enumerate(lines, 1):
        name, *values = fields(line) or [""]
        if name not in _SENTENCE or name in found or len(values) != 1:
            message = f"{path}:{number}: expected `NAME NUMBER`, once for each of {', '.join(_SENTENCE)}"
            raise UserError(f"{message}, and found {line!r}; copy the file again.")
        most = {"<s>": math.nextafter(1, 0), "overall": 1.0}.get(name, math.inf)
        value = float(values[0]) if _NUMBER.fullmatch(values[0]) else math.nan
        if not 0 < value <= most or value == math.inf:
            message = f"{path}:{number}: expected {_range(most)} and found {values[0]!r}"
            raise UserError(f"{message}; correct it.")
        found[name] = value
    if missing := [name for name in _SENTENCE if name not in found]:
        raise UserError(f"{path} has no line {missing[0]}; copy the file again.")
    return SentenceSilence(*(found[name] for name in _SENTENCE))


def silprob_text(sentence: SentenceSilence) -> str:
    """The content of silprob.txt."""
    pairs = zip(_SENTENCE, astuple(sentence), strict=True)
    return "".join(f"{name} {value!r}\n" for name, value in pairs)
