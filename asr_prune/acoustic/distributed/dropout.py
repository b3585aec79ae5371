"""Dropout that does not depend on how many processes a batch is divided among."""

from __future__ import annotations

from torch import Tensor, nn

from asr_prune.acoustic.distributed.processes import is_alone, place_of


def dropout(outputs: Tensor, rate: float) -> Tensor:
    """`outputs`, [rows, nodes], with dropout. Each process draws what one alone would draw for the
    whole batch, and takes its rows.
    """
    if is_alone():
        return nn.functional.dropout(outputs, rate)
    before, total = place_of(len(outputs))
    whole, own = (total, *outputs.shape[1:]), slice(before, before + len(outputs))
    if outputs.is_cuda:  # where the function draws otherwise than bernoulli_
        return outputs * nn.functional.dropout(outputs.new_ones(whole), rate)[own]
    return outputs * outputs.new_empty(whole).bernoulli_(1 - rate)[own].div_(1 - rate)
