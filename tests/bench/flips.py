"""Whether a flipped bit is ever used: `python tests/bench/flips.py --flips 200 --seed 1`.

Runs a whole recipe on a corpus of tones (tests/stages/whole.py). Then, file after file, it inverts one bit of a copy
and runs a command that reads the file. The command must refuse it in one sentence, or do what it does without the
flip. Prints how often it did which, by kind of file; ends with status 1 if it ever did something else.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests/stages")]

from flips import COMMANDS, READ, command_on_flipped, outcome, stage_on_flipped, stages_that_read  # noqa: E402
from whole import GIVEN, make_project  # noqa: E402

from asr_prune.stages import STAGES  # noqa: E402


def readers() -> dict[str, list[tuple[str, ...]]]:
    """The commands that read each file of the project in the current folder; a stage is one word."""
    found: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for name, stages in stages_that_read().items():
        found[name] += [(stage,) for stage in stages]
    for words in COMMANDS:
        for path in (path for pattern in READ[words[0]] for path in Path().glob(pattern)):
            if path.is_file() and path.stat().st_size and path.name != "SHA256SUMS":
                found[str(path)].append(words)
    return found


def kind_of(name: str) -> str:
    """The file's name without numbers."""
    return re.sub(r"\d+", "N", Path(name).name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=200, help="how many (default: 200)")
    parser.add_argument("--seed", type=int, default=1, help="of the files and bits (default: 1)")
    options = parser.parse_args()
    dice, table = random.Random(options.seed), defaultdict[str, Counter[str]](Counter)
    with tempfile.TemporaryDirectory() as folder:
        finished, place = Path(folder, "finished"), Path(folder, "place")
        make_project(finished)
        os.chdir(finished)
        for stage in STAGES:
            if (done := outcome((stage, *GIVEN))).status:
                raise SystemExit(done.printed)
        reads = readers()
        names = sorted(reads)
        dice.shuffle(names)
        for number, name in enumerate(itertools.islice(itertools.cycle(names), options.flips), 1):
            words = dice.choice(reads[name])
            on_flipped = stage_on_flipped if len(words) == 1 else command_on_flipped
            found = on_flipped(finished, name, words[0] if len(words) == 1 else words, dice, place)  # type: ignore[arg-type]
            table[kind_of(name)][found if found in ("refused", "same") else "wrong"] += 1
            if number % 20 == 0:
                print(f"{number} flips: {dict(sum(table.values(), Counter[str]()))}", flush=True)
            if found not in ("refused", "same"):
                print(f"{name}, {words[0]}: {found}", flush=True)
        os.chdir("/")
    for kind, counts in sorted(table.items()):
        print(f"{kind:24} {counts['refused']:4d} refused {counts['same']:4d} same {counts['wrong']:4d} wrong")
    total = sum(table.values(), Counter[str]())
    print(f"seed {options.seed}: {total.total()} flips, {total['refused']} refused, {total['same']} without effect,"
          f" {total['wrong']} wrong")  # fmt: skip
    return int(total["wrong"] > 0)


if __name__ == "__main__":
    sys.exit(main())
