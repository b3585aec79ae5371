"""How long decoding takes, network and search apart."""

from __future__ import annotations

import time
from pathlib import Path

from asr_prune.errors import UserError
from asr_prune.stages.ctc import with_priors
from asr_prune.stages.decoding import Forward
from asr_prune.stages.feats import network_features
from asr_prune.workflow.context import Context


def bench_decode(context: Context, run: Path, part: str) -> list[str]:
    """Decodes a set with a run's shrunk network on one process and one thread, writes nothing; lines to print.

    Seconds are of the processor, so that other work on the machine counts for less. Raises Missing for a network or
    graph that is not there, UserError where decoding is greedy.
    """
    import torch

    from asr_prune.acoustic.checkpoint import load_model
    from asr_prune.decode.lattice_set import grid, lattice_set

    if context.recipe.decode.search == "greedy":
        raise UserError("decoding is greedy: there is no search to time; set decode.search to graph.")
    context.need({run / "shrunk/network.pt": "shrink", context.graph / "HCLG.fst": "graph"})
    torch.set_num_threads(1)
    options, source = context.recipe.decode, network_features(context)
    model = with_priors(context, load_model(run / "shrunk/network.pt"))
    feats = source.load(context.data / part, context.align)
    network = Forward(model, feats, time.process_time)
    points = grid(options)
    decoded = lattice_set(context.graph, network, options, points)
    speech = decoded.frames * source.frame_shift * model.network.stride
    beams = f"beam {options.beam:g}, lattice beam {options.lattice_beam:g}, LM weight {1 / options.acoustic_scale:g}"
    rows = [
        ("network", network.seconds, "in batches over utterances"),
        ("search", decoded.search_seconds, f"to lattices, {beams}"),
        ("sweep", decoded.sweep_seconds, f"{len(points)} LM weights and word penalties"),
    ]
    rows.append(("all", sum(seconds for _, seconds, _ in rows), "one process, one thread"))
    head = f"{run}, {part}: {decoded.utterances} utterances, {speech:.1f} s of speech"
    return [head, *(f"{name:8s} {seconds:8.2f} s  RTF {seconds / speech:.5f}  {told}" for name, seconds, told in rows)]
