"""A grammar of what may be said, as G: the regular part of the JSpeech Grammar Format (W3C note, 2000)."""

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

log = logging.getLogger(__name__)

_HALF = math.log(2)  # cost of leaving an optional part out, of saying it, of repeating it, of going on
_MOST_STATES = 1_000_000
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_RULE = re.compile(r"(public\s+)?<([^<>]+)>\s*=(.*)", re.DOTALL)
_TOKEN = re.compile(r'\s*(<[^<>]*>|"[^"]*"|\{[^{}]*\}|/[^/]*/|[()\[\]|*+]|[^\s()\[\]|*+<>/{}"]+)')
_OPENING = {"(": ")", "[": "]"}


@dataclass(frozen=True)
class JsgfCounts:
    """words: of the grammar, with a pronunciation; dropped: those without; states and arcs: of G."""

    rules: int
    words: int
    dropped: list[str]
    states: int
    arcs: int


def make_jsgf(grammar: Path, lang: Path) -> JsgfCounts:
    """Writes lang/G.fst: what the first public rule says, each sentence with its probability.

    Alternatives are equally likely, or as their /weights/ say; an optional part is said every other time, and what may
    be repeated is, too. Alternatives with a word that has no pronunciation are left out, and such words logged. Raises
    UserError with the rule for what JSGF does not allow, rules that contain themselves and imports included, and where
    nothing is left to say.
    """
    words = read_symbols(lang / "words.txt")
    root, rules = read_rules(grammar)
    builder = _Builder(grammar, rules, words)
    fst = builder.fst(root)
    with silenced():
        if kaldifst.determinize_star(fst, max_states=_MOST_STATES, use_log=True):
            raise UserError(f"{grammar}: <{root}> is ambiguous without end; repeat a part in one way only.")
        kaldifst.minimize_encoded(fst, 1e-6)
    if builder.dropped:
        told = "%s: %d words without pronunciation are left out: %s"
        log.warning(told, grammar, len(builder.dropped), " ".join(sorted(builder.dropped)[:10]))
    if fst.start < 0 or not builder.said:
        raise UserError(f"{grammar}: no sentence of <{root}> can be pronounced; add its words to the lexicon.")
    kaldifst.arcsort(fst, "ilabel")
    write_fst(fst, lang / "G.fst")
    arcs = sum(fst.num_arcs(state) for state in range(fst.num_states))
    return JsgfCounts(len(rules), len(builder.said), sorted(builder.dropped), fst.num_states, arcs)


def read_rules(path: Path) -> tuple[str, dict[str, list[str]]]:
    """The name of the first public rule, and the tokens of each rule, tags left out. Raises UserError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the grammar {path}: {error}; lang.grammar takes a file in JSGF.") from error
    head, *parts = (part.strip() for part in _COMMENT.sub(" ", text.lstrip("\ufeff")).split(";"))
    if not head.startswith("#JSGF") or parts[-1:] != [""]:
        raise UserError(f"{path} is no whole JSGF: it begins with `#JSGF V1.0;` and each statement ends with `;`.")
    rules: dict[str, list[str]] = {}
    public = []
    for part in parts[:-1]:
        match = _RULE.fullmatch(part)
        if match and match[2] not in rules:
            rules[match[2]] = _tokens(match[3], f"{path}, rule <{match[2]}>")
            public += [match[2]] if match[1] else []
        elif match or not re.match(r"grammar\s", part):
            raise UserError(f"{path}: expected a new `<rule> = ...`, found {part[:40]!r}; imports are not known here.")
    if not public:
        raise UserError(f"{path} has no public rule; put `public` before the rule that is a whole sentence.")
    return public[0], rules


def _tokens(text: str, where: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if not match:
            raise UserError(f"{where}: {text[at:].strip()[:20]!r} is not closed; close it.")
        found += [] if match[1].startswith("{") else [match[1]]
        at = match.end()
    return found


@dataclass
class _Builder:
    """Puts rules together as an FST with epsilons; each use of a rule is a copy of it."""

    path: Path
    rules: dict[str, list[str]]
    words: dict[str, int]
    draft: Draft = field(default_factory=Draft)
    said: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    inside: list[str] = field(default_factory=list)

    def fst(self, root: str) -> Fst:
        """All that rule `root` says."""
        begin = self.draft.state()
        self.draft.arc(0, begin, 0, 0, 0.0)  # the first arc leaves the start
        return self.draft.fst([self.rule(root, begin)])

    def rule(self, name: str, source: int) -> int:
        """Adds a rule after state `source`; returns the state after it."""
        if name in ("NULL", "VOID"):
            return source if name == "NULL" else self.draft.state()
        if name not in self.rules:
            raise UserError(f"{self.path}: <{name}> is used and not defined; define it.")
        if name in self.inside:
            raise UserError(f"{self.path}: <{name}> contains itself; say repetition with * or +.")
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
        """Of what `rest`, the tokens to come in reverse, begins with."""
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
            raise self._wrong("either all alternatives have a /weight/ or none, and one is above 0")
        for weight, begin in zip(shares or [1.0] * len(weights), begins, strict=True):
            if weight > 0:
                self.draft.arc(source, begin, 0, 0, -math.log(weight / (sum(shares) or len(weights))))
        return target

    def _weight(self, rest: list[str]) -> float | None:
        if not rest or not rest[-1].startswith("/"):
            return None
        text = rest.pop().strip("/")
        if not re.fullmatch(r"\s*\d*\.?\d+\s*", text):
            raise self._wrong(f"the weight {text!r} is not a number of at least 0")
        return float(text)

    def _sequence(self, rest: list[str], at: int) -> int:
        if not rest or rest[-1] in "|)]*+":
            raise self._wrong(f"expected something to say before {rest[-1]!r}" if rest else "it ends too early")
        while rest and rest[-1] not in "|)]":
            at = self._repeated(rest, at)
        return at

    def _repeated(self, rest: list[str], source: int) -> int:
        """One part, with what repeats it."""
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
            raise self._wrong(f"the weight {token} is not at the beginning of an alternative")
        for word in token.strip('"').split():
            source = self._word(word, source)
        return source

    def _word(self, word: str, source: int) -> int:
        target, known = self.draft.state(), word in self.words
        (self.said if known else self.dropped).add(word)
        if known:
            self.draft.arc(source, target, self.words[word], self.words[word], 0.0)
        return target
