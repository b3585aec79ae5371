"""Maps of a network that become two while it is trained."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping

import torch
from torch import optim

from asr_prune.acoustic.network import Network, rate_of
from asr_prune.acoustic.thin import factor_map
from asr_prune.pruning.budget import NOUNS, BudgetOptions
from asr_prune.pruning.low_rank import LowRank, MapCost, input_moments, low_rank, ranks_within, spectrum
from asr_prune.pruning.options import PruneOptions

log = logging.getLogger(__name__)


def cost_of(network: Network, budget: BudgetOptions) -> MapCost:
    """What each of the network's maps costs, in the unit of `budget`."""
    maps = network.maps

    def cost(number: int, rank: int | None) -> float:
        rows, columns = maps[number].out_features, maps[number].weight.shape[1:].numel()
        weights = rows * columns if rank is None else rank * (rows + columns)
        return weights + rows if budget.kind == "params" else weights * rate_of(maps[number])

    return cost


def factored_costs(dense: Network, budget: BudgetOptions, ranks: Mapping[str, int]) -> tuple[float, float]:
    """The most that maps factored from those of `dense` may cost, and what they cost at `ranks`."""
    cost, every = cost_of(dense, budget), range(len(dense.maps))
    whole, spent = sum(cost(i, None) for i in every), sum(cost(i, ranks.get(str(i))) for i in every)
    return min(whole, budget.limit(whole)), spent


def check_factored(prune: PruneOptions, network: Network) -> None:
    """Raises ValueError if not all maps of `network` can be factored, or not within the budget;
    the sentence says the least that can be had.
    """
    maps, budget = network.maps, prune.budget
    if len(maps) < len(network.affine):
        kind = network.shape()["type"]
        raise ValueError(
            f"{prune.method} factors feed_forward and tdnn networks, not {kind}; set network.type to one of these"
        )
    if budget is None:
        return
    if budget.kind not in ("params", "macs"):
        raise ValueError(f"{prune.method} takes a budget of params or macs, not of {budget.kind}")
    cost, every = cost_of(network, budget), range(len(maps))
    dense, least = (sum(cost(i, rank) for i in every) for rank in (None, 1))
    if least > (limit := budget.limit(dense)):
        noun, share = NOUNS[budget.kind], math.ceil(1e4 * least / dense) / 1e4
        raise ValueError(
            f"budget {budget} allows {limit:,.0f} of {dense:,.0f} {noun}, and maps of rank 1 have {least:,.0f};"
            f" raise the budget (to {share:g} of the dense network)"
        )


class Factoring:
    """Replaces maps of `network` by two, which also take their place in the optimiser.

    run_over: runs the network over all training frames.
    """

    def __init__(self, network: Network, optimiser: optim.Optimizer, run_over: Callable[[], object]) -> None:
        self.network, self.optimiser, self.run_over = network, optimiser, run_over

    def factor_output(self, rank: int | None, energy: float) -> None:
        """Factors the output layer, see `low_rank`, if two maps have fewer weights than the one."""
        output = self.network.output
        moments = input_moments([output], self.run_over)[0]
        found = low_rank(output.weight.detach().flatten(1), moments, rank, energy)
        if found is None:
            log.info("  output layer stays whole: of the rank asked, two maps have as many parameters as the one")
            return
        self._replace(len(self.network.maps) - 1, found)
        log.info("  output layer: rank %d, with %.4f of the variance of the logits", found.basis.shape[1], found.energy)

    def factor_all(self, budget: BudgetOptions) -> None:
        """Factors every map, so that the network costs at most `budget`, see `ranks_within`."""
        maps, cost = self.network.maps, cost_of(self.network, budget)
        moments = input_moments(maps, self.run_over)
        spectra = [spectrum(m.weight.detach().flatten(1), seen) for m, seen in zip(maps, moments, strict=True)]
        ranks = ranks_within(spectra, budget.limit(sum(cost(i, None) for i in range(len(maps)))), cost)
        thin = {i: spectra[i].at(rank) for i, rank in enumerate(ranks) if rank is not None}
        for number, found in thin.items():
            self._replace(number, found)
        words = "/".join("whole" if rank is None else str(rank) for rank in ranks)
        least = min((found.energy for found in thin.values()), default=1.0)
        log.info("  ranks %s, with %.4f or more of the variance of each map's outputs", words, least)

    def restore(self, ranks: Mapping[str, int]) -> None:
        """Two maps of these ranks with arbitrary weights, for a checkpoint. ranks: by number."""
        for number, rank in ranks.items():
            rows = self.network.maps[int(number)].out_features
            self._replace(int(number), LowRank(torch.zeros(rows, rank), torch.zeros(rows), 0.0))

    def _replace(self, number: int, found: LowRank) -> None:
        """The two maps take the place of the one in the optimiser too, without its state but for
        that of the bias.
        """
        first, state = self.network.maps[number], self.optimiser.state
        old, bias = first.weight, first.bias
        factor_map(self.network, number, found.basis.to(old), found.constant.to(old))
        second = self.network.factors(number)[1]
        replaced = {id(old): first.weight, id(bias): second.bias}
        for group in self.optimiser.param_groups:
            group["params"] = [replaced.get(id(p), p) for p in group["params"]]
            if any(p is first.weight for p in group["params"]):
                group["params"].append(second.weight)
        state.pop(old, None)
        if bias in state:
            state[second.bias] = state.pop(bias)
