"""Comparison with NIST's sclite, if it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.score.align import ErrorCounts, Pair, count_errors
from asr_prune.score.table import pairs_of_ops
from asr_prune.score.trn import trn_id
from asr_prune.score.wer import Utterance, kaldi_line
from asr_prune.score.write import per_utterance
from asr_prune.text import lines_of, trimmed

_PATH = re.compile(r'<PATH id="\((?P<id>\S+)\)"[^>]*>\n(?P<columns>.*)\n</PATH>')
_OP = re.compile(r'(?:^|(?<=":)|(?<=,:))([CSID]),')
_COLUMN = re.compile(r'([CSID]),(?:"(.*?)")?,(?:"(.*?)")?(?:$|:(?=[CSID],))')


@dataclass(frozen=True)
class Judgement:
    """ours: utterances as scored; theirs: the same utterances with sclite's alignments."""

    ours: Sequence[Utterance]
    theirs: Sequence[Utterance]

    @property
    def differing(self) -> list[tuple[Utterance, Utterance]]:
        """Utterances whose numbers of substitutions, insertions or deletions differ."""
        pairs = zip(self.ours, self.theirs, strict=True)
        return [(our, their) for our, their in pairs if our.counts != their.counts]


def sctk_command(name: str) -> list[str]:
    """The command of an SCTK program: its name, or Debian's `sctk` wrapper; empty if absent."""
    if shutil.which(name):
        return [name]
    return ["sctk", name] if shutil.which("sctk") else []


def sclite_sgml(ref: Path, hyp: Path, optional: bool = False) -> str:
    """sclite's case-sensitive alignments of two trn files, in the sgml form that sc_stats reads.

    optional: (WORD) in a reference may be left out (-D). Raises UserError if sclite or a file is
    missing, or sclite fails.
    """
    command = sctk_command("sclite")
    if not command:
        how = "`apt install sctk` on Debian and Ubuntu; sctk on PyPI is another program"
        raise UserError(f"sclite is not installed; install NIST's SCTK ({how}).")
    missing = [path for path in (ref, hyp) if not path.is_file()]
    if missing:
        raise UserError(f"{missing[0]} is missing; run the stage score, which writes it.")
    files = ["-r", str(ref), "trn", "-h", str(hyp), "trn"]
    flags = ["-s", "-i", "spu_id", *(["-D"] if optional else [])]
    arguments = [*command, *flags, *files, "-o", "sgml", "stdout"]
    done = subprocess.run(arguments, capture_output=True, check=False)
    sgml = done.stdout.decode("utf-8", "replace")
    if done.returncode or "</SYSTEM>" not in sgml:
        lines = lines_of(trimmed((done.stderr or done.stdout).decode("utf-8", "replace")))
        reason = lines[-1] if lines else "it printed no message"
        raise UserError(f"sclite could not score {hyp} against {ref}: {reason}.")
    return sgml


def sclite_ops(sgml: str) -> dict[str, str]:
    """The ops (C, S, I, D) of each utterance, named as in the trn files, from sclite's sgml."""
    return {path["id"]: "".join(_OP.findall(path["columns"])) for path in _PATH.finditer(sgml)}


def sclite_pairs(sgml: str, name: str) -> list[Pair]:
    """The columns of an utterance, named as in the trn files, from sclite's sgml.

    Only sclite says which alternatives of a reference it has chosen. Raises ValueError if there is
    no such utterance or a column cannot be read.
    """
    texts = [path["columns"] for path in _PATH.finditer(sgml) if path["id"] == name]
    columns = [match.groups() for text in texts for match in _COLUMN.finditer(text)]
    if not texts or len(columns) != len(_OP.findall(texts[0])):
        raise ValueError(f"{len(columns)} of its columns can be read")
    return [Pair("O", ref, None) if op == "C" and not hyp else Pair(op, ref, hyp) for op, ref, hyp in columns]


def judge(utterances: Sequence[Utterance], sgml: str) -> Judgement:
    """Pairs sclite's alignments with ours. Raises UserError if they are of other utterances."""
    theirs, ops = [], sclite_ops(sgml)
    for one in utterances:
        name = trn_id(one.name, one.speaker)
        try:
            pairs = sclite_pairs(sgml, name) if one.markup else pairs_of_ops(ops.get(name, ""), one.ref, one.hyp)
        except ValueError as error:
            raise UserError(f"sclite misread the utterance {one.name} ({error}).") from None
        theirs.append(Utterance(one.name, one.speaker, pairs, one.markup))
    return Judgement(utterances, theirs)


def format_judgement(judgement: Judgement) -> str:
    """Both `%WER` lines, and both alignments of each utterance whose counts differ."""
    lines = [
        f"{name:8s}{kaldi_line(sum((count_errors(u.pairs) for u in side), ErrorCounts()))}"
        for name, side in (("ours", judgement.ours), ("sclite", judgement.theirs))
    ]
    differing = judgement.differing
    lines.append(f"{len(differing)} of {len(judgement.ours)} utterances differ in their counts")
    for our, their in differing:
        lines += ["", "ours:", per_utterance(our).rstrip("\n")]
        lines += ["sclite:", per_utterance(their).rstrip("\n")]
    return "\n".join(lines)
