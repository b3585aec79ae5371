"""Budgets whose unit depends on more than the maps of a network."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from asr_prune.acoustic.checkpoint import Model, write_model
from asr_prune.acoustic.network import Network, size_of
from asr_prune.pruning.budget import PricedBudget
from asr_prune.pruning.costs import WEIGHT_BYTES
from asr_prune.pruning.options import PruneOptions

#: torch.save begins the bytes of each tensor at a multiple of this, after at least as many as
#: `_LEAST` in the field that it fills up
_ALIGNED, _LEAST = 64, 4


def priced(
    prune: PruneOptions,
    dense: Network,
    context: tuple[int, int],
    features: Mapping[str, Any],
    tokens: Sequence[str],
) -> PruneOptions:
    """`prune` with a budget of bytes priced for networks that are made from `dense`. context,
    features, tokens: as in `Model`.
    """
    budget = prune.budget
    if budget is None or budget.kind != "bytes":
        return prune
    priors = torch.zeros(dense.outputs)
    model = Model(dense, priors, context, [[] for _ in dense.widths], dict(features), list(tokens))
    return replace(prune, budget=PricedBudget(bytes=budget.bytes, fixed=fixed_bytes(model)))


def fixed_bytes(model: Model) -> int:
    """The most bytes that a model's file has beside those of its parameters and of its table of kept
    nodes, which is empty here.
    """
    file = io.BytesIO()
    write_model(file, model)
    content = file.getvalue()
    with zipfile.ZipFile(file) as archive:
        records = [struct.unpack_from("<H", content, info.header_offset + 28)[0] for info in archive.infolist()]
    filled = sum(records)
    most = len(records) * (_LEAST + _ALIGNED - 1)
    return len(content) - filled + most - WEIGHT_BYTES * size_of(model.network).params
