"""The verb that transcribes audio files."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from asr_prune.cli.executors import executing
from asr_prune.cli.shared import (
    Verbs,
    above_zero,
    add_channel,
    add_recipe_options,
    add_verb,
    finite_number,
    need_words,
    number_from,
    open_run,
)
from asr_prune.corpus.segments import LONGEST_PIECE, SHORTEST_PIECE
from asr_prune.errors import UserError
from asr_prune.spread.executor import Executor, elsewhere
from asr_prune.workflow.log import print_messages

if TYPE_CHECKING:
    from asr_prune.transcribe.recogniser import NetworkRecogniser
    from asr_prune.transcribe.transcribe import Transcriber
    from asr_prune.transcribe.transcript import Transcript, Word

SPEAKERS = ("file", "folder", "all")
_AUDIO = (".aif", ".aiff", ".au", ".flac", ".mp3", ".ogg", ".opus", ".sph", ".wav")


def add_verbs(verbs: Verbs) -> None:
    """transcribe."""
    says = "transcribe audio files with the shrunk network of a run, or with a packed model"
    verb = add_verb(verbs, "transcribe", says, transcribe, "exp/an4/runs/dense talk.flac --times --confidence")
    model = "folder of a run after the score stage, or a file of asr-prune pack"
    verb.add_argument("folder", type=Path, metavar="MODEL", help=model)
    verb.add_argument("files", nargs="+", metavar="FILE", help="audio that libsndfile reads, of any rate and length")
    verb.add_argument("--times", action="store_true", help="add start and end of each word, in seconds")
    verb.add_argument("--confidence", action="store_true", help="add the confidence of each word, 0 to 1")
    verb.add_argument("--json", action="store_true", help="print a line of JSON for each file")
    verb.add_argument("--ctm", type=Path, metavar="PATH", help="also write all words with their times as NIST's ctm")
    add_channel(verb)
    speaker = "what is one speaker: each file, the files of a folder, all files (default: %(default)s)"
    verb.add_argument("--speaker", choices=SPEAKERS, default="file", help=speaker)
    longest = "longer files are cut at their quietest points (default: %(default)g)"
    verb.add_argument("--longest", type=_seconds, default=LONGEST_PIECE, metavar="SECONDS", help=longest)
    verb.add_argument("--lm-weight", type=above_zero, metavar="W", help="instead of the one chosen on dev")
    penalty = "cost of each word, instead of the one chosen on dev"
    verb.add_argument("--penalty", type=finite_number, metavar="P", help=penalty)
    sound = "search words in audio without speech, too"
    verb.add_argument("--all-sound", action="store_true", help=sound)
    add_recipe_options(verb, None)


def _seconds(text: str) -> float:
    return number_from(text, SHORTEST_PIECE, f"must be {SHORTEST_PIECE:g} seconds or more")


def transcribe(options: argparse.Namespace) -> int:
    """Prints a line for each file, words as soon as they are known; exit status 1 if a file could
    not be read.
    """
    from asr_prune.score.ctm import write_ctm
    from asr_prune.transcribe.recogniser import Requested
    from asr_prune.transcribe.transcribe import Transcriber
    from asr_prune.transcribe.transcript import ctm_of

    print_messages(sys.stderr)
    _check_ctm(options)
    times = options.times or bool(options.ctm)
    requested = Requested(times, options.confidence, options.lm_weight, options.penalty, options.all_sound)
    with _recognising(options) as recogniser:
        transcriber = Transcriber(recogniser, requested, options.channel, options.longest)
        workers = elsewhere()
        transcripts = _shared(options, transcriber, workers) if workers else _here(options, transcriber)
    if options.ctm:
        write_ctm(options.ctm, ctm_of(transcripts))
    print(transcriber.summary(), file=sys.stderr)
    return 1 if transcriber.skipped else 0


def _here(options: argparse.Namespace, transcriber: Transcriber) -> list[Transcript]:
    recordings = transcriber.read(options.files)
    printer = Printer(options)
    transcripts: list[Transcript] = []
    # words on a terminal show the progress; a bar would be drawn over them
    bar = options.json or not sys.stdout.isatty()
    for transcript in transcriber.transcripts(
        recordings, options.speaker, lambda own, words: printer.piece(own.path, words), bar
    ):
        transcripts.append(transcript)
        printer.whole(transcript)
    return transcripts


def _shared(options: argparse.Namespace, transcriber: Transcriber, workers: Executor) -> list[Transcript]:
    """As `_here`, by workers."""
    from asr_prune.transcribe.file_tasks import transcripts_elsewhere
    from asr_prune.transcribe.recogniser import RunRecogniser

    of = transcriber.recogniser
    assert isinstance(of, RunRecogniser)
    transcripts = transcripts_elsewhere(transcriber, of, options.files, options.speaker, workers)
    printer = Printer(options)
    for transcript in transcripts:
        printer.piece(transcript.file, transcript.words)
        printer.whole(transcript)
    if not transcripts:
        raise UserError("no file could be read; the lines above give the reason for each.")
    return transcripts


def _check_ctm(options: argparse.Namespace) -> None:
    """Raises UserError, before the work, if the ctm file could not be written after it."""
    from asr_prune.transcribe.transcript import refuse_same_names

    path: Path | None = options.ctm
    if path is None:
        return
    refuse_same_names(options.files)
    if path.is_dir():
        raise UserError(f"--ctm {path} is a folder; name a file, for instance {path / 'words.ctm'}.")
    if path.exists() and path.suffix.lower() in _AUDIO:
        raise UserError(f"--ctm {path} would replace an audio file; name the ctm file after --ctm.")


@contextmanager
def _recognising(options: argparse.Namespace) -> Iterator[NetworkRecogniser]:
    """What recognises; within the block work is done where its recipe says."""
    from asr_prune.decode.network_scores import shared_device
    from asr_prune.transcribe.packed_recogniser import PackedRecogniser
    from asr_prune.transcribe.recogniser import RunRecogniser

    if options.folder.suffix != ".asr" and not options.folder.is_file():
        experiment, run = open_run(options, lambda run: run.shrunk, "shrink")
        need_words(experiment)
        with executing(experiment.loaded.recipe.executor):
            decoding = experiment.decoding
            decoding = decoding.on(shared_device(decoding.options.device))
            yield RunRecogniser(run, decoding, experiment.nj)
        return
    given = (("--executor", options.executor), ("--recipe", options.recipe), ("--set", options.set))
    for name, value in given:
        if value:
            raise UserError(
                f"{name} goes with the folder of a run; {options.folder} has all options in it, so leave it out."
            )
    yield PackedRecogniser(options.folder, options.nj)


class Printer:
    """Prints transcripts to standard output: a line for each file, and rows of words if requested.

    The line grows piece by piece; JSON is printed when the file is done.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.json, self.rows = options.json, options.times or options.confidence
        self.begun = self.worded = False  # whether the line of this file has begun, and has words

    def piece(self, path: str, words: list[Word]) -> None:
        """Prints the words of the next piece of a file."""
        if self.json:
            return
        texts = " ".join(word.text for word in words)
        head = "" if self.begun else f"{path}\t"
        gap = " " if self.worded and texts else ""
        print(f"{head}{gap}{texts}", end="", flush=True)
        self.begun, self.worded = True, self.worded or bool(texts)

    def whole(self, transcript: Transcript) -> None:
        """Ends the line of a file, all pieces of which have been printed."""
        if self.json:
            print(json.dumps(transcript.as_dict(), ensure_ascii=False), flush=True)
            return
        print("", *(word.row() for word in transcript.words if self.rows), sep="\n", flush=True)
        self.begun = self.worded = False
