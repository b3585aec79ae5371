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
    factors = nn.functional.dropout(outputs.new_ones(total, *outputs.shape[1:]), rate)
    return outputs * factors[before : before + len(outputs)]
