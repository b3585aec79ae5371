"""TED-LIUM (Rousseau et al. 2012; Hernandez et al. 2018): talks in English, 16 kHz, in segments.

    python -m asr_prune.local.tedlium ROOT OUT

ROOT is TEDLIUM_release1 (train, dev and test, each with sph and stm) or TEDLIUM_release-3 (the same
in legacy). In it or above it are a dictionary (cantab-TEDLIUM.dct, or the corpus's TEDLIUM.150K.dic
or TEDLIUM.152k.dic) and an ARPA file. OUT gets the Kaldi data directories train, dev and test, with
segments, local/lexicon.txt and, unless a model is to be estimated, local/lm.arpa.
"""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.script import CorpusNotFound, run_script
from asr_prune.corpus.segments import Segment
from asr_prune.corpus.validate import check_counts
from asr_prune.errors import UserError, counted, first_few
from asr_prune.lang.dictionary import copy_arpa, find_list, read_dictionary, write_flat_unigram, write_lexicon
from asr_prune.options import options

from .tedlium_stm import Line, padded, read_stm

log = logging.getLogger(__name__)

PARTS = ("train", "dev", "test")
#: transcribed segments of each set by release
SEGMENTS = {
    1: {"train segments": 56803, "dev segments": 507, "test segments": 1155},
    3: {"train segments": 268263, "dev segments": 507, "test segments": 1155},
}
DICTIONARIES = ("cantab-TEDLIUM.dct", "TEDLIUM.150K.dic", "TEDLIUM.152k.dic")
#: the noise phone, and the words that it models
NOISE = "NSN"
NOISES = ("[BREATH]", "[NOISE]", "[COUGH]", "[SMACK]", "[UM]", "[UH]", "<unk>")

WHERE = (
    "TED-LIUM is not part of this project: get release 1 from openslr.org/7 or release 3 from "
    "openslr.org/51, under CC BY-NC-ND 3.0, and Cantab Research's dictionary and language models "
    "(cantab-TEDLIUM; openslr.org/27 has a part of them)."
)


@options
class Options:
    """Options of the corpus TED-LIUM."""

    #: file of the pronunciation lexicon; by default Cantab's or the corpus's
    lexicon: Path | None = None
    #: language model: an ARPA file, gzipped or not; `text`: estimate one (lang.lm); `flat`: all
    #: words equally likely
    lm: str = "cantab-TEDLIUM-pruned.lm3"
    #: extend training segments by up to 0.15 s before and 0.1 s after, as Kaldi does
    pad: bool = True
    #: require all segments; false: a warning is logged if some are missing
    whole: bool = True


def prepare(root: Path | None, out: Path, seed: int, settings: Options = Options()) -> None:  # noqa: B008
    """Writes out/{train,dev,test} and out/local. `seed` is not used: nothing is random.

    Raises UserError if a folder, the dictionary or the language model is missing, or the corpus is
    incomplete.
    """
    base, release = find_release(root)
    sets = {part: _read_part(base / part, settings.pad and part == "train") for part in PARTS}
    counts = {f"{part} segments": len(data.text) for part, data in sets.items()}
    check_counts(f"{base}, release {release}", counts, SEGMENTS.get(release, {}), settings.whole)
    _write_language(base, settings, sets["train"], out / "local")
    for part, data in sets.items():
        data.path = out / part
        data.write()


def find_release(root: Path | None) -> tuple[Path, int]:
    """The folder of train, dev and test, and the number of the release.

    Raises UserError if `root` is not TED-LIUM.
    """
    if root is None:
        raise CorpusNotFound(WHERE)
    root = root.absolute()
    older = 2 if (root / "TEDLIUM.152k.dic").is_file() else 1
    for base, release in ((root / "legacy", 3), (root, older)):
        if (base / "train").is_dir():
            for place in (base / part / kind for part in PARTS for kind in ("stm", "sph")):
                if not place.is_dir():
                    raise UserError(f"{place} does not exist; unpack the corpus again.")
            return base, release
    what = f"{root} is not TED-LIUM: it has neither train/stm nor legacy/train/stm"
    raise CorpusNotFound(f"{what}. {WHERE}")


def _read_part(folder: Path, pad: bool) -> DataDir:
    data, left_out, silent = DataDir(folder), Counter[str](), []
    for stm in sorted((folder / "stm").glob("*.stm")):
        lines = read_stm(stm, left_out)
        audio = folder / f"sph/{stm.stem}.sph"
        if audio.is_file():
            _add_talk(data, audio, lines, pad, left_out)
        else:
            silent.append(stm.stem)
    for what, count in sorted(left_out.items()):
        if count:
            log.warning("%s: %s %s", folder / "stm", counted(range(count), "line"), what)
    if silent:
        talks = counted(silent, "talk")
        log.warning("%s: %s without audio: %s", folder / "sph", talks, first_few(silent))
    if not data.text:
        raise UserError(f"{folder} has no talk with .stm and .sph; unpack the corpus again.")
    return data


def _add_talk(data: DataDir, audio: Path, lines: list[Line], pad: bool, left_out: Counter[str]) -> None:
    times = padded(lines) if pad else [(line.start, line.end) for line in lines]
    for line, (start, end) in zip(lines, times, strict=True):
        if line.talk != audio.stem or line.utterance in data.text:
            left_out["of another talk" if line.talk != audio.stem else "repeated"] += 1
            continue
        data.wavs[line.utterance], data.utt2spk[line.utterance] = str(audio), line.talk
        data.text[line.utterance] = line.words
        data.segments[line.utterance] = Segment(line.talk, start, end)


def _write_language(base: Path, settings: Options, train: DataDir, local: Path) -> None:
    above = [base, base.parent, base.parent.parent]
    folders = [folder / level for folder in above for level in ("cantab-TEDLIUM", ".", "LM")]
    path = settings.lexicon or find_list(folders, DICTIONARIES)
    if path is None:
        raise UserError(f"{base}: none of {', '.join(DICTIONARIES)} is there or above. {WHERE}")
    entries = {entry: each for entry, each in read_dictionary(path).items() if entry[0] not in NOISES}
    known = {word for word, _ in entries} | set(NOISES)
    if unknown := sorted({word for words in train.text.values() for word in words} - known):
        what = f"{counted(unknown, 'word')} of the training text are not in {path.name}"
        log.warning("%s and count as <unk>: %s", what, first_few(unknown))
    noises = {(word, (NOISE,)): 1.0 for word in NOISES}
    write_lexicon(local / "lexicon.txt", noises | entries)
    if settings.lm == "text":
        return None
    if settings.lm == "flat":
        return write_flat_unigram(local / "lm.arpa", known - set(NOISES))
    arpa = find_list([Path(), *folders], [settings.lm.removesuffix(".gz")])
    if arpa is None:
        remedy = "name an ARPA file in corpus.options.lm, or set it to text to estimate one"
        raise UserError(f"{base}: {settings.lm} is neither there nor above; {remedy}. {WHERE}")
    copy_arpa(arpa, local / "lm.arpa")


if __name__ == "__main__":
    run_script("asr_prune.local.tedlium", prepare, Options)
