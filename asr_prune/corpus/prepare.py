"""Runs a corpus's local script and describes the data directories that it made."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from asr_prune.corpus.coverage import SpokenWords, coverage, mends, need_covered
from asr_prune.corpus.datadir import DataDir, write_silent_text
from asr_prune.corpus.facts import ARPA, LEXICONS, LM_TEXT, SILPROB, Facts
from asr_prune.corpus.inspect import utterance_seconds
from asr_prune.corpus.options import CorpusOptions
from asr_prune.corpus.script import load_script, option_names, run_prepare, script_options
from asr_prune.corpus.validate import check_overlap, examine
from asr_prune.errors import UserError, listed
from asr_prune.text import check_text, fields, file_lines

log = logging.getLogger(__name__)


def corpus_files(script: Path, corpus: CorpusOptions) -> list[Path]:
    """The files and folders that a local script reads: what its `sources` says, or else the corpus
    root.
    """
    module = load_script(script)
    if hasattr(module, "sources"):
        return list(module.sources(corpus.root, *script_options(module, corpus)))
    return [corpus.root] if corpus.root else []


def prepare_corpus(
    script: Path,
    corpus: CorpusOptions,
    sets: Sequence[Path],
    out: Path,
    facts: Path,
    seed: int,
    words: Path | None,
    oov: str | None,
    audio: bool,
    transcribed: bool = True,
    nj: int = 1,
) -> list[Path]:
    """Runs the script, which writes the data directories `sets` below `out`; logs one line per set
    and what validation finds; records the facts about the corpus. Returns further files that the
    script wrote.

    words: a table whose first column is the vocabulary; None: the lexicon that the script writes,
    if any; oov: its word for unknown words, unless an oov.int beside it says; None: no words need a
    pronunciation; audio: whether the recordings are needed; transcribed: whether networks learn
    from transcripts; nj: number of processes that read audio. A test set without transcripts gets a
    `text` of ids alone. Raises UserError as the script does, if a set lacks audio that is needed,
    and if train or dev has no transcripts, or none that the words cover.
    """
    module = load_script(script)
    dictionary = out / "local"
    before = written_at(dictionary)
    run_prepare(module, corpus, out, seed)
    brought = brought_since(dictionary, before)
    for path in brought:
        _check_copy(path, script)
    found = Facts.of(dictionary)
    found.write(facts)
    for part in ("test",) if transcribed else [folder.name for folder in sets]:
        write_silent_text(out / part)
    data = {folder.name: DataDir.read(folder) for folder in sets}
    if audio and (without := [part for part, own in data.items() if not own.wavs]):
        remedy = "correct what the script reads, or name finished features in features.*.archives"
        raise UserError(f"{script.name} found no audio for {listed(without, 'and')}; {remedy}.")
    describe(data, corpus, audio, transcribed, nj)
    if transcribed:
        need_transcripts(data)
    if vocabulary := read_vocabulary(words or dictionary / found.lexicon_file, oov):
        _report_coverage(data, vocabulary, option_names(module, corpus))
    return [*brought, *(path for folder in sets if (path := folder / "segments").is_file())]


def written_at(dictionary: Path) -> dict[Path, int]:
    """When lexicon and language model were last written or replaced, in ns."""
    paths = (dictionary / name for name in (*LEXICONS, SILPROB, ARPA, LM_TEXT))
    return {path: path.stat().st_ctime_ns for path in paths if path.is_file()}


def brought_since(dictionary: Path, before: Mapping[Path, int]) -> list[Path]:
    """What a script has written since; what it no longer writes is removed."""
    now = written_at(dictionary)
    for path in now.keys() & before.keys():
        if now[path] == before[path]:
            path.unlink()
    return sorted(path for path in now if path.is_file())


def _check_copy(path: Path, script: Path) -> None:
    try:
        check_text(path)
    except UserError as error:
        source = f"do this to the file that {script.name} takes it from, as the stage writes {path} again"
        raise UserError(f"{str(error).removesuffix('.')}; {source}.") from None


def read_vocabulary(table: Path, oov: str | None) -> SpokenWords | None:
    """The first column of a lexicon or words.txt; None if there is none, or no `oov`.

    An oov.int beside the table names its word for unknown words.
    """
    if oov is None or not table.is_file():
        return None
    lines = [words for line in file_lines(table) if (words := fields(line))]
    ids = table.with_name("oov.int")
    given = [word for line in file_lines(ids) for word in fields(line)][:1] if ids.is_file() else []
    named = [word for word, *rest in lines if rest == given] if given else []
    return SpokenWords(frozenset(line[0] for line in lines), [*named, oov][0], str(table))


def need_transcripts(sets: Mapping[str, DataDir]) -> None:
    """Raises UserError if a set other than test has no word in its transcripts."""
    for part, data in sets.items():
        if part != "test" and data.silent:
            what = f"{data.path / 'text'} has no words, and networks are trained and tuned on transcripts"
            raise UserError(f"{what}; only the test set may be without: correct what the corpus stage reads.")


def _report_coverage(sets: Mapping[str, DataDir], vocabulary: SpokenWords, options: Sequence[str]) -> None:
    texts = {part: data.text for part, data in sets.items()}
    for sentence in (*coverage(texts, vocabulary), *mends(texts, vocabulary, options)):
        log.warning("  %s", sentence)
    need_covered({part: text for part, text in texts.items() if part != "test"}, vocabulary, options)


def describe(
    sets: Mapping[str, DataDir],
    corpus: CorpusOptions,
    audio: bool,
    transcribed: bool = True,
    nj: int = 1,
) -> None:
    """Logs one line per set, and what `examine` finds in it; of the audio only headers are read."""
    rate = 0 if corpus.resample else corpus.rate
    for part, directory in sets.items():
        silent = (part == "test" or not transcribed) and directory.silent
        how = rate, None, False, audio, corpus.channel, not silent, nj
        problems, lengths = examine(directory.path, *how)
        hours = sum(utterance_seconds(directory, lengths).values()) / 3600
        speakers = len(set(directory.utt2spk.values()))
        words = sum(len(text) for text in directory.text.values())
        counts = f"{len(directory.text):6d} utterances  {hours:6.2f} h  {speakers:4d} speakers"
        log.info("  %-5s %s  %7d words", part, counts, words)
        if silent and transcribed:
            log.info(
                "  %s has no transcripts: it is decoded and compared with the dense network, not scored",
                part,
            )
        for problem in problems:
            log.warning("  %s", problem)
    for problem in check_overlap(sets):
        log.warning("  %s", problem)
