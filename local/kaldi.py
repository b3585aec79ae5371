"""Data directories that Kaldi's recipes have made: wav.scp, segments, text, utt2spk, and features where they are there.

    python local/kaldi.py ROOT OUT [--train data/train] [--dev data/dev] [--test data/test]

ROOT is the folder that the paths in those files start from (egs/.../s5). OUT gets the data directories train, dev and
test, OUT/given/{train,dev,test}/{feats.scp,cmvn.scp} where Kaldi has made features, and, where they are named,
local/{lexicon.txt,lm.arpa}. What comes from Kaldi besides is named in the recipe: lang.folder and hmm.labels.
"""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

from asr_prune.corpus.datadir import DataDir, c_order, group_by_speaker, read_table, refuse_pipes, write_table
from asr_prune.corpus.script import run_script
from asr_prune.corpus.segments import parsed
from asr_prune.corpus.wording import counted, examples
from asr_prune.errors import UserError
from asr_prune.files import atomic
from asr_prune.lang.dictionary import copy_arpa, read_dictionary, write_lexicon
from asr_prune.options import options
from asr_prune.progress import track

log = logging.getLogger(__name__)

PARTS = ("train", "dev", "test")
TABLES = ("text", "utt2spk", "wav.scp", "segments", "feats.scp", "cmvn.scp")
WHERE = (
    "this recipe takes data directories that Kaldi has made: pass the folder that the paths in them start from, such "
    "as egs/wsj/s5, by `--set corpus.root=FOLDER` or KALDI_ROOT=FOLDER."
)
Tables = dict[str, dict[str, str]]


@options
class Options:
    """Which data directories to take; relative paths start from the root."""

    #: the training set
    train: Path = Path("data/train")
    #: the development set; by default every `held_out`th speaker of the training set
    dev: Path | None = None
    #: the test set
    test: Path = Path("data/test")
    #: how the development speakers are chosen where there is no `dev`
    held_out: int = 10
    #: run the commands in wav.scp, once, and keep what they write; false: refuse them
    pipes: bool = False
    #: pronunciations, where lang.folder is not set
    lexicon: Path | None = None
    #: ARPA file, gzipped or not, where lang.folder is not set
    lm: Path | None = None

    def __post_init__(self) -> None:
        if self.held_out < 2:
            raise ValueError(f"held_out must be 2 or more, not {self.held_out}")


def sources(root: Path | None, asked: Options) -> list[Path]:
    """The folders that `prepare` reads."""
    return [root / own for own in (asked.train, asked.dev, asked.test) if root and own]


def prepare(root: Path | None, out: Path, seed: int, asked: Options = Options()) -> None:  # noqa: B008
    """Writes out/{train,dev,test}, out/given and, where they are named, out/local. `seed` changes nothing.

    Raises UserError where a folder or file is missing, a set is empty, or wav.scp holds a pipe that is not to be run.
    """
    if root is None:
        raise UserError(WHERE)
    root = root.absolute()
    sets = {"train": _read(root / asked.train), "test": _read(root / asked.test)}
    if asked.dev:
        sets["dev"] = _read(root / asked.dev)
    else:
        sets["train"], sets["dev"] = _split(sets["train"], asked)
    for part, tables in sets.items():
        _write_given(root, out / "given" / part, tables)
        _data_dir(root, out, part, tables, asked.pipes).write()
    if asked.lexicon:
        write_lexicon(out / "local/lexicon.txt", read_dictionary(root / asked.lexicon))
    if asked.lm:
        copy_arpa(root / asked.lm, out / "local/lm.arpa")


