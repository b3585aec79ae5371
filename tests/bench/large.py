"""The search in a large graph: `python tests/bench/large.py exp/demo_large/runs/dense --beams 8 13 15`.

Prints for each beam the real-time factor of the search, its word errors, the oracle's (of the best path in the
lattices), arcs a frame, and peak memory at a third, two thirds and the end of the set.
"""

from __future__ import annotations

import argparse
import resource
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.acyclic import levels
from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.lattice import Lattice
from asr_prune.decode.network_scores import NetworkScores
from asr_prune.run_dir import RunDir
from asr_prune.score.align import distance
from asr_prune.workflow.experiment import experiment_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=lambda text: RunDir(Path(text)))
    parser.add_argument("--recipe")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--beams", type=float, nargs="+", default=[8.0, 13.0, 15.0])
    parser.add_argument("--max-active", type=int, default=7000)
    parser.add_argument("--lm-weight", type=float, default=10.0)
    given = parser.parse_args()
    decoding = experiment_of(given.run, given.recipe, given.set).decoding
    assert decoding.graph is not None
    scores = dict(NetworkScores(load_model(given.run.shrunk), decoding.stored("test")))
    refs = DataDir.read(decoding.set("test")).text
    options = replace(decoding.options, max_active=given.max_active)
    decoder = Decoder(decoding.graph, options)
    print(f"{len(scores)} utterances, memory {_peak():.0f} MiB with the graph")
    for beam in given.beams:
        decoder.options = replace(options, beam=beam)
        print(f"beam {beam:4g}  {_figures(decoder, scores, refs, given.lm_weight)}", flush=True)


def _figures(decoder: Decoder, scores: dict[str, np.ndarray], refs: dict[str, list[str]], weight: float) -> str:
    seconds, wrong, oracle, words, arcs, frames, peaks = 0.0, 0, 0, 0, 0, 0, []
    ids = {word: number for number, word in decoder.words.items()}
    for number, (utt, matrix) in enumerate(scores.items(), 1):
        start = time.process_time()
        lattice = decoder.lattice(matrix)
        seconds += time.process_time() - start
        found = [decoder.words[i] for i in lattice.sweep([(weight, 0.0)])[0][0]]
        wrong += distance([refs[utt]], [found])
        oracle += least_errors(lattice, [ids[word] for word in refs[utt]])
        words, frames, arcs = words + len(refs[utt]), frames + len(matrix), arcs + len(lattice.arrays.arcs)
        if number % -(-len(scores) // 3) == 0 or number == len(scores):
            peaks.append(f"{_peak():.0f}")
    errors = f"WER {100 * wrong / words:.2f}, oracle {100 * oracle / words:.2f}"
    return f"RTF {100 * seconds / frames:.3f}, {errors}, {arcs / frames:.0f} arcs a frame, peak {'/'.join(peaks)} MiB"


def least_errors(lattice: Lattice, words: list[int]) -> int:
    """Word errors of the path of the lattice that has the fewest (Kaldi: lattice-oracle)."""
    arrays = lattice.arrays
    order, firsts = _order(arrays), np.append(np.cumsum(arrays.counts) - arrays.counts, len(arrays.arcs))
    best = np.full((len(arrays.counts), len(words) + 1), 10**6)
    if arrays.start < 0:
        return len(words)
    best[arrays.start, 0] = 0
    other, place = np.array(words), np.arange(len(words) + 1)
    for state in order:
        best[state] = np.minimum.accumulate(best[state] - place) + place  # deletions
        for arc in arrays.arcs[firsts[state] : firsts[state + 1]]:
            row = best[state].copy()
            if word := arc["olabel"]:
                row += 1  # inserted
                row[1:] = np.minimum(row[1:], best[state, :-1] + (other != word))
            np.minimum(best[arc["nextstate"]], row, out=best[arc["nextstate"]])
    return int(best[np.isfinite(arrays.finals).all(1), -1].min())


def _order(arrays: FstArrays) -> list[int]:
    """States so that arcs lead forwards."""
    order = levels(arrays.sources, arrays.arcs["nextstate"], len(arrays.counts))
    return np.argsort(order, kind="stable").tolist()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
