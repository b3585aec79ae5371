"""NIST's sclite on the same sentences, where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.score.align import Counts, count
from asr_prune.score.table import paired
from asr_prune.score.trn import trn_id
from asr_prune.score.wer import Utterance, kaldi_line
from asr_prune.score.write import per_utterance

_PATH = re.compile(r'<PATH id="\((?P<id>\S+)\)"[^>]*>\n(?P<columns>.*)\n</PATH>')
_OP = re.compile(r'(?:^|(?<=":)|(?<=,:))([CSID]),')


@dataclass(frozen=True)
class Judged:
    """ours: utterances as scored; theirs: the same with sclite's alignments."""

    ours: Sequence[Utterance]
    theirs: Sequence[Utterance]

    @property
    def differing(self) -> list[tuple[Utterance, Utterance]]:
        """Utterances whose numbers of substitutions, insertions or deletions differ."""
        return [(our, their) for our, their in zip(self.ours, self.theirs, strict=True) if our.counts != their.counts]


def program(name: str) -> list[str]:
    """How to start a program of NIST's sctk: by its own name, or through Debian's `sctk`; empty where it is absent."""
    if shutil.which(name):
        return [name]
    return ["sctk", name] if shutil.which("sctk") else []


def sclite_sgml(ref: Path, hyp: Path) -> str:
    """sclite's alignments of two trn files, upper and lower case told apart, in the form that sc_stats reads.

    Raises UserError where sclite or a file is absent, or sclite fails.
    """
    command = program("sclite")
    if not command:
        how = "`apt install sctk` on Debian and Ubuntu; the sctk of the Python index is another program"
        raise UserError(f"sclite is not installed; install NIST's SCTK ({how}).")
    lost = [path for path in (ref, hyp) if not path.is_file()]
    if lost:
        raise UserError(f"{lost[0]} is missing; the stage score writes it, so run that stage first.")
    files = ["-r", str(ref), "trn", "-h", str(hyp), "trn"]
    done = subprocess.run([*command, "-s", "-i", "spu_id", *files, "-o", "sgml", "stdout"], capture_output=True)
    made = done.stdout.decode("utf-8", "replace")
    if done.returncode or "</SYSTEM>" not in made:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise UserError(f"sclite could not score {hyp} against {ref}: {said[-1] if said else 'it said nothing'}.")
    return made


def sclite_ops(sgml: str) -> dict[str, str]:
    """Utterance as named in the trn files -> its ops (C, S, I, D), from sclite's sgml."""
    return {path["id"]: "".join(_OP.findall(path["columns"])) for path in _PATH.finditer(sgml)}


def judge(utterances: Sequence[Utterance], ops: Mapping[str, str]) -> Judged:
    """Puts sclite's alignments beside ours. Raises UserError where sclite's are not of these utterances."""
    theirs = []
    for one in utterances:
        try:
            pairs = paired(ops.get(trn_id(one.name, one.speaker), ""), one.ref, one.hyp)
        except ValueError as error:
            raise UserError(f"sclite did not read utterance {one.name} as it was written ({error}).") from None
        theirs.append(Utterance(one.name, one.speaker, pairs))
    return Judged(utterances, theirs)


def told(made: Judged) -> str:
    """Both `%WER` lines, and both alignments of each utterance in which the counts differ."""
    ours, theirs = (sum((count(u.pairs) for u in side), Counts()) for side in (made.ours, made.theirs))
    lines = [f"ours    {kaldi_line(ours)}", f"sclite  {kaldi_line(theirs)}"]
    lines.append(f"{len(made.differing)} of {len(made.ours)} utterances differ in their counts")
    for our, their in made.differing:
        lines += ["", "ours:", per_utterance(our).rstrip("\n"), "sclite:", per_utterance(their).rstrip("\n")]
    return "\n".join(lines)
