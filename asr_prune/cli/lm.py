"""The verb that makes a language model."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import fields
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.lang.ngram.options import LmOptions

_DEFAULT = {field.name: field.default for field in fields(LmOptions)}


def add_lm_verb(verbs: argparse._SubParsersAction) -> None:
    """lm."""
    says = "estimate an n-gram language model from text, write it as ARPA, and print its perplexity on --test"
    example = "example: asr-prune lm books.txt.gz --out books.arpa --lexicon lexicon.txt --ngrams 200000"
    verb = verbs.add_parser("lm", help=says, description=says, epilog=example)
    verb.add_argument("text", type=Path, nargs="+", metavar="TEXT", help="one sentence a line; .gz is unpacked")
    verb.add_argument("--out", type=Path, required=True, metavar="ARPA", help="file to write")
    verb.add_argument("--order", type=int, default=_DEFAULT["order"], help="words an n-gram (default: %(default)s)")
    kinds = ("kneser_ney", "witten_bell")
    verb.add_argument("--smoothing", choices=kinds, default=_DEFAULT["smoothing"], help="default: %(default)s")
    keep = "bigrams and longer n-grams to keep, by entropy (default: all)"
    verb.add_argument("--ngrams", type=int, default=_DEFAULT["ngrams"], metavar="N", help=keep)
    verb.add_argument("--lexicon", type=Path, metavar="FILE", help="its words are the vocabulary (default: the text's)")
    verb.add_argument("--oov", default="<unk>", metavar="WORD", help="stands for other words where the lexicon has it")
    verb.add_argument("--test", type=Path, action="append", default=[], metavar="TEXT", help="measured on; repeatable")
    verb.set_defaults(act=make_lm)


def make_lm(options: argparse.Namespace) -> None:
    """Says what is in it."""
    from asr_prune.lang.lexicon import read_lexicon
    from asr_prune.lang.ngram.build import Text, build_lm

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    try:
        asked = LmOptions(**{name: getattr(options, name) for name in ("order", "smoothing", "ngrams")})
    except ValueError as error:
        raise UserError(f"--{error}.") from None
    words = {word for word, _ in read_lexicon(options.lexicon).entries} if options.lexicon else set()
    tests = [Text([path]) for path in options.test]
    build_lm(Text(options.text), options.out, asked, words, options.oov, tests)
