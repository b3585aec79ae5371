"""The lattice search beside kaldi-decoder's LatticeSimpleDecoder: `python tests/bench/search.py exp/an4/runs/dense`.

Prints CPU seconds of both over the test set, the arcs that one has and the other has not, utterances whose words
differ, and the memory that the search took beside the graph.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from kaldi_decoder import DecodableCtc, LatticeSimpleDecoder, LatticeSimpleDecoderConfig

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.decode.arrays import FstArrays
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.lattice import Lattice
from asr_prune.decode.network_scores import NetworkScores
from asr_prune.lang.fst import Fst, read_fst
from asr_prune.run_dir import RunDir
from asr_prune.workflow.experiment import experiment_of


class Simple:
    """kaldi-decoder's lattice search, which has no max_active."""

    def __init__(self, decoder: Decoder) -> None:
        self.options = decoder.options
        arrays = FstArrays.of(read_fst(decoder.graph / "HCLG.fst", "graph"))
        pdfs = np.loadtxt(str(decoder.graph / "pdfs.txt"), np.int32)
        ids = arrays.arcs["ilabel"]
        arrays.arcs["ilabel"] = np.where(ids > 0, pdfs[ids] + 1, 0)
        self.fst: Fst = arrays.fst()

    def lattice(self, loglikes: np.ndarray) -> Lattice:
        options = self.options
        config = LatticeSimpleDecoderConfig(beam=options.beam, lattice_beam=options.lattice_beam, prune_interval=100)
        search = LatticeSimpleDecoder(self.fst, config)
        search.decode(DecodableCtc(loglikes * np.float32(options.acoustic_scale)))
        arrays = FstArrays.of(search.get_raw_lattice()[1])
        arrays.arcs["weight"] *= np.array([1, 1 / options.acoustic_scale], np.float32)
        arrays.finals *= np.array([1, 1 / options.acoustic_scale], np.float32)
        return Lattice(arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=lambda text: RunDir(Path(text)))
    parser.add_argument("--recipe")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--beam", type=float, default=13.0)
    parser.add_argument("--max-active", type=int, default=7000)
    given = parser.parse_args()
    decoding = experiment_of(given.run, given.recipe, given.set).decoding
    assert decoding.graph is not None
    scores = dict(NetworkScores(load_model(given.run.shrunk), decoding.stored("test")))
    before = _peak()
    decoder = Decoder(decoding.graph, replace(decoding.options, beam=given.beam, max_active=given.max_active))
    decoder.lattice(next(iter(scores.values()))[:20])
    ready = _peak()
    points = [(weight, 0.0) for weight in decoding.options.lm_weights]
    ours, seconds = _timed(decoder, scores)
    memory = f"graph {ready - before:.0f} MiB, {_peak() - ready:.0f} MiB more over {len(scores)} utterances"
    print(f"search: {seconds:.2f} s CPU, {memory}")
    theirs, seconds = _timed(Simple(decoder), scores)
    print(f"LatticeSimpleDecoder: {seconds:.2f} s CPU")
    words = sum(_words(ours[utt], points) != _words(theirs[utt], points) for utt in scores)
    arcs = [(len(ours[utt].arrays.arcs), len(theirs[utt].arrays.arcs)) for utt in scores]
    same = sum(left == right for left, right in arcs)
    print(f"arcs: {sum(left for left, _ in arcs)} and {sum(right for _, right in arcs)}, as many in {same} utterances")
    print(f"words differ in {words} of {len(scores)} utterances at {len(points)} LM weights")


def _timed(search: Decoder | Simple, scores: dict[str, np.ndarray]) -> tuple[dict[str, Lattice], float]:
    start = time.process_time()
    lattices = {utt: search.lattice(matrix) for utt, matrix in scores.items()}
    return lattices, time.process_time() - start


def _words(lattice: Lattice, points: Sequence[tuple[float, float]]) -> list[list[int]]:
    return [words for words, _ in lattice.sweep(points)]


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
