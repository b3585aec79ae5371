"""Search errors of the usual beams, beside an exact search: `python tests/bench/beams.py --recipe recipes/an4 RUN`."""

from __future__ import annotations

import argparse

from asr_prune.stages.decoding import Forward
from asr_prune.stages.feats import network_features
from asr_prune.workflow.context import Context

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.corpus.datadir import DataDir
from asr_prune.decode.decoder import Decoder
from asr_prune.decode.options import DecodeOptions
from asr_prune.recipe.load import load_recipe
from asr_prune.score.tune import grid_errors

WEIGHTS = (6, 10, 14)


def main() -> None:
    """Prints, by beam and LM weight, utterances that end on a costlier path, and word errors on test beside exact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--recipe", required=True)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--beams", type=float, nargs="+", default=[10.0, 13.0, 15.0])
    parser.add_argument("--exact-beam", type=float, default=60.0)
    given = parser.parse_args()
    context = Context(load_recipe(given.recipe, given.set), 1)
    test = context.data / "test"
    model = load_model(context.exp / "runs" / given.run / "shrunk/network.pt")
    scores = dict(Forward(model, network_features(context).load(test, context.align)))
    refs, ask = DataDir.read(test).text, context.recipe.score
    exact = Decoder(context.graph, DecodeOptions(beam=given.exact_beam, max_active=10**7))
    least = {(utt, weight): exact.best(matrix, 1 / weight) for utt, matrix in scores.items() for weight in WEIGHTS}
    for beam in given.beams:
        usual = Decoder(context.graph, DecodeOptions(beam=beam))
        swept = {utt: usual.lattice(matrix).sweep([(w, 0.0) for w in WEIGHTS]) for utt, matrix in scores.items()}
        for i, weight in enumerate(WEIGHTS):
            lost = sum(row[i][1] + least[utt, weight].score > 1e-2 for utt, row in swept.items())
            grids = {
                (weight, 0.0): {utt: [exact.words[word] for word in row[i][0]] for utt, row in swept.items()},
                (0, 0.0): {utt: least[utt, weight].words for utt in scores},
            }
            ours, best = (grid_errors(grids, refs, ask)[point] for point in grids)
            print(f"beam {beam:g}  LM weight {weight:2d}  {lost} of {len(scores)} on a costlier path  ", end="")
            print(f"{ours} word errors, exact search {best}")


if __name__ == "__main__":
    main()
