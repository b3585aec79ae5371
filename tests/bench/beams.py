"""Search errors of the usual beams, beside an exact search: `python tests/bench/beams.py exp/an4/runs/dense`."""

from __future__ import annotations

import argparse
from pathlib import Path

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.network_scores import NetworkScores
from asr_prune.decode.options import DecodeOptions
from asr_prune.run_dir import RunDir
from asr_prune.score.tune import grid_errors
from asr_prune.workflow.experiment import experiment_of

WEIGHTS = (6, 10, 14)


def main() -> None:
    """Prints, by beam and LM weight, utterances that end on a costlier path, and word errors on test beside exact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=lambda text: RunDir(Path(text)))
    parser.add_argument("--recipe")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--beams", type=float, nargs="+", default=[10.0, 13.0, 15.0])
    parser.add_argument("--exact-beam", type=float, default=60.0)
    given = parser.parse_args()
    experiment = experiment_of(given.run, given.recipe, given.set)
    decoding, ask = experiment.decoding, experiment.recipe.score
    assert decoding.graph is not None
    scores = dict(NetworkScores(load_model(given.run.shrunk), decoding.stored("test")))
    refs = DataDir.read(decoding.set("test")).text
    exact = Decoder(decoding.graph, DecodeOptions(beam=given.exact_beam, max_active=10**7))
    least = {(utt, weight): exact.best(matrix, 1 / weight) for utt, matrix in scores.items() for weight in WEIGHTS}
    for beam in given.beams:
        usual = Decoder(decoding.graph, DecodeOptions(beam=beam))
        swept = {utt: usual.lattice(matrix).sweep([(w, 0.0) for w in WEIGHTS]) for utt, matrix in scores.items()}
        for i, weight in enumerate(WEIGHTS):
            lost = sum(row[i][1] + least[utt, weight].score > 1e-2 for utt, row in swept.items())
            grids: dict[tuple[float, float], dict[str, list[str]]] = {
                (weight, 0.0): {utt: [exact.words[word] for word in row[i][0]] for utt, row in swept.items()},
                (0, 0.0): {utt: least[utt, weight].words for utt in scores},
            }
            ours, best = (grid_errors(grids, refs, ask)[point] for point in grids)
            print(f"beam {beam:g}  LM weight {weight:2d}  {lost} of {len(scores)} on a costlier path  ", end="")
            print(f"{ours} word errors, exact search {best}")


if __name__ == "__main__":
    main()
