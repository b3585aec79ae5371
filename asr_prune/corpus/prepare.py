"""Runs a corpus's local script and describes the data directories that it made."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from asr_prune.corpus.audio import utterance_seconds
from asr_prune.corpus.datadir import DataDir
from asr_prune.corpus.facts import ARPA, LEXICON, LM_TEXT, Facts
from asr_prune.corpus.options import CorpusOptions
from asr_prune.corpus.script import load_script, run_prepare, script_options
from asr_prune.corpus.validate import check_overlap, examine

log = logging.getLogger(__name__)


def corpus_files(script: Path, corpus: CorpusOptions) -> list[Path]:
    """The files and folders that a local script reads: what its `sources` says, or else the corpus root."""
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
    words: Path,
    audio: bool,
) -> list[Path]:
    """Runs the script, which writes the data directories `sets` below `out`; logs one line per set and what validation
    finds; records the facts about the corpus. Returns further files that the script wrote.

    words: a table whose first column is the vocabulary, if it exists; audio: whether the recordings are needed. Raises
    UserError as the script does.
    """
    module = load_script(script)
    dictionary = out / "local"
    before = written_at(dictionary)
    run_prepare(module, corpus, out, seed)
    brought = brought_since(dictionary, before)
    Facts.of(dictionary).write(facts)
    describe({folder.name: folder for folder in sets}, corpus, _vocabulary(words), audio)
    return [*brought, *(path for folder in sets if (path := folder / "segments").is_file())]


def written_at(dictionary: Path) -> dict[Path, int]:
    """When lexicon and language model were last written or replaced, in ns."""
    paths = (dictionary / name for name in (LEXICON, ARPA, LM_TEXT))
    return {path: path.stat().st_ctime_ns for path in paths if path.is_file()}


def brought_since(dictionary: Path, before: Mapping[Path, int]) -> list[Path]:
    """What a script has written since; what it no longer writes is removed."""
    now = written_at(dictionary)
    for path in now.keys() & before.keys():
        if now[path] == before[path]:
            path.unlink()
    return sorted(path for path in now if path.is_file())


def _vocabulary(table: Path) -> set[str] | None:
    if not table.is_file():
        return None
    lines = table.read_text("utf-8", errors="replace").splitlines()
    return {line.split()[0] for line in lines if line.strip()}


def describe(sets: Mapping[str, Path], corpus: CorpusOptions, vocabulary: set[str] | None, audio: bool) -> None:
    """Logs one line per set, and what `examine` finds in it; of the audio only headers are read.

    vocabulary: words that have a pronunciation; None if there is no lexicon.
    """
    data = {part: DataDir.read(folder) for part, folder in sets.items()}
    rate = 0 if corpus.resample else corpus.rate
    for part, directory in data.items():
        problems, lengths = examine(directory.path, rate, vocabulary, False, audio, corpus.channel)
        hours = sum(utterance_seconds(directory, lengths).values()) / 3600
        speakers = len(set(directory.utt2spk.values()))
        words = sum(len(text) for text in directory.text.values())
        counts = f"{len(directory.text):6d} utterances  {hours:6.2f} h  {speakers:4d} speakers"
        log.info("  %-5s %s  %7d words", part, counts, words)
        for problem in problems:
            log.warning("  %s", problem)
    for problem in check_overlap(data):
        log.warning("  %s", problem)
