"""How long LibriSpeech-960 would take on 1 to 512 workers, by simulation: `python tests/bench/scaling.py`.

A stage is a list of rounds; a round is tasks that wait for nothing but a worker, and then work that one process does
alone. The model, in which everything but the measured costs is an assumption:

- a task takes its share of the round's CPU time, give or take 10 %, and no less than its bytes need: a worker has
  `--worker-bandwidth`, and all together have `--bandwidth`;
- the command hands out one task after another, `--dispatch` seconds each;
- workers die, once in `--life` hours each, and are there again after a minute; their task begins again elsewhere.

Costs were measured on one core of an AMD EPYC with AN4: features 1.3 ms per second of audio; alignment 16 us a frame at
2,000 Gaussians, of which 10 us are taken to grow with the Gaussians; statistics 0.4 us an iteration, fMLLR 10 us; what
one process does alone, 2.4 us a frame of a pass and 1 s. Decoding is taken to be 0.2 times real time.
"""

from __future__ import annotations

import argparse
import heapq
from dataclasses import dataclass

import numpy as np

from asr_prune.analysis.workforce import JOINING, MOST_PIECES, MOST_PORTIONS, ONCE_A_PASS, TASK_FRAMES

HOUR, RATE = 3600.0, 100.0
#: utterances and hours of the training set, hours of dev and test
UTTERANCES, HOURS, TESTED = 281_241, 960.9, 21.5
PER_UTTERANCE = HOURS * HOUR * RATE / UTTERANCES


@dataclass(frozen=True)
class Round:
    """cpu: seconds of all tasks together; moved: bytes that they read and write; alone: seconds of one process."""

    stage: str
    tasks: int
    cpu: float
    moved: float = 0.0
    alone: float = 0.0


def alignment(gaussians: int) -> float:
    """Seconds a frame."""
    return 6e-6 + 10e-6 * gaussians / 2000


def pass_rounds(name: str, utterances: int, gaussians: int, iterations: int, aligned: int, adapted: int) -> list[Round]:
    """The rounds of a pass of a GMM-HMM; aligned, adapted: how often."""
    frames = utterances * PER_UTTERANCE
    tasks = int(min(MOST_PIECES, max(1, frames // TASK_FRAMES)))
    stats = int(min(MOST_PIECES, max(1, frames // 65_536)))
    spliced = frames * 4 * 40
    each = JOINING * frames / iterations
    rounds = [Round(name, stats, 0.4e-6 * frames, spliced, each) for _ in range(iterations)]
    rounds += [Round(name, tasks, alignment(gaussians) * frames, spliced) for _ in range(aligned)]
    rounds += [Round(name, tasks, 10e-6 * frames, spliced) for _ in range(adapted)]
    return [*rounds, Round(name, 1, 0.0, 0.0, ONCE_A_PASS)]


def rounds() -> list[Round]:
    """All stages but the training of networks, which is not spread by an executor."""
    frames, seconds = HOURS * HOUR * RATE, HOURS * HOUR
    audio, cepstra, bands = seconds * 32_000, frames * 13 * 4, frames * 40 * 4
    found = [Round("corpus", 2000, 0.5e-3 * UTTERANCES, 1e9)]
    found += [Round("features", 2000, 1.3e-3 * seconds, audio + size, size / 1e9) for size in (cepstra, bands)]
    found += pass_rounds("mono", 2_000, 1_000, 39, 21, 0)
    found += pass_rounds("tri", 5_000, 10_000, 34, 3, 0)
    found += pass_rounds("lda_mllt", 10_000, 15_000, 34, 3, 0)
    found += pass_rounds("sat", 10_000, 15_000, 34, 3, 6)
    found += [
        Round("labels of all", MOST_PIECES, alignment(15_000) * frames, cepstra, JOINING * frames) for _ in range(2)
    ]
    found += [Round("labels of all", MOST_PIECES, 10e-6 * frames, cepstra)]
    return found + [Round("decoding 5 runs", 2 * MOST_PORTIONS, 0.2 * TESTED * HOUR, 1e9, 5.0) for _ in range(5)]


def wall(own: Round, workers: int, options: argparse.Namespace, dice: np.random.Generator) -> float:
    """Seconds that a round takes."""
    bandwidth = min(options.worker_bandwidth, options.bandwidth / min(workers, own.tasks))
    least = own.moved / own.tasks / bandwidth
    lasts = [max(least, own.cpu / own.tasks * max(0.5, dice.normal(1, 0.1))) for _ in range(own.tasks)]
    free = [0.0] * workers
    handed, end = 0.0, 0.0
    waiting = lasts[::-1]
    while waiting:
        begin = max(heapq.heappop(free), handed)
        handed = begin + options.dispatch
        length = waiting.pop()
        dies = dice.exponential(options.life * HOUR)
        if dies < length:
            waiting.append(length)
            heapq.heappush(free, begin + dies + 60)
            continue
        heapq.heappush(free, handed + length)
        end = max(end, handed + length)
    return end + own.alone


def main() -> None:
    """Prints hours of each stage, and of all, for some numbers of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8, 64, 512])
    parser.add_argument("--bandwidth", type=float, default=1e9, help="bytes a second, of the file system")
    parser.add_argument("--worker-bandwidth", type=float, default=1e8)
    parser.add_argument("--dispatch", type=float, default=0.005)
    parser.add_argument("--life", type=float, default=100.0, help="hours until a worker dies")
    options = parser.parse_args()
    stages = list(dict.fromkeys(own.stage for own in rounds()))
    took = {n: dict.fromkeys(stages, 0.0) for n in options.workers}
    for n in options.workers:
        dice = np.random.default_rng(1)
        for own in rounds():
            took[n][own.stage] += wall(own, n, options, dice) / HOUR
    print("| hours | " + " | ".join(f"{n}" for n in options.workers) + " |")
    print("| --- " * (len(options.workers) + 1) + "|")
    for stage in stages:
        print(f"| {stage} | " + " | ".join(f"{took[n][stage]:.2f}" for n in options.workers) + " |")
    totals = {n: sum(took[n].values()) for n in options.workers}
    print("| all | " + " | ".join(f"{totals[n]:.2f}" for n in options.workers) + " |")
    first = options.workers[0]
    print("| times faster | " + " | ".join(f"{totals[first] / totals[n]:.1f}" for n in options.workers) + " |")
    alone = sum(own.alone for own in rounds()) / HOUR
    print(f"alone: {alone:.2f} h of one process; read and written: {sum(own.moved for own in rounds()) / 1e12:.2f} TB")


if __name__ == "__main__":
    main()
