"""The verb that transcribes audio files."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from asr_prune.cli.shared import Verbs, add_channel, add_recipe_options, add_verb, open_run
from asr_prune.corpus.segments import LONGEST_PIECE, SHORTEST_PIECE
from asr_prune.errors import UserError
from asr_prune.workflow.log import print_messages

if TYPE_CHECKING:
    from asr_prune.transcribe.recogniser import NetworkRecogniser
    from asr_prune.transcribe.transcript import Transcript

SPEAKERS = ("file", "folder", "all")


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
    verb.add_argument("--lm-weight", type=_weight, metavar="W", help="instead of the one chosen on dev")
    penalty = "cost of each word, instead of the one chosen on dev"
    verb.add_argument("--penalty", type=float, metavar="P", help=penalty)
    add_recipe_options(verb, None)


def _seconds(text: str) -> float:
    return _number(text, SHORTEST_PIECE, f"must be {SHORTEST_PIECE:g} seconds or more")


def _weight(text: str) -> float:
    return _number(text, sys.float_info.min, "must be a number above 0")


def _number(text: str, least: float, must: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{must}, not {text!r}")
    return value


def transcribe(options: argparse.Namespace) -> int:
    """Prints a line for each file as it is done; exit status 1 if a file could not be read."""
    from asr_prune.score.ctm import write_ctm
    from asr_prune.transcribe.recogniser import Requested
    from asr_prune.transcribe.transcribe import Transcriber
    from asr_prune.transcribe.transcript import ctm_of

    print_messages(sys.stderr)
    times = options.times or bool(options.ctm)
    requested = Requested(times, options.confidence, options.lm_weight, options.penalty)
    transcriber = Transcriber(_recogniser(options), requested, options.channel, options.longest)
    recordings = transcriber.read(options.files)
    transcripts: list[Transcript] = []
    for transcript in transcriber.transcripts(recordings, options.speaker):
        transcripts.append(transcript)
        print(format_transcript(transcript, options), flush=True)
    if options.ctm:
        write_ctm(options.ctm, ctm_of(transcripts))
    print(transcriber.summary(), file=sys.stderr)
    return 1 if transcriber.skipped else 0


def _recogniser(options: argparse.Namespace) -> NetworkRecogniser:
    from asr_prune.transcribe.packed_recogniser import PackedRecogniser
    from asr_prune.transcribe.recogniser import RunRecogniser

    if options.folder.suffix != ".asr" and not options.folder.is_file():
        experiment, run = open_run(options, lambda run: run.shrunk, "shrink")
        return RunRecogniser(run, experiment.decoding, experiment.nj)
    for name, value in (("--recipe", options.recipe), ("--set", options.set)):
        if value:
            raise UserError(
                f"{name} goes with the folder of a run; {options.folder} has all options in it, so leave it out."
            )
    return PackedRecogniser(options.folder, options.nj)


def format_transcript(transcript: Transcript, options: argparse.Namespace) -> str:
    """What is printed of a file."""
    if options.json:
        return json.dumps(transcript.as_dict(), ensure_ascii=False)
    rows = [word.row() for word in transcript.words] if options.times or options.confidence else []
    return "\n".join([transcript.line, *rows])
