"""Data directories made by Kaldi's recipes: wav.scp, segments, text, utt2spk, maybe features.

    python -m asr_prune.local.kaldi ROOT OUT [--train data/train] [--test data/test]

ROOT is the folder that the paths in those files are relative to (egs/.../s5). OUT gets the data
directories train, dev and test, given/{train,dev,test}/{feats.scp,cmvn.scp} if Kaldi has made
features and, if the options name them, local/{lexicon.txt,lm.arpa}. The recipe names Kaldi's lang
folder and alignments: lang.folder and hmm.labels.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from asr_prune.corpus.datadir import DataDir, c_order, group_by_speaker, read_table, refuse_pipes, write_table
from asr_prune.corpus.scp import project_paths
from asr_prune.corpus.script import CorpusNotFound, run_script
from asr_prune.corpus.segments import parse_segments
from asr_prune.errors import UserError, counted, first_few
from asr_prune.files import atomic, present
from asr_prune.lang.dictionary import copy_arpa, copy_lexicon, read_dictionary, respelled, write_lexicon
from asr_prune.lang.g2p import completed
from asr_prune.options import options
from asr_prune.progress import track
from asr_prune.text import fields, lines_of, trimmed

log = logging.getLogger(__name__)

PARTS = ("train", "dev", "test")
TABLES = ("text", "utt2spk", "wav.scp", "segments", "feats.scp", "cmvn.scp")
WHERE = (
    "this recipe needs data directories made by Kaldi: find the folder that the paths in them are "
    "relative to, such as egs/wsj/s5."
)
Tables = dict[str, dict[str, str]]


@options
class Options:
    """Which data directories to use; paths are relative to the root."""

    #: the training set
    train: Path = Path("data/train")
    #: the development set; by default every `held_out`th speaker of the training set
    dev: Path | None = None
    #: the test set
    test: Path = Path("data/test")
    #: hold out every n-th training speaker for development, if `dev` is not set
    held_out: int = 10
    #: train and dev have transcripts; false for a network that learns without (asr-prune import)
    transcribed: bool = True
    #: run the commands in wav.scp once and keep the audio that they write; false: refuse them
    pipes: bool = False
    #: file of the pronunciation lexicon, or the dictionary folder (data/local/dict), if lang.folder
    #: is not set
    lexicon: Path | None = None
    #: letter case of the words of the transcripts and of `lexicon`
    case: Literal["upper", "lower", "keep"] = "keep"
    #: add pronunciations by espeak-ng's rules for English words of the training text that `lexicon`
    #: lacks
    g2p: bool = False
    #: ARPA file, gzipped or not, if lang.folder is not set; by default a model is estimated
    #: (lang.lm)
    lm: Path | None = None

    def __post_init__(self) -> None:
        if self.held_out < 2:
            raise ValueError(f"held_out must be 2 or more, not {self.held_out}")
        if self.g2p and not self.lexicon:
            raise ValueError("g2p completes a lexicon file; name one in lexicon, or remove g2p")


def sources(root: Path | None, settings: Options) -> list[Path]:
    """The folders and files that `prepare` reads."""
    places = (settings.train, settings.dev, settings.test, settings.lexicon, settings.lm)
    return [root / place for place in places if root and place]


def prepare(root: Path | None, out: Path, seed: int, settings: Options = Options()) -> None:  # noqa: B008
    """Writes out/{train,dev,test}, out/given and, if the options name its files, out/local.

    The test set may have no transcripts: no `text`, or one of ids alone. `seed` is not used: nothing is random. Raises
    UserError if a folder or file is missing, a set is empty, or wav.scp has a pipe and the option `pipes` is false.
    """
    if root is None:
        raise CorpusNotFound(WHERE)
    root = root.absolute()
    told = settings.transcribed
    sets = {"train": _read(root / settings.train, told), "test": _read(root / settings.test, transcribed=False)}
    if settings.dev:
        sets["dev"] = _read(root / settings.dev, told)
    else:
        sets["train"], sets["dev"] = _split(sets["train"], settings)
    for tables in sets.values():
        tables["text"] = {key: in_case(line, settings.case) for key, line in tables["text"].items()}
    for part, tables in sets.items():
        _write_given(root, out / "given" / part, tables)
        _data_dir(root, out, part, tables, settings.pipes).write()
    if settings.lexicon:
        _write_lexicon(root / settings.lexicon, sets["train"]["text"].values(), settings, out / "local")
    if settings.lm:
        copy_arpa(root / settings.lm, out / "local/lm.arpa")


def in_case(text: str, case: str) -> str:
    """`text` in upper or lower case, or as it is: `keep`."""
    return {"upper": text.upper(), "lower": text.lower(), "keep": text}[case]


def _write_lexicon(source: Path, texts: Iterable[str], settings: Options, out: Path) -> None:
    if settings.case == "keep" and not settings.g2p:
        copy_lexicon(source, out)
        return
    if source.is_dir():
        raise UserError(
            f"{source} is a folder; with case or g2p, name the file of the lexicon in corpus.options.lexicon."
        )
    entries = respelled(read_dictionary(source), lambda word: in_case(word, settings.case))
    spoken = {word for line in texts for word in fields(line)}
    write_lexicon(out / "lexicon.txt", completed(entries, spoken) if settings.g2p else entries)


def _read(folder: Path, transcribed: bool = True) -> Tables:
    """The tables of a data directory, restricted to the utterances that all of them have.

    transcribed: `text` must be there and not empty; otherwise utterances without it get no words.
    """
    if not folder.is_dir():
        remedy = "name the data directories in corpus.options (train, dev, test)"
        raise UserError(f"{folder} does not exist; {remedy}.")
    needed = ("text", "utt2spk") if transcribed else ("utt2spk",)
    names = [name for name in TABLES if present(folder / name) or name in needed]
    tables = {name: read_table(folder / name) for name in names}
    if not transcribed and not tables.get("text"):
        tables["text"] = dict.fromkeys(tables["utt2spk"], "")
    _leave_out_segments(folder, tables)
    by_utterance: list[str] = [name for name in ("text", "utt2spk", "segments", "feats.scp") if name in tables]
    by_utterance += ["wav.scp"] if "wav.scp" in tables and "segments" not in tables else []
    common = set.intersection(*(set(tables[name]) for name in by_utterance))
    lost = sorted(set.union(*(set(tables[name]) for name in by_utterance)) - common, key=c_order)
    if lost:
        what = f"{counted(lost, 'utterance')} not in all of {', '.join(by_utterance)}, left out"
        log.warning("%s: %s: %s", folder, what, first_few(lost))
    if not common:
        what = f"{', '.join(by_utterance)} have no utterance in common"
        raise UserError(f"{folder}: {what}; correct the folder or name another one.")
    return _restricted(tables, common)


def _leave_out_segments(folder: Path, tables: Tables) -> None:
    """Leaves out those that are not `recording start end`, or of a recording that wav.scp lacks."""
    lines = tables.get("segments", {})
    segments, odd = parse_segments(lines.items())
    if "wav.scp" in tables:
        odd += [key for key, own in segments.items() if own.recording not in tables["wav.scp"]]
    if odd:
        what = f"{counted(odd, 'segment')} not `recording start end`, or of a recording that wav.scp lacks, left out"
        log.warning("%s: %s: %s", folder, what, first_few(odd))
        kept = lines.keys() - set(odd)
        tables["segments"] = {key: line for key, line in lines.items() if key in kept}


def _restricted(tables: Tables, utterances: set[str]) -> Tables:
    keys = dict.fromkeys(tables, utterances)
    keys["cmvn.scp"] = {tables["utt2spk"][key] for key in utterances}
    if "segments" in tables and "wav.scp" in tables:
        keys["wav.scp"] = {fields(tables["segments"][key])[0] for key in utterances}
    result = {}
    for name, table in tables.items():
        result[name] = {key: line for key, line in table.items() if key in keys[name]}
    return result


def _split(tables: Tables, settings: Options) -> tuple[Tables, Tables]:
    groups = group_by_speaker(tables["utt2spk"])
    if len(groups) < 2:
        remedy = "name a development set in corpus.options.dev"
        raise UserError(f"{settings.train} has one speaker only; {remedy}.")
    speakers = list(groups)[:: settings.held_out]
    held = {utterance for speaker in speakers for utterance in groups[speaker]}
    return _restricted(tables, tables["utt2spk"].keys() - held), _restricted(tables, held)


def _write_given(root: Path, out: Path, tables: Tables) -> None:
    """Writes the scp files of Kaldi's features, as `project_paths`; removes earlier ones."""
    for name in ("feats.scp", "cmvn.scp"):
        if name in tables:
            places = {key: str(root / place) for key, place in tables[name].items()}
            write_table(out / name, project_paths(places))
        else:
            (out / name).unlink(missing_ok=True)


