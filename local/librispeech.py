"""LibriSpeech (Panayotov et al. 2015) and mini_librispeech: English audio books, 16 kHz, read by some 2,500 people.

    python local/librispeech.py ROOT OUT [--subset mini]

ROOT holds the folders of OpenSLR's tarballs (train-clean-100/SPEAKER/CHAPTER/*.flac and *.trans.txt, dev-clean, ...),
itself or in LibriSpeech/, and, there or beside it or in lm/, the lexicon and an ARPA file of OpenSLR 11. OUT gets Kaldi
data directories train, dev and test, and local/{lexicon.txt,lm.arpa}.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asr_prune.corpus.datadir import DataDir, words_of
from asr_prune.corpus.expected import expect
from asr_prune.corpus.script import run_script
from asr_prune.corpus.wording import counted, examples
from asr_prune.errors import UserError
from asr_prune.lang.dictionary import (
    arpa_words,
    copy_arpa,
    find_list,
    read_dictionary,
    write_flat_unigram,
    write_lexicon,
)
from asr_prune.lang.g2p import completed
from asr_prune.lang.lexicon import Entry
from asr_prune.options import options

log = logging.getLogger(__name__)

#: folders of each set: training, development, test; mini has no test set, so its development set is that, and
#: the development speakers are taken from its training speakers
SETS = {
    "mini": (["train-clean-5"], "", "dev-clean-2"),
    "100": (["train-clean-100"], "dev-clean", "test-clean"),
    "460": (["train-clean-100", "train-clean-360"], "dev-clean", "test-clean"),
    "960": (["train-clean-100", "train-clean-360", "train-other-500"], "dev-clean", "test-clean"),
}
#: utterances of each folder
UTTERANCES = {
    "train-clean-5": 1519,
    "dev-clean-2": 1089,
    "train-clean-100": 28539,
    "train-clean-360": 104014,
    "train-other-500": 148688,
    "dev-clean": 2703,
    "dev-other": 2864,
    "test-clean": 2620,
    "test-other": 2939,
}
LEXICONS = ("librispeech-lexicon.txt", "cmudict.dict", "cmudict-0.7b", "cmudict")
#: of an utterance that no lexicon covers: a word, and the phone that models it
UNKNOWN = ("<UNK>", ("SPN",))
#: every so manieth training speaker of mini, in C order, is of the development set
HELD_OUT = 7

WHERE = (
    "LibriSpeech is not part of this project: get it from openslr.org/12 (mini_librispeech: openslr.org/31) and its "
    "lexicon and language models from openslr.org/11, all under CC BY 4.0; then pass the folder: "
    "`--set corpus.root=FOLDER` or LIBRISPEECH_ROOT=FOLDER."
)


@options
class Options:
    """What a recipe may ask of LibriSpeech."""

    #: which training folders: mini, 100, 460 or 960 hours
    subset: Literal["mini", "100", "460", "960"] = "100"
    #: folder of the development set; by default that of the subset
    dev: str = ""
    #: folder of the test set; by default that of the subset
    test: str = ""
    #: file of the lexicon; by default OpenSLR's, or CMUdict, beside the corpus
    lexicon: Path | None = None
    #: pronounce words that the lexicon lacks, of the training text and the language model, by espeak-ng's rules
    g2p: bool = False
    #: file of the language model, ARPA, gzipped or not; `flat` for all words alike
    lm: str = "3-gram.pruned.3e-7.arpa"
    #: false: a corpus that is not whole is told, not refused
    whole: bool = True


@dataclass(frozen=True)
class Root:
    """Where the corpus lies."""

    path: Path
    audio: Path

    @classmethod
    def of(cls, root: Path | None) -> Root:
        if root is None:
            raise UserError(WHERE)
        found = [base for base in (root, root / "LibriSpeech") if any((base / name).is_dir() for name in UTTERANCES)]
        if not found:
            raise UserError(f"{root} is not LibriSpeech: it has no folder such as train-clean-5 or dev-clean. {WHERE}")
        return cls(root.absolute(), found[0].absolute())

    @property
    def lists(self) -> list[Path]:
        """Folders that lexicon and language models may lie in."""
        return [base / level for base in (self.path, self.path.parent) for level in ("lm", ".", "local/lm")]


def prepare(root: Path | None, out: Path, seed: int, asked: Options = Options()) -> None:  # noqa: B008
    """Writes out/{train,dev,test} and out/local. `seed` changes nothing: the corpus is as it was recorded.

    Raises UserError where a part of the corpus, the lexicon or the language model is missing, or a count is not as
    known.
    """
    corpus = Root.of(root)
    training, dev, test = SETS[asked.subset]
    dev, test = asked.dev or dev, asked.test or test
    train = _read(corpus, training, asked.whole)
    held = _held_out(train) if not dev else []
    sets = {"test": _read(corpus, [test], asked.whole)}
    sets["dev"] = _read(corpus, [dev], asked.whole) if dev else train.subset(held)
    sets["train"] = train.subset(train.text.keys() - set(held)) if held else train
    _write_language(corpus, asked, train, out / "local")
    for part, data in sets.items():
        data.path = out / part
        data.write()


def _held_out(train: DataDir) -> list[str]:
    chosen = set(list(train.spk2utt)[::HELD_OUT])
    return [utterance for utterance, speaker in train.utt2spk.items() if speaker in chosen]


def _read(corpus: Root, folders: list[str], whole: bool) -> DataDir:
    data = DataDir(corpus.path)
    for name in folders:
        folder = corpus.audio / name
        if name not in UTTERANCES or not folder.is_dir():
            raise UserError(f"{folder} is not there; unpack {name}.tar.gz there, or choose another corpus.subset.")
        before = len(data.text)
        silent = [lost for chapter in _chapters(folder) for lost in _add_chapter(chapter, data)]
        if silent:
            told = f"{counted(silent, 'file')} without a transcript or without audio: {examples(silent)}"
            log.warning("%s: %s", folder, told)
        expect(
            f"{corpus.audio}, {name}", {"utterances": len(data.text) - before}, {"utterances": UTTERANCES[name]}, whole
        )
    return data


def _chapters(folder: Path) -> Iterator[Path]:
    """SPEAKER/CHAPTER folders, in a fixed order."""
    for speaker in sorted(path for path in folder.iterdir() if path.is_dir()):
        yield from sorted(path for path in speaker.iterdir() if path.is_dir())


def _add_chapter(chapter: Path, data: DataDir) -> list[str]:
    """Adds a chapter's utterances; returns those that lack audio or transcript."""
    speaker = chapter.parent.name
    transcript = chapter / f"{speaker}-{chapter.name}.trans.txt"
    lines = transcript.read_text("utf-8").splitlines() if transcript.is_file() else []
    text = {words[0]: words[1:] for line in lines if (words := words_of(line))}
    audio = {path.stem for path in chapter.glob("*.flac")}
    for utterance in sorted(text.keys() & audio):
        data.wavs[utterance] = str(chapter / f"{utterance}.flac")
        data.text[utterance], data.utt2spk[utterance] = text[utterance], speaker
    return sorted(text.keys() ^ audio)


