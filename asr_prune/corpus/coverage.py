"""How far a vocabulary covers transcripts, and which key of the recipe mends what it lacks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from asr_prune.errors import UserError, counted, first_few

#: names that lexicons give to the word for unknown words
_UNKNOWN = re.compile(r"\W*(unk|unknown|oov|spoken[_-]noise|spn)\W*", re.IGNORECASE)
#: utterance -> words
Transcripts = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class SpokenWords:
    """Words that have a pronunciation; oov: the word that stands for all others in training; where:
    their file.
    """

    words: frozenset[str]
    oov: str
    where: str

    def lacks(self, text: Transcripts) -> list[str]:
        """Utterances with a word that is not in the vocabulary."""
        return [name for name, words in text.items() if not self.words.issuperset(words)]

    def missing(self, texts: Iterable[Transcripts]) -> Counter[str]:
        """How often each word that is not in the vocabulary was said."""
        every = (word for text in texts for words in text.values() for word in words)
        return Counter(word for word in every if word not in self.words)


def coverage(sets: Mapping[str, Transcripts], vocabulary: SpokenWords) -> list[str]:
    """A sentence for each of `sets` that has words outside the vocabulary, and what becomes of
    them.
    """
    sentences = []
    for part, text in sets.items():
        if lacking := vocabulary.lacks(text):
            missing = vocabulary.missing([text])
            frequent = first_few(f"{word} ({count})" for word, count in missing.most_common())
            what = f"{part}: {len(lacking)} of {counted(text, 'utterance')} have words that {vocabulary.where} lacks"
            sentences.append(f"{what} ({counted(missing, 'word')}: {frequent}); {_fate(part, vocabulary)}.")
    return sentences


def _fate(part: str, vocabulary: SpokenWords) -> str:
    if part == "test":
        return "they cannot be recognised"
    if vocabulary.oov in vocabulary.words:
        return f"they count as {vocabulary.oov} in training"
    return "training leaves these utterances out"


def mends(sets: Mapping[str, Transcripts], vocabulary: SpokenWords, script_options: Collection[str] = ()) -> list[str]:
    """What to do about the words outside the vocabulary, a sentence each, the likeliest first; none
    if it has all.

    script_options: keys that the corpus's script takes in corpus.options.
    """
    missing = vocabulary.missing(sets.values())
    if not missing:
        return []
    folded = {word.casefold(): word for word in sorted(vocabulary.words)}
    alike = [word for word in missing if word.casefold() in folded]
    case = _other_case(alike, folded, missing, script_options) if alike else []
    if len(alike) == len(missing):
        return case
    return [*case, *_unknown_word(vocabulary), *_more_words(script_options)]


def _other_case(
    alike: Sequence[str],
    folded: Mapping[str, str],
    missing: Collection[str],
    script_options: Collection[str],
) -> list[str]:
    pair = f"{alike[0]} is {folded[alike[0].casefold()]} there"
    what = f"{len(alike)} of {counted(missing, 'missing word')} differ in letter case only ({pair})"
    remedy = "write transcripts and lexicon in the same letter case"
    if "case" in script_options:
        remedy = f"set corpus.options.case={'upper' if alike[0].islower() else 'lower'}"
    return [f"{what}: {remedy}."]


def _unknown_word(vocabulary: SpokenWords) -> list[str]:
    if vocabulary.oov in vocabulary.words:
        return []
    what = f"{vocabulary.where} has no word {vocabulary.oov} (lang.oov_word) for unknown words"
    if like := sorted(filter(_UNKNOWN.fullmatch, vocabulary.words)):
        return [f"{what}, but {first_few(like)}: set lang.oov_word='{like[0]}'."]
    return [f"{what}: add a line `{vocabulary.oov} SPN` to the lexicon and set lang.silence_phones=[SIL,SPN]."]


def _more_words(script_options: Collection[str]) -> list[str]:
    if "g2p" in script_options:
        return ["to pronounce English words by rule, set corpus.options.g2p=true."]
    return []


def need_covered(
    sets: Mapping[str, Transcripts], vocabulary: SpokenWords, script_options: Collection[str] = ()
) -> None:
    """Raises UserError if training could use no utterance of one of `sets`, all with words outside
    the vocabulary.
    """
    if vocabulary.oov in vocabulary.words:
        return
    for part, text in sets.items():
        if text and len(vocabulary.lacks(text)) == len(text):
            what = f"every utterance of {part} ({len(text)}) has words that {vocabulary.where} lacks"
            said = mends(sets, vocabulary, script_options) or ["add them to the lexicon."]
            raise UserError(f"{what}; {said[0]}")
