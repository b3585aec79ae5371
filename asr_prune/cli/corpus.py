"""Verbs on data: validate, fix, lm."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from asr_prune.cli.executors import add_executor_alone, executing
from asr_prune.cli.shared import Verbs, add_channel, add_verb, not_negative, positive
from asr_prune.errors import UserError
from asr_prune.lang.ngram.options import LmOptions
from asr_prune.workflow.experiment import NJ
from asr_prune.workflow.log import print_messages

_DEFAULT = {field.name: field.default for field in fields(LmOptions)}


def add_verbs(verbs: Verbs) -> None:
    """validate, fix and lm."""
    for name, says, act, rates in (
        ("validate", "report what is wrong with a Kaldi data directory", validate_folder, "of most"),
        ("fix", "repair a Kaldi data directory and report what was dropped", fix_folder, "any"),
    ):
        verb = add_verb(verbs, name, says, act, "data/demo/train")
        verb.add_argument("folder", type=Path)
        add_channel(verb)
        of_audio = f"sampling rate of the audio (default: {rates})"
        verb.add_argument("--rate", type=positive, metavar="HERTZ", help=of_audio)
        verb.add_argument("--nj", type=positive, default=NJ, help="processes (default: %(default)s)")
        add_executor_alone(verb)
    _add_lm(verbs)


def _add_lm(verbs: Verbs) -> None:
    says = "estimate an n-gram language model from text, write it as ARPA, and print its perplexity on --test"
    example = "books.txt.gz --out books.arpa --lexicon lexicon.txt --ngrams 200000"
    verb = add_verb(verbs, "lm", says, make_lm, example)
    verb.add_argument("text", type=Path, nargs="+", metavar="TEXT", help="one sentence per line; .gz is unpacked")
    verb.add_argument("--out", type=Path, required=True, metavar="ARPA", help="file to write")
    verb.add_argument(
        "--order", type=positive, default=_DEFAULT["order"], help="words of an n-gram (default: %(default)s)"
    )
    kinds = ("kneser_ney", "witten_bell")
    verb.add_argument("--smoothing", choices=kinds, default=_DEFAULT["smoothing"], help="default: %(default)s")
    keep = "bigrams and longer n-grams to keep, by entropy (default: all)"
    verb.add_argument("--ngrams", type=not_negative, default=_DEFAULT["ngrams"], metavar="N", help=keep)
    verb.add_argument("--lexicon", type=Path, metavar="FILE", help="its words are the vocabulary (default: the text's)")
    verb.add_argument("--oov", default="<unk>", metavar="WORD", help="stands for other words if the lexicon has it")
    verb.add_argument("--test", type=Path, action="append", default=[], metavar="TEXT", help="measured on; repeatable")


def validate_folder(options: argparse.Namespace) -> int:
    """Exit status 1 if something is wrong."""
    from asr_prune.corpus.validate import validate  # loads soundfile

    print_messages(sys.stderr)
    with executing(options.executor):
        problems = validate(options.folder, options.rate, channel=options.channel, nj=options.nj)
    print("\n".join(problems) if problems else f"{options.folder} is valid")
    if problems:
        print(f"asr-prune fix {options.folder} repairs what can be repaired, and lists it", file=sys.stderr)
    return 1 if problems else 0


def fix_folder(options: argparse.Namespace) -> None:
    """Reports what was repaired, and what fix leaves as it is."""
    from asr_prune.corpus.fix import fix
    from asr_prune.corpus.validate import validate

    print_messages(sys.stderr)
    with executing(options.executor):
        changes = fix(options.folder, options.rate or 0, options.channel, options.nj)
        left = validate(options.folder, options.rate or 0, channel=options.channel, nj=options.nj)
    sound = [] if left else [f"{options.folder} needs no repair"]
    print("\n".join([*(changes or sound), *(f"not repaired: {problem}" for problem in left)]))


def make_lm(options: argparse.Namespace) -> None:
    """Logs what is in it."""
    from asr_prune.lang.lexicon import read_lexicon
    from asr_prune.lang.ngram.build import Text, build_lm

    print_messages()
    try:
        settings = LmOptions(**{name: getattr(options, name) for name in ("order", "smoothing", "ngrams")})
    except ValueError as error:
        raise UserError(f"--{error}.") from None
    words = {word for word, _ in read_lexicon(options.lexicon).entries} if options.lexicon else set()
    tests = [Text([path]) for path in options.test]
    build_lm(Text(options.text), options.out, settings, words, options.oov, tests)
