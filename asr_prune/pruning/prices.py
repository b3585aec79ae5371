"""Budgets whose unit depends on more than the maps of a network."""

from __future__ import annotations

import io
import json
import logging
import struct
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from asr_prune.acoustic.architectures import from_shape
from asr_prune.acoustic.checkpoint import Model, write_model
from asr_prune.acoustic.network import Network, size_of
from asr_prune.files import atomic
from asr_prune.hmm.network_features import NetworkFeatures
from asr_prune.integrity import checked
from asr_prune.pruning.budget import PricedBudget
from asr_prune.pruning.costs import WEIGHT_BYTES, node_values
from asr_prune.pruning.layer_times import fitted_times, frame_seconds
from asr_prune.pruning.options import PruneOptions
from asr_prune.pruning.removal import shrink

log = logging.getLogger(__name__)

#: the fraction of a budget of time by which a network may miss it on the clock
MEASURED = 0.1

#: torch.save begins the bytes of each tensor at a multiple of this, after at least as many as
#: `_LEAST` in the field that it fills up
_ALIGNED, _LEAST = 64, 4


def priced(prune: PruneOptions, dense: Model, kept: Path) -> PruneOptions:
    """`prune` with a budget of bytes or of time priced for networks that are made from `dense`.

    kept: file of the prices of a run, which a resumed one reads again.
    """
    budget = prune.budget
    if budget is None or budget.kind not in _PRICES:
        return prune
    if not kept.is_file():
        prices = _PRICES[budget.kind](dense, budget.amount)
        with atomic(kept) as file:
            json.dump(prices, file)
    prices = json.loads(checked(kept).read_text(encoding="utf-8"))
    amount: dict[str, Any] = {budget.kind: getattr(budget, budget.kind)}
    return replace(prune, budget=PricedBudget(**amount, prices=tuple(prices)))


def _bytes(dense: Model, amount: float) -> list[float]:
    return [fixed_bytes(dense)]


def _milliseconds(dense: Model, amount: float) -> list[float]:
    """Of what is there whatever the nodes, of a row and of a weight; then those of `dense`."""
    rate = 1000 / _shift(dense)
    network = from_shape(dense.network.shape())
    fitted = fitted_times(network, dense.context, amount / rate)
    prices = [rate * seconds for seconds in (*fitted, *frame_seconds([network], dense.context))]
    log.info("  %.3g ms of this machine per second of audio with all nodes, %.3g without any", prices[-1], prices[0])
    return prices


_PRICES = {"bytes": _bytes, "ms_per_second": _milliseconds}


def _shift(model: Model) -> float:
    """Seconds from a frame to the next; 0.01 if the model does not say what it reads."""
    return NetworkFeatures.from_plain(model.features).frame_shift if model.features else 0.01


def measured_time(prune: PruneOptions, pruned: Model, dense: Network) -> dict[str, float]:
    """For train.json, with a budget of time: the milliseconds that the network takes per second of
    audio now, if the machine were as fast as when its layers were timed.
    """
    budget = prune.budget
    if not isinstance(budget, PricedBudget) or budget.kind != "ms_per_second":
        return {}
    small, _ = shrink(pruned.network)
    now, whole = frame_seconds([from_shape(small.shape()), from_shape(dense.shape())], pruned.context)
    measured = now / whole * budget.prices[-1]
    loose = budget.prices[-1] <= budget.amount and measured <= (1 + MEASURED) * budget.amount
    if loose:
        log.info("  budget %s: met by the dense network with %.3g; nothing had to go", budget, budget.prices[-1])
    elif not abs(measured - budget.amount) <= MEASURED * budget.amount:
        log.warning("  budget %s: the network takes %.3g ms per second of audio", budget, measured)
    return {"budget_measured": measured}


def fixed_bytes(model: Model) -> int:
    """The most bytes that a model's file has beside those of its parameters and of its table of
    kept nodes, which is empty here.
    """
    file = io.BytesIO()
    write_model(file, model)
    content = file.getvalue()
    with zipfile.ZipFile(file) as archive:
        records = [struct.unpack_from("<H", content, info.header_offset + 28)[0] for info in archive.infolist()]
    filled = sum(records)
    most = len(records) * (_LEAST + _ALIGNED - 1)
    values = sum(layer.size * node_values(layer) for layer in model.network.node_layers())
    return len(content) - filled + most - WEIGHT_BYTES * (size_of(model.network).params + values)
