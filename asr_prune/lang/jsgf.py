"""G from a grammar: the regular part of the JSpeech Grammar Format (W3C note, 2000)."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import kaldifst

from asr_prune.errors import UserError
from asr_prune.lang.fst import Draft, Fst, write_fst
from asr_prune.lang.native import silenced
from asr_prune.lang.symbols import read_symbols
from asr_prune.text import decoded, fields, trimmed

log = logging.getLogger(__name__)

#: cost of each branch of an optional or repeated part
_HALF = math.log(2)
_MOST_STATES = 1_000_000
_TAG = r"\{(?:\\.|[^{}\\])*\}"
#: quoted words, and what is left out; either may hold what looks like the other, or a semicolon
_NO_WORDS = re.compile(rf'("[^"]*")|{_TAG}|//[^\n]*|/\*.*?\*/', re.DOTALL)
_RULE = re.compile(r"(public\s+)?<([^<>]+)>\s*=(.*)", re.ASCII | re.DOTALL)
_WORDS = r'\s*(<[^<>]*>|"[^"]*"|/[^/]*/|[()\[\]|*+]|[^\s()\[\]|*+<>/{}"]+)'
_TOKEN = re.compile(_WORDS, re.ASCII)
_WEIGHT = re.compile(r"\s*(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*", re.ASCII | re.IGNORECASE)
_OPENING = {"(": ")", "[": "]"}


@dataclass(frozen=True)
class JsgfCounts:
    """words: number of pronounceable words; dropped: other words; states and arcs: of G."""

    rules: int
    words: int
    dropped: list[str]
    states: int
    arcs: int


def make_jsgf(grammar: Path, lang: Path) -> JsgfCounts:
    """Writes lang/G.fst: the sentences of the first public rule with their probabilities.

    Alternatives are equally likely unless they have /weights/; optional parts and repetitions have
    probability 1/2. Alternatives with a word without pronunciation are left out; such words are
    logged. Raises UserError, with the rule, for invalid JSGF, recursive rules and imports, and if
    no sentence remains.
    """
    root, rules = read_rules(grammar)
    builder = _Builder(grammar, rules, read_symbols(lang / "words.txt"))
    fst = builder.fst(root)
    _minimise(fst, f"{grammar}: <{root}>")
    dropped = sorted(builder.dropped)
    if dropped:
        message = "%s: %d words without pronunciation are left out: %s"
        log.warning(message, grammar, len(dropped), " ".join(dropped[:10]))
    if fst.start < 0 or not builder.used:
        message = f"{grammar}: no sentence of <{root}> can be pronounced"
        raise UserError(f"{message}; add its words to the lexicon.")
    kaldifst.arcsort(fst, "ilabel")
    write_fst(fst, lang / "G.fst")
    arcs = sum(fst.num_arcs(state) for state in range(fst.num_states))
    return JsgfCounts(len(rules), len(builder.used), dropped, fst.num_states, arcs)


def _minimise(fst: Fst, where: str) -> None:
    with silenced():
        if kaldifst.determinize_star(fst, max_states=_MOST_STATES, use_log=True):
            message = f"{where} is too ambiguous to be determinised"
            raise UserError(f"{message}; repeat a part in one way only.")
        kaldifst.minimize_encoded(fst, 1e-6)


def read_rules(path: Path) -> tuple[str, dict[str, list[str]]]:
    """The name of the first public rule, and the tokens of each rule, without tags.

    Raises UserError as `make_jsgf`.
    """
    rules: dict[str, list[str]] = {}
    public = []
    for part in _statements(path):
        match = _RULE.fullmatch(part)
        if match and match[2] not in rules:
            rules[match[2]] = _tokens(match[3], f"{path}, rule <{match[2]}>")
            public += [match[2]] if match[1] else []
        elif match or not re.match(r"grammar\s", part, re.ASCII):
            message = f"{path}: expected a new `<rule> = ...`, found {part[:40]!r}"
            raise UserError(f"{message}; imports are not supported.")
    if not public:
        message = f"{path} has no public rule"
        raise UserError(f"{message}; put `public` before the rule that is a whole sentence.")
    return public[0], rules


def _statements(path: Path) -> list[str]:
    """The statements after the header, without tags, comments and the semicolons that end them."""
    try:
        text = decoded(path.read_bytes(), path)
    except OSError as error:
        message = f"cannot read the grammar {path}: {error}; lang.grammar takes a file in JSGF."
        raise UserError(message) from error
    statements = [""]
    for piece in re.split(r'("[^"]*"|;)', _NO_WORDS.sub(lambda match: match[1] or " ", text)):
        if piece == ";":
            statements.append("")
        else:
            statements[-1] += piece
    head, *parts = map(trimmed, statements)
    if not head.startswith("#JSGF") or parts[-1:] != [""]:
        message = f"{path} is not a complete JSGF file"
        raise UserError(f"{message}: begin it with `#JSGF V1.0;`; each statement ends with `;`.")
    return parts[:-1]


def _tokens(text: str, where: str) -> list[str]:
    tokens, at = [], 0
    while trimmed(text[at:]):
        match = _TOKEN.match(text, at)
        if not match:
            raise UserError(f"{where}: {trimmed(text[at:])[:20]!r} is not closed; close it.")
        tokens.append(match[1])
        at = match.end()
    return tokens


@dataclass
class _Builder:
    """Builds an FST with epsilons; each use of a rule is a copy of it.

    used, dropped: words with and without pronunciation; inside: rules being expanded.
    """

    path: Path
    rules: dict[str, list[str]]
    words: dict[str, int]
    draft: Draft = field(default_factory=Draft)
    used: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    inside: list[str] = field(default_factory=list)

    def fst(self, root: str) -> Fst:
        """The sentences of rule `root`."""
        begin = self.draft.state()
        # the first arc must leave the start
        self.draft.arc(0, begin, 0, 0, 0.0)
        return self.draft.fst([self.rule(root, begin)])

    def rule(self, name: str, source: int) -> int:
        """Adds a rule after state `source`; returns the state after it."""
        if name in ("NULL", "VOID"):
            return source if name == "NULL" else self.draft.state()
        if name not in self.rules:
            raise UserError(f"{self.path}: <{name}> is used but not defined; define it.")
        if name in self.inside:
            raise UserError(f"{self.path}: <{name}> contains itself; write repetition with * or +.")
        self.inside.append(name)
        rest = list(reversed(self.rules[name]))
        target = self._alternatives(rest, source)
        if rest:
            raise self._wrong(f"{rest[-1]!r} closes nothing")
        self.inside.pop()
        return target

    def _wrong(self, what: str) -> UserError:
        return UserError(f"{self.path}, rule <{self.inside[-1]}>: {what}; correct the rule.")

    def _alternatives(self, rest: list[str], source: int) -> int:
        """Parses alternatives from `rest`, the remaining tokens in reverse order."""
        weights, begins, target = [], [], self.draft.state()
        while True:
            weights.append(self._weight(rest))
            begins.append(self.draft.state())
            self.draft.arc(self._sequence(rest, begins[-1]), target, 0, 0, 0.0)
            if rest[-1:] != ["|"]:
                break
            rest.pop()
        shares = [weight for weight in weights if weight is not None]
        if shares and (len(shares) < len(weights) or sum(shares) <= 0):
            message = "all alternatives or none must have a /weight/, and one must be above 0"
            raise self._wrong(message)
        total = sum(shares) or len(weights)
        for weight, begin in zip(shares or [1.0] * len(weights), begins, strict=True):
            if weight > 0:
                self.draft.arc(source, begin, 0, 0, -math.log(weight / total))
        return target

    def _weight(self, rest: list[str]) -> float | None:
        if not rest or not rest[-1].startswith("/"):
            return None
        text = rest.pop().strip("/")
        if not _WEIGHT.fullmatch(text) or not math.isfinite(float(text)):
            raise self._wrong(f"the weight {text!r} is not a non-negative number")
        return float(text)

    def _sequence(self, rest: list[str], at: int) -> int:
        if not rest or rest[-1] in "|)]*+":
            message = f"expected a word before {rest[-1]!r}" if rest else "it ends too early"
            raise self._wrong(message)
        while rest and rest[-1] not in "|)]":
            at = self._repeated(rest, at)
        return at

    def _repeated(self, rest: list[str], source: int) -> int:
        """One part with its repetition operators."""
        begin = self.draft.state()
        optional, end = rest[-1] == "[", self._part(rest, begin)
        repeated = ""
        while rest and rest[-1] in "*+":
            repeated += rest.pop()
        skip, target = optional or "*" in repeated, self.draft.state()
        self.draft.arc(source, begin, 0, 0, _HALF if skip else 0.0)
        if skip:
            self.draft.arc(source, target, 0, 0, _HALF)
        if repeated:
            self.draft.arc(end, begin, 0, 0, _HALF)
        self.draft.arc(end, target, 0, 0, _HALF if repeated else 0.0)
        return target

    def _part(self, rest: list[str], source: int) -> int:
        token = rest.pop()
        if token in _OPENING:
            target = self._alternatives(rest, source)
            if not rest or rest.pop() != _OPENING[token]:
                raise self._wrong(f"{token!r} is not closed by {_OPENING[token]!r}")
            return target
        if token.startswith("<"):
            return self.rule(token[1:-1], source)
        if token.startswith("/"):
            raise self._wrong(f"the weight {token} is not at the start of an alternative")
        for word in fields(token.strip('"')):
            source = self._word(word, source)
        return source

    def _word(self, word: str, source: int) -> int:
        target, known = self.draft.state(), word in self.words
        (self.used if known else self.dropped).add(word)
        if known:
            self.draft.arc(source, target, self.words[word], self.words[word], 0.0)
        return target
