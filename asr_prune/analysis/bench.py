"""How long decoding takes, network and search apart."""

from __future__ import annotations

import time

from asr_prune.acoustic.checkpoint import load_model
from asr_prune.decode.decoding import Decoding
from asr_prune.decode.lattice_set import lattice_set
from asr_prune.decode.network_scores import NetworkScores, placed_model, with_token_priors
from asr_prune.decode.options import grid
from asr_prune.decode.pace import audio_of
from asr_prune.errors import UserError
from asr_prune.process import torch_threads
from asr_prune.run_dir import RunDir


def bench_decode(run: RunDir, decoding: Decoding, part: str) -> list[str]:
    """Decodes a set with a run's shrunk network on one process and one thread; lines to print.

    Seconds are CPU time, so that other work on the machine counts for less; of a network on a GPU
    they are elapsed. Writes nothing. Raises UserError if the network is decoded greedily, or if the
    graph or the device of `decode.device` is missing.
    """
    if decoding.graph is None:
        raise UserError("decoding is greedy: there is no search to time; set decode.search to graph.")
    if not (decoding.graph / "HCLG.fst").is_file():
        raise UserError(f"{decoding.graph}/HCLG.fst is missing; run the graph stage, which makes it.")
    options, model = decoding.options, load_model(run.shrunk)
    model = placed_model(with_token_priors(decoding, model), options.device)
    on_cpu = model.network.shift.device.type == "cpu"
    feats = decoding.load(part)
    scores = NetworkScores(model, feats, time.process_time if on_cpu else time.perf_counter)
    audio = audio_of(feats, decoding.features.frame_shift, model.network.stride)
    points = grid(options)
    with torch_threads(1):
        decoded = lattice_set(decoding.graph, scores, options, points, audio=audio)
    speech = decoded.frames * decoding.features.frame_shift * model.network.stride
    beams = f"beam {options.beam:g}, lattice beam {options.lattice_beam:g}, LM weight {1 / options.acoustic_scale:g}"
    rows = [
        ("network", scores.seconds, "in batches over utterances" + ("" if on_cpu else ", on a GPU")),
        ("search", decoded.search_seconds, f"to lattices, {beams}"),
        ("sweep", decoded.sweep_seconds, f"{len(points)} LM weights and word penalties"),
    ]
    rows.append(("all", sum(seconds for _, seconds, _ in rows), "one process, one thread"))
    head = f"{run.path}, {part}: {decoded.utterances} utterances, {speech:.1f} s of speech"
    lines = (f"{name:8s} {seconds:8.2f} s  RTF {seconds / speech:.5f}  {what}" for name, seconds, what in rows)
    return [head, *lines]
