"""Maps of a network that become two while it is trained."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import torch
from torch import optim

from asr_prune.acoustic.network import Network, size_of
from asr_prune.acoustic.thin import factor_map
from asr_prune.errors import UserError
from asr_prune.pruning.low_rank import LowRank, input_moments, least_params, low_rank, ranks_within, spectrum

log = logging.getLogger(__name__)


class Factoring:
    """Replaces maps of `network` by two, which also take their place in the optimiser.

    run_over: runs the network over all training frames.
    """

    def __init__(self, network: Network, optimiser: optim.Optimizer, run_over: Callable[[], object]) -> None:
        self.network, self.optimiser, self.run_over = network, optimiser, run_over

    def check(self, share: float) -> None:
        """Raises UserError if not all maps can be factored, or if the fraction `share` of the
        parameters cannot be had.
        """
        maps, params = self.network.maps, size_of(self.network).params
        if len(maps) < len(self.network.affine):
            kind = self.network.shape()["type"]
            raise UserError(f"svd factors feed_forward and tdnn networks, not {kind}; set network.type.")
        least = least_params([(m.out_features, m.weight[0].numel()) for m in maps])
        if round(share * params) < least:
            raise UserError(
                f"prune.params {share} asks for {round(share * params)} of {params} parameters, and maps of rank 1 "
                f"have {least}; set prune.params to at least {least / params:.4f}."
            )

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

    def factor_all(self, share: float) -> None:
        """Factors every map, so that the network has at most the fraction `share` of its
        parameters, see `ranks_within`.
        """
        maps = self.network.maps
        moments = input_moments(maps, self.run_over)
        spectra = [spectrum(m.weight.detach().flatten(1), seen) for m, seen in zip(maps, moments, strict=True)]
        ranks = ranks_within(spectra, round(share * size_of(self.network).params))
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