def _data_dir(root: Path, out: Path, part: str, tables: Tables, run: bool) -> DataDir:
    text = {key: fields(line) for key, line in tables["text"].items()}
    data = DataDir(out / part, text=text, utt2spk=tables["utt2spk"])
    pipes = {key: place for key, place in tables.get("wav.scp", {}).items() if place.endswith("|")}
    if "feats.scp" in tables and ("wav.scp" not in tables or (pipes and not run)):
        if pipes:
            allow = "to compute features from its audio, set corpus.options.pipes=true"
            log.warning("%s: has features, so wav.scp with its pipes is left out; %s", part, allow)
        else:
            log.warning("%s: has features, and no wav.scp", part)
        return data
    if "wav.scp" not in tables:
        remedy = "name another folder in corpus.options"
        raise UserError(f"{part} has neither wav.scp nor feats.scp; {remedy}.")
    if pipes and not run:
        try:
            refuse_pipes(root, pipes)
        except UserError as error:
            what = str(error).removesuffix(".")
            raise UserError(f"{what}, or allow it: corpus.options.pipes=true.") from None
    files = {key: place for key, place in tables["wav.scp"].items() if key not in pipes}
    places = {key: str(root / place) for key, place in files.items()}
    for key, command in track(pipes.items(), len(pipes), f"{part}, pipes"):
        places[key] = str(_run(root, command, (out / f"audio/{part}/{key}.wav").absolute()))
    segments, _ = parse_segments(tables.get("segments", {}).items())
    data.segments = segments
    data.wavs = {key: places[segments[key].recording if segments else key] for key in text}
    return data


def _run(root: Path, command: str, out: Path) -> Path:
    """Writes the output of a command of wav.scp to `out`; it runs in `root`, as in Kaldi."""
    command = command.rstrip("| ")
    done = subprocess.run(command, shell=True, cwd=root, capture_output=True, check=False)
    if done.returncode or not done.stdout:
        said = trimmed(done.stderr.decode("utf-8", "replace"))
        reason = (lines_of(said) or ["no output"])[-1]
        what = f"the command `{command}` of wav.scp failed: {reason}"
        raise UserError(f"{what}; correct it, or write the audio to a file.")
    with atomic(out, "wb") as file:
        file.write(done.stdout)
    return out


if __name__ == "__main__":
    run_script("asr_prune.local.kaldi", prepare, Options)