def _write_language(corpus: Root, asked: Options, train: DataDir, local: Path) -> None:
    path = asked.lexicon or find_list(corpus.lists, LEXICONS)
    if path is None:
        raise UserError(f"{corpus.path}: no {LEXICONS[0]} or CMUdict in {examples(map(str, corpus.lists))}. {WHERE}")
    arpa = find_list([Path(), *corpus.lists], [asked.lm.removesuffix(".gz")])
    if arpa is None and asked.lm != "flat":
        raise UserError(
            f"{asked.lm} is not in {examples(map(str, corpus.lists))}; get it from openslr.org/11 or set lm."
        )
    entries = [(word.upper(), phones) for word, phones in read_dictionary(path)]
    if asked.g2p:
        spoken = {word for words in train.text.values() for word in words}
        entries = completed(entries, spoken | ((arpa_words(arpa) if arpa else set()) - {"<unk>", "<UNK>"}))
    _tell_unknown(train, entries, path)
    write_lexicon(local / "lexicon.txt", [UNKNOWN, *entries])
    if arpa is None:
        write_flat_unigram(local / "lm.arpa", {word for word, _ in entries})
    else:
        copy_arpa(arpa, local / "lm.arpa")


def _tell_unknown(train: DataDir, entries: list[Entry], path: Path) -> None:
    known = {word for word, _ in entries}
    unknown = sorted({word for words in train.text.values() for word in words} - known)
    if unknown:
        told = f"{counted(unknown, 'word')} of the training text are not in {path.name} and count as {UNKNOWN[0]}"
        log.warning("%s: %s", told, examples(unknown))


if __name__ == "__main__":
    run_script("local/librispeech.py", prepare, Options)
