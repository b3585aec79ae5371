"""The verb that writes down what is said in audio files."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from asr_prune.cli.numbers import positive
from asr_prune.corpus.segments import LONGEST_PIECE, SHORTEST_PIECE
from asr_prune.workflow.context import NJ

if TYPE_CHECKING:
    from asr_prune.transcribe.transcript import Transcript

SAYS = "write down what is said in audio files, with the shrunk network of a run"
SPEAKERS = ("file", "folder", "all")


def add_transcribe_verb(verbs: argparse._SubParsersAction) -> None:
    """transcribe."""
    example = "example: asr-prune transcribe exp/an4/runs/dense talk.flac --times --confidence"
    verb = verbs.add_parser("transcribe", help=SAYS, description=SAYS, epilog=example)
    verb.add_argument("folder", type=Path, metavar="RUN", help="folder of a run after stage 8 (score)")
    verb.add_argument("files", nargs="+", metavar="FILE", help="audio that libsndfile reads, of any rate and length")
    verb.add_argument("--times", action="store_true", help="when each word begins and ends, in seconds")
    verb.add_argument("--confidence", action="store_true", help="how sure each word is, from 0 to 1")
    verb.add_argument("--json", action="store_true", help="a line of JSON for each file")
    verb.add_argument("--ctm", type=Path, metavar="PATH", help="also write all words with their times as NIST's ctm")
    verb.add_argument("--channel", type=positive, metavar="N", help="of files that have several; counted from 1")
    whose = "who is one speaker: each file, the files of a folder, all files (default: %(default)s)"
    verb.add_argument("--speaker", choices=SPEAKERS, default="file", help=whose)
    longest = "longer files are cut where they are quietest (default: %(default)g)"
    verb.add_argument("--longest", type=_seconds, default=LONGEST_PIECE, metavar="SECONDS", help=longest)
    verb.add_argument("--lm-weight", type=_weight, metavar="W", help="in place of the one that dev chose")
    verb.add_argument(
        "--penalty", type=float, metavar="P", help="cost of each word, in place of the one that dev chose"
    )
    verb.add_argument("--recipe", help="folder with a recipe.yaml (default: recipes/NAME for a run in exp/NAME)")
    verb.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one key; repeatable")
    verb.add_argument("--nj", type=positive, default=NJ, help="processes (default: %(default)s)")
    verb.set_defaults(act=transcribe, verb="transcribe")


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not SHORTEST_PIECE <= found < float("inf"):
        raise argparse.ArgumentTypeError(f"must be {SHORTEST_PIECE:g} seconds or more, not {text!r}")
    return found


def _weight(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return found


def transcribe(options: argparse.Namespace) -> int:
    """Prints a line for each file as it is done; exit status 1 where a file could not be read."""
    from asr_prune.cli.common import recipe_of
    from asr_prune.score.ctm import write_ctm
    from asr_prune.transcribe.recogniser import Asked
    from asr_prune.transcribe.transcribe import Transcriber
    from asr_prune.transcribe.transcript import ctm_of

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    asked = Asked(options.times or bool(options.ctm), options.confidence, options.lm_weight, options.penalty)
    run = recipe_of(options, "shrunk/network.pt", "a run after stage 8 (score)")
    transcriber = Transcriber(*run, asked, options.channel, options.longest)
    recordings = transcriber.read(options.files)
    done: list[Transcript] = []
    for transcript in transcriber.transcripts(recordings, options.speaker):
        done.append(transcript)
        print(told(transcript, options), flush=True)
    if options.ctm:
        write_ctm(options.ctm, ctm_of(done))
    print(transcriber.summary(), file=sys.stderr)
    return 1 if transcriber.skipped else 0


def told(transcript: Transcript, options: argparse.Namespace) -> str:
    """What is printed of a file."""
    if options.json:
        return json.dumps(transcript.as_dict(), ensure_ascii=False)
    rows = [word.row() for word in transcript.words] if options.times or options.confidence else []
    return "\n".join([transcript.line, *rows])
