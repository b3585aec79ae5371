"""Forward pass of a run's shrunk network over its dense shape: `python tests/bench/forward.py exp/an4/runs/RUN`."""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path

import torch

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.acoustic.network import Network, size_of


@torch.no_grad()
def seconds(network: Network, frames: torch.Tensor) -> float:
    """Of one pass over `frames`."""
    start = time.perf_counter()
    network(frames)
    return time.perf_counter() - start


def main() -> None:
    """Prints the ratio of times, pair by pair, and of multiply-adds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--frames", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    dense, small = (load_model(options.run / part / "network.pt").network for part in ("model", "shrunk"))
    frames = torch.randn(options.frames, len(dense.shift))
    pairs = [(seconds(small, frames), seconds(dense, frames)) for _ in range(options.rounds)][5:]
    ratio = statistics.median(a / b for a, b in pairs)
    macs = size_of(small).macs / size_of(dense).macs
    print(f"{options.run.name}: shrunk over dense, time {ratio:.3f} (median of pairs), multiply-adds {macs:.3f}")


if __name__ == "__main__":
    main()
