"""The networks of a run: the dense one of the recipe, and the one that is trained."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from asr_prune.acoustic.architectures import make
from asr_prune.acoustic.examples import Examples
from asr_prune.acoustic.network import Network
from asr_prune.acoustic.options import NetworkOptions
from asr_prune.acoustic.thin import select_inputs
from asr_prune.errors import UserError
from asr_prune.pruning.factoring import check_factored, factored_costs
from asr_prune.pruning.nodes import Nodes, request_of
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.requests import UNUSED

log = logging.getLogger(__name__)


def trained_network(
    options: NetworkOptions, prune: PruneOptions, dense: Network, frames: Examples, seed: int, runs: Path
) -> Network:
    """The network to train, by a run in folder `runs` whose dense network is `dense`."""
    widths = _widths(prune, dense, runs)
    if options.model and list(widths) != dense.widths:
        raise UserError(
            f"prune.method {prune.method} trains a smaller network from the start, and an imported model has no "
            "weights of other widths; take another method."
        )
    network = build(replace(options, hidden=widths), frames, dense.outputs, seed)
    if (columns := prune.columns(runs)) is not None:
        select_inputs(network, torch.tensor(columns, device=frames.device))
    rates = zip(network.dropouts, widths, dense.widths, strict=True)
    network.dropouts = [rate * (a / b) for rate, a, b in rates]
    return network


def _widths(prune: PruneOptions, dense: Network, runs: Path) -> tuple[int, ...]:
    """Raises UserError if the network cannot be made small enough for `prune.budget`."""
    check_budget(prune, dense)
    if prune.budget is not None and prune.SMALL:
        return tuple(Nodes(dense.node_layers(), prune).even())
    return prune.widths(dense.widths, runs)


def build(options: NetworkOptions, frames: Examples, outputs: int, seed: int) -> Network:
    """A fresh network for `frames`, initialised from `seed`."""
    torch.manual_seed(seed)
    network = make(options, frames.inputs, outputs)
    network.to(frames.device)
    network.set_normalisation(*frames.moments())
    return network


def unmade(options: NetworkOptions, dim: int, outputs: int) -> Network:
    """A network without weights, for features of `dim` values before splicing."""
    with torch.device("meta"):
        return make(options, dim * (options.left_context + 1 + options.right_context), outputs)


def budget_figures(
    prune: PruneOptions, dense: Network, kept: Sequence[int], ranks: Mapping[str, int]
) -> dict[str, float]:
    """For train.json: the most that the network may cost, and what it costs with `kept` nodes in
    its layers and maps of `ranks`, see `Network.ranks`. Warns of a method that missed the budget.
    """
    if prune.budget is None:
        return {}
    if prune.FACTORS:
        limit, spent = factored_costs(dense, prune.budget, ranks)
    else:
        request = request_of(dense.node_layers(), prune)
        limit, spent = request.limit, request.spent(kept)
    if not (1 - UNUSED) * limit <= spent <= (1 + UNUSED) * limit:
        log.warning("  budget %s: the network costs %.4g where %.4g was allowed", prune.budget, spent, limit)
    return {"budget_limit": limit, "budget_spent": spent}


def check_budget(prune: PruneOptions, network: Network, where: str = "prune") -> None:
    """Raises UserError, with the least that can be had, if `network` cannot be made small enough
    for `prune.budget`.
    """
    try:
        if prune.FACTORS:
            check_factored(prune, network)
        else:
            request_of(network.node_layers(), prune).check()
    except ValueError as error:
        raise UserError(f"{where}: {error}.") from None
