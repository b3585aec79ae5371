"""How torch's two threads wait for each other, alone and beside other work: `python
tests/bench/threads.py`.

Trains a 4 x 512 network for some seconds under each setting of the environment, in turn so that all
meet the same disturbances of the machine, and prints the median time of an update and of the ratios
to one thread in the same round. Beside other work means beside two Python processes that do nothing
but count, started and ended here.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

SETTINGS: dict[str, dict[str, str]] = {
    "1 thread": {"OMP_NUM_THREADS": "1"},
    "2 threads": {"OMP_NUM_THREADS": "2"},
    "2, PASSIVE": {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"},
    "2, spin 1000": {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"},
    "2, spin 20000": {"OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": "20000"},
}
COUNTING = "while True: pass"


def train(seconds: float) -> float:
    """Milliseconds of an update of a 4 x 512 network on batches of 256 frames."""
    import torch

    network = torch.nn.Sequential(
        *(layer for size in (440, 512, 512, 512) for layer in (torch.nn.Linear(size, 512), torch.nn.ReLU())),
        torch.nn.Linear(512, 1000),
    )
    optimiser = torch.optim.AdamW(network.parameters(), fused=True)
    frames, labels = torch.randn(256, 440), torch.randint(1000, (256,))
    updates, start = -3, time.monotonic()
    while updates < 3 or time.monotonic() - start < seconds:
        if not updates:
            start = time.monotonic()
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(frames), labels).backward()
        optimiser.step()
        updates += 1
    return 1000 * (time.monotonic() - start) / updates


def measure(setting: dict[str, str], seconds: float) -> float:
    """The same in a fresh process, since libgomp reads its environment when it is loaded."""
    bare = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_", "MKL_"))}
    command = [sys.executable, __file__, "--train", str(seconds)]
    return float(subprocess.run(command, env=bare | setting, capture_output=True, text=True, check=True).stdout)


@contextmanager
def other_work(processes: int) -> Iterator[None]:
    """Processes that each keep a core busy."""
    busy = [subprocess.Popen([sys.executable, "-c", COUNTING]) for _ in range(processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def main() -> None:
    """Prints a table for each amount of other work."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--busy", type=int, nargs="*", default=[0, 2], help="processes beside (default: 0, then 2)")
    parser.add_argument("--train", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        print(train(options.train))
        return
    for busy in options.busy:
        times: dict[str, list[float]] = {name: [] for name in SETTINGS}
        for _ in range(options.rounds):
            with other_work(busy):
                for name, setting in SETTINGS.items():
                    times[name].append(measure(setting, options.seconds))
        print(f"beside {busy} busy processes, {options.rounds} rounds, load {os.getloadavg()[0]:.1f}")
        for name, values in times.items():
            ratios = [value / one for value, one in zip(values, times["1 thread"], strict=True)]
            spread = f"{min(values):.1f} to {max(values):.1f}"
            print(f"  {name:14s} {statistics.median(values):8.1f} ms an update ({spread}), ", end="")
            print(f"{statistics.median(ratios):.2f} of one thread")


if __name__ == "__main__":
    main()