def _read(folder: Path) -> Tables:
    """The tables of a data directory, with the utterances that all of them have."""
    if not folder.is_dir():
        raise UserError(f"{folder} is not there; name the data directories in corpus.options (train, dev, test).")
    tables = {name: read_table(folder / name) for name in TABLES if (folder / name).is_file() or name in TABLES[:2]}
    by_utterance: list[str] = [name for name in ("text", "utt2spk", "segments", "feats.scp") if name in tables]
    by_utterance += ["wav.scp"] if "wav.scp" in tables and "segments" not in tables else []
    common = set.intersection(*(set(tables[name]) for name in by_utterance))
    lost = sorted(set.union(*(set(tables[name]) for name in by_utterance)) - common, key=c_order)
    if lost:
        told = f"{counted(lost, 'utterance')} not in all of {', '.join(by_utterance)}, left out: {examples(lost)}"
        log.warning("%s: %s", folder, told)
    if not common:
        raise UserError(
            f"{folder}: {', '.join(by_utterance)} have no utterance in common; mend or name another folder."
        )
    return _restricted(tables, common)


def _restricted(tables: Tables, utterances: set[str]) -> Tables:
    keys = dict.fromkeys(tables, utterances)
    keys["cmvn.scp"] = {tables["utt2spk"][key] for key in utterances}
    if "segments" in tables and "wav.scp" in tables:
        keys["wav.scp"] = {tables["segments"][key].split()[0] for key in utterances}
    return {name: {key: line for key, line in table.items() if key in keys[name]} for name, table in tables.items()}


def _split(tables: Tables, asked: Options) -> tuple[Tables, Tables]:
    groups = group_by_speaker(tables["utt2spk"])
    if len(groups) < 2:
        raise UserError(f"{asked.train} has one speaker only, none to hold out; name a development set in options.dev.")
    held = {utterance for speaker in list(groups)[:: asked.held_out] for utterance in groups[speaker]}
    return _restricted(tables, tables["utt2spk"].keys() - held), _restricted(tables, held)


def _write_given(root: Path, out: Path, tables: Tables) -> None:
    """Indices of Kaldi's features, with places that hold from anywhere; an earlier one that is no longer given goes."""
    for name in ("feats.scp", "cmvn.scp"):
        if name in tables:
            write_table(out / name, {key: str(root / place) for key, place in tables[name].items()})
        else:
            (out / name).unlink(missing_ok=True)


def _data_dir(root: Path, out: Path, part: str, tables: Tables, run: bool) -> DataDir:
    text = {key: line.split() for key, line in tables["text"].items()}
    data = DataDir(out / part, text=text, utt2spk=tables["utt2spk"])
    pipes = {key: place for key, place in tables.get("wav.scp", {}).items() if place.endswith("|")}
    if "feats.scp" in tables and ("wav.scp" not in tables or (pipes and not run)):
        log.warning("%s: features are there, so wav.scp%s is left out", part, " with its pipes" if pipes else "")
        return data
    if "wav.scp" not in tables:
        raise UserError(f"{part} has neither wav.scp nor feats.scp; name another folder in corpus.options.")
    if pipes and not run:
        try:
            refuse_pipes(root, pipes)
        except UserError as error:
            raise UserError(f"{str(error).removesuffix('.')}, or allow it: corpus.options.pipes=true.") from None
    places = {key: str(root / place) for key, place in tables["wav.scp"].items() if key not in pipes}
    for key, command in track(pipes.items(), len(pipes), f"{part}, pipes"):
        places[key] = str(_run(root, command, (out / f"audio/{part}/{key}.wav").absolute()))
    segments, odd = parsed(tables.get("segments", {}).items())
    if odd:
        raise UserError(f"{part}: segments: {odd[0]} is not `recording start end`; run Kaldi's fix_data_dir.sh.")
    data.segments = segments
    data.wavs = {key: places[segments[key].recording if segments else key] for key in text}
    return data


def _run(root: Path, command: str, out: Path) -> Path:
    """Keeps what a command of wav.scp writes; it runs from the root, as Kaldi's scripts do."""
    done = subprocess.run(command.rstrip("| "), shell=True, cwd=root, capture_output=True, check=False)
    if done.returncode or not done.stdout:
        said = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it wrote nothing"])[-1]
        raise UserError(f"the command `{command.rstrip('| ')}` of wav.scp failed: {said}; mend it or write the audio.")
    with atomic(out, "wb") as file:
        file.write(done.stdout)
    return out


if __name__ == "__main__":
    run_script("local/kaldi.py", prepare, Options)
