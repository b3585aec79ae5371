"""LibriSpeech (Panayotov et al. 2015) and mini_librispeech: English audio books, 16 kHz.

    python -m asr_prune.local.librispeech ROOT OUT [--subset mini]

ROOT, or ROOT/LibriSpeech, has the folders of OpenSLR's tarballs
(train-clean-100/SPEAKER/CHAPTER/*.flac and *.trans.txt, dev-clean, ...). ROOT, the folder above it,
or lm/ in either has the lexicon and an ARPA file of OpenSLR 11. OUT gets the Kaldi data directories
train, dev and test, local/lexicon.txt and, unless a model is to be estimated, local/lm.arpa.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asr_prune.corpus.datadir import DataDir, split_words
from asr_prune.corpus.script import CorpusNotFound, run_script
from asr_prune.corpus.validate import check_counts
from asr_prune.errors import UserError, counted, first_few
from asr_prune.lang.dictionary import (
    arpa_words,
    copy_arpa,
    find_list,
    read_dictionary,
    respelled,
    write_flat_unigram,
    write_lexicon,
)
from asr_prune.lang.g2p import completed
from asr_prune.lang.lexicon import Entry
from asr_prune.options import options
from asr_prune.text import file_lines

log = logging.getLogger(__name__)

#: training, development and test folders of each subset; mini has no test folder, so its
#: development folder is the test set, and development speakers are held out of the training
#: speakers
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
#: the word for unknown words, and its phone
UNKNOWN = ("<UNK>", ("SPN",))
#: every seventh training speaker of mini, in C order, is a development speaker
HELD_OUT = 7

WHERE = (
    "LibriSpeech is not part of this project: get it from openslr.org/12 (mini_librispeech: "
    "openslr.org/31) and its lexicon and language models from openslr.org/11, all under CC BY 4.0."
)


@options
class Options:
    """Options of the corpus LibriSpeech."""

    #: training folders: those of mini_librispeech, or of 100, 460 or 960 hours
    subset: Literal["mini", "100", "460", "960"] = "100"
    #: folder of the development set; by default that of the subset
    dev: str = ""
    #: folder of the test set; by default that of the subset
    test: str = ""
    #: file of the pronunciation lexicon; by default OpenSLR's, or CMUdict, near the corpus
    lexicon: Path | None = None
    #: add pronunciations by espeak-ng's rules for words of the training text and the language model
    #: that the lexicon lacks
    g2p: bool = False
    #: language model: an ARPA file, gzipped or not; `text`: estimate one (lang.lm); `flat`: all
    #: words equally likely
    lm: str = "3-gram.pruned.3e-7.arpa"
    #: require all utterances; false: a warning is logged if some are missing
    whole: bool = True


@dataclass(frozen=True)
class Root:
    """Folders of the corpus: `path` as given, and `audio`, which has those of the tarballs."""

    path: Path
    audio: Path

    @classmethod
    def of(cls, root: Path | None) -> Root:
        if root is None:
            raise CorpusNotFound(WHERE)
        bases = (root, root / "LibriSpeech")
        folders = [base for base in bases if any((base / name).is_dir() for name in UTTERANCES)]
        if not folders:
            what = f"{root} is not LibriSpeech: it has no folder such as train-clean-5 or dev-clean"
            raise CorpusNotFound(f"{what}. {WHERE}")
        return cls(root.absolute(), folders[0].absolute())

    @property
    def lists(self) -> list[Path]:
        """Folders where the lexicon and language models may be."""
        levels = ("lm", ".", "local/lm")
        return [base / level for base in (self.path, self.path.parent) for level in levels]


def prepare(root: Path | None, out: Path, seed: int, settings: Options = Options()) -> None:  # noqa: B008
    """Writes out/{train,dev,test} and out/local. `seed` is not used: nothing is random.

    Raises UserError if a folder of the corpus, the lexicon or the language model is missing, or a
    folder is incomplete.
    """
    corpus = Root.of(root)
    training, dev, test = SETS[settings.subset]
    dev, test = settings.dev or dev, settings.test or test
    train = _read(corpus, training, settings.whole)
    held = _held_out(train) if not dev else []
    sets = {"test": _read(corpus, [test], settings.whole)}
    sets["dev"] = _read(corpus, [dev], settings.whole) if dev else train.subset(held)
    sets["train"] = train.subset(train.text.keys() - set(held)) if held else train
    _write_language(corpus, settings, train, out / "local")
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
            remedy = f"unpack {name}.tar.gz there, or choose another corpus.subset"
            raise UserError(f"{folder} does not exist; {remedy}.")
        before = len(data.text)
        silent = [lost for chapter in _chapters(folder) for lost in _add_chapter(chapter, data)]
        if silent:
            what = f"{counted(silent, 'file')} without a transcript or without audio"
            log.warning("%s: %s: %s", folder, what, first_few(silent))
        counts, known = {"utterances": len(data.text) - before}, {"utterances": UTTERANCES[name]}
        check_counts(f"{corpus.audio}, {name}", counts, known, whole)
    return data


def _chapters(folder: Path) -> Iterator[Path]:
    """SPEAKER/CHAPTER folders, sorted."""
    for speaker in sorted(path for path in folder.iterdir() if path.is_dir()):
        yield from sorted(path for path in speaker.iterdir() if path.is_dir())


def _add_chapter(chapter: Path, data: DataDir) -> list[str]:
    """Adds a chapter's utterances; returns those that lack audio or a transcript."""
    speaker = chapter.parent.name
    transcript = chapter / f"{speaker}-{chapter.name}.trans.txt"
    lines = file_lines(transcript) if transcript.is_file() else []
    text = {words[0]: words[1:] for line in lines if (words := split_words(line))}
    audio = {path.stem for path in chapter.glob("*.flac")}
    for utterance in sorted(text.keys() & audio):
        data.wavs[utterance] = str(chapter / f"{utterance}.flac")
        data.text[utterance], data.utt2spk[utterance] = text[utterance], speaker
    return sorted(text.keys() ^ audio)


