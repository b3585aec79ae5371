"""What the shrink stage makes: the physically smaller network of a run."""

from __future__ import annotations

import json
import logging
from copy import deepcopy
from dataclasses import asdict, replace

from asr_prune.acoustic.checkpoint import load_model, save_model
from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.network import size_of
from asr_prune.acoustic.thin import multiply_maps
from asr_prune.files import atomic_dir
from asr_prune.pruning.removal import shrink
from asr_prune.run_dir import RunDir

log = logging.getLogger(__name__)


def shrink_run(run: RunDir) -> None:
    """Writes the shrunk network, which computes what the masked one computes, and its size."""
    dense = load_model(run.network)
    network, kept = shrink(dense.network)
    with atomic_dir(run.shrunk.parent) as partial:
        save_model(partial / run.shrunk.name, replace(dense, network=network, kept=kept))
        size = asdict(size_of(network))
        (partial / run.size.name).write_text(json.dumps(size, indent=1))
    whole = deepcopy(dense.network)
    multiply_maps(whole)
    before = size_of(whole)
    nodes, counts = "/".join(map(str, size["nodes"])), (size["params"], before.params)
    log.info("  %s of %d nodes, %d of %d parameters", nodes, sum(before.nodes), *counts)
    if isinstance(network, FeedForward) and 0 in network.widths:
        empty = network.widths.index(0) + 1
        log.warning("hidden layer %d has no node left, and the network says the same of every frame; keep more", empty)
