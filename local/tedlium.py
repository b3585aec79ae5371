"""TED-LIUM (Rousseau et al. 2012; Hernandez et al. 2018): talks in English, 16 kHz, transcribed by segments.

    python local/tedlium.py ROOT OUT

ROOT is TEDLIUM_release1 (train, dev and test, each with sph and stm) or TEDLIUM_release-3 (the same in legacy). Beside
or in it lie a dictionary (cantab-TEDLIUM.dct, or the corpus's TEDLIUM.150K.dic or TEDLIUM.152k.dic) and an ARPA file.
OUT gets Kaldi data directories with segments, train, dev and test, and local/{lexicon.txt,lm.arpa}.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent))  # tedlium_stm.py beside this file, however it is loaded

from tedlium_stm import Line, padded, read_stm

from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.expected import expect
from asr_prune.corpus.script import run_script
from asr_prune.corpus.segments import Segment
from asr_prune.corpus.wording import counted, examples
from asr_prune.errors import UserError
from asr_prune.lang.dictionary import copy_arpa, find_list, read_dictionary, write_flat_unigram, write_lexicon
from asr_prune.options import options

log = logging.getLogger(__name__)

PARTS = ("train", "dev", "test")
#: transcribed segments of each set by release
SEGMENTS = {
    1: {"train segments": 56803, "dev segments": 507, "test segments": 1155},
    3: {"train segments": 268263, "dev segments": 507, "test segments": 1155},
}
DICTIONARIES = ("cantab-TEDLIUM.dct", "TEDLIUM.150K.dic", "TEDLIUM.152k.dic")
#: the phone of noise, and the words that it stands for
NOISE = "NSN"
NOISES = ("[BREATH]", "[NOISE]", "[COUGH]", "[SMACK]", "[UM]", "[UH]", "<unk>")

WHERE = (
    "TED-LIUM is not part of this project: get release 1 from openslr.org/7 or release 3 from openslr.org/51, under "
    "CC BY-NC-ND 3.0, and Cantab Research's dictionary and language models (cantab-TEDLIUM; openslr.org/27 has a part "
    "of them); then pass its folder: `--set corpus.root=FOLDER` or TEDLIUM_ROOT=FOLDER."
)


@options
class Options:
    """What a recipe may ask of TED-LIUM."""

    #: file of the pronunciations; by default Cantab's or the corpus's own
    lexicon: Path | None = None
    #: file of the language model, ARPA, gzipped or not; `flat` for all words alike
    lm: str = "cantab-TEDLIUM-pruned.lm3"
    #: add up to 0.15 s before and 0.1 s after training segments, as Kaldi does
    pad: bool = True
    #: false: a corpus that is not whole is told, not refused
    whole: bool = True


def prepare(root: Path | None, out: Path, seed: int, asked: Options = Options()) -> None:  # noqa: B008
    """Writes out/{train,dev,test} and out/local. `seed` changes nothing: the corpus is as it was recorded.

    Raises UserError where a folder, the dictionary or the language model is missing, or a count is not as known.
    """
    base, release = find_release(root)
    sets = {part: _read_part(base / part, asked.pad and part == "train") for part in PARTS}
    found = {f"{part} segments": len(data.text) for part, data in sets.items()}
    expect(f"{base}, release {release}", found, SEGMENTS.get(release, {}), asked.whole)
    _write_language(base, asked, sets["train"], out / "local")
    for part, data in sets.items():
        data.path = out / part
        data.write()


def find_release(root: Path | None) -> tuple[Path, int]:
    """The folder that holds train, dev and test, and which release it is. Raises UserError where `root` is none."""
    if root is None:
        raise UserError(WHERE)
    root = root.absolute()
    for base, release in ((root / "legacy", 3), (root, 2 if (root / "TEDLIUM.152k.dic").is_file() else 1)):
        if (base / "train").is_dir():
            for place in (base / part / kind for part in PARTS for kind in ("stm", "sph")):
                if not place.is_dir():
                    raise UserError(f"{place} is not there; unpack the corpus again.")
            return base, release
    raise UserError(f"{root} is not TED-LIUM: it has neither train/stm nor legacy/train/stm. {WHERE}")


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
        log.warning("%s: %s without audio: %s", folder / "sph", counted(silent, "talk"), examples(silent))
    if not data.text:
        raise UserError(f"{folder} holds no talk with .stm and .sph; unpack the corpus again.")
    return data


def _add_talk(data: DataDir, audio: Path, lines: list[Line], pad: bool, left_out: Counter[str]) -> None:
    times = padded(lines) if pad else [(line.start, line.end) for line in lines]
    for line, (start, end) in zip(lines, times, strict=True):
        if line.talk != audio.stem or line.utterance in data.text:
            left_out["of another talk" if line.talk != audio.stem else "twice"] += 1
            continue
        data.wavs[line.utterance], data.utt2spk[line.utterance] = str(audio), line.talk
        data.text[line.utterance], data.segments[line.utterance] = line.words, Segment(line.talk, start, end)


def _write_language(base: Path, asked: Options, train: DataDir, local: Path) -> None:
    above = [base, base.parent, base.parent.parent]
    folders = [folder / level for folder in above for level in ("cantab-TEDLIUM", ".", "LM")]
    path = asked.lexicon or find_list(folders, DICTIONARIES)
    if path is None:
        raise UserError(f"{base}: none of {', '.join(DICTIONARIES)} lies there or above. {WHERE}")
    entries = [(word, phones) for word, phones in read_dictionary(path) if word not in NOISES]
    known = {word for word, _ in entries} | set(NOISES)
    if unknown := sorted({word for words in train.text.values() for word in words} - known):
        told = f"{counted(unknown, 'word')} of the training text are not in {path.name} and count as <unk>"
        log.warning("%s: %s", told, examples(unknown))
    write_lexicon(local / "lexicon.txt", [*((word, (NOISE,)) for word in NOISES), *entries])
    if asked.lm == "flat":
        return write_flat_unigram(local / "lm.arpa", known - set(NOISES))
    arpa = find_list([Path(), *folders], [asked.lm.removesuffix(".gz")])
    if arpa is None:
        raise UserError(
            f"{base}: {asked.lm} lies neither there nor above; name an ARPA file in corpus.options.lm. {WHERE}"
        )
    copy_arpa(arpa, local / "lm.arpa")


if __name__ == "__main__":
    run_script("local/tedlium.py", prepare, Options)