def _write_language(corpus: Root, settings: Options, train: DataDir, local: Path) -> None:
    path = settings.lexicon or find_list(corpus.lists, LEXICONS)
    if path is None:
        what = f"no {LEXICONS[0]} or CMUdict in {first_few(map(str, corpus.lists))}"
        raise UserError(f"{corpus.path}: {what}. {WHERE}")
    named = [] if settings.lm in ("text", "flat") else [settings.lm.removesuffix(".gz")]
    arpa = find_list([Path(), *corpus.lists], named)
    if named and arpa is None:
        remedy = "get it from openslr.org/11, or set corpus.options.lm=text to estimate one"
        raise UserError(f"{settings.lm} is not in {first_few(map(str, corpus.lists))}; {remedy}.")
    entries = respelled(read_dictionary(path), str.upper)
    if settings.g2p:
        spoken = {word for words in train.text.values() for word in words}
        spoken |= (arpa_words(arpa) if arpa else set()) - {"<unk>", "<UNK>"}
        entries = completed(entries, spoken)
    _warn_of_unknown(train, entries, path)
    write_lexicon(local / "lexicon.txt", {UNKNOWN: 1.0, **entries})
    if arpa:
        copy_arpa(arpa, local / "lm.arpa")
    elif settings.lm == "flat":
        write_flat_unigram(local / "lm.arpa", {word for word, _ in entries})


def _warn_of_unknown(train: DataDir, entries: Iterable[Entry], path: Path) -> None:
    known = {word for word, _ in entries}
    unknown = sorted({word for words in train.text.values() for word in words} - known)
    if unknown:
        what = f"{counted(unknown, 'word')} of the training text are not in {path.name}"
        log.warning("%s and count as %s: %s", what, UNKNOWN[0], first_few(unknown))


if __name__ == "__main__":
    run_script("asr_prune.local.librispeech", prepare, Options)
