"""Magnitude attention in plain lists, written from the formulas."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from asr_prune.acoustic.feed_forward import FeedForward
from asr_prune.acoustic.optimiser import make_optimiser
from asr_prune.acoustic.train import Trainer
from asr_prune.pruning.methods.map.options import MapOptions

Matrix = list[list[float]]


def slow_schedule(final: float, t: int, switch: int) -> float:
    return final * (1 - (1 - t / switch) ** 3) if t < switch else final


def slow_attention(layers: list[Matrix], beta: float, scale: str) -> list[Matrix]:
    tops = [max(abs(w) for row in layer for w in row) for layer in layers]
    tops = [max(tops)] * len(tops) if scale == "global" else tops
    return [[[(abs(w) / top) ** beta for w in row] for row in x] for x, top in zip(layers, tops, strict=True)]


def slow_masks(layers: list[Matrix], sparsity: float, threshold: str) -> list[Matrix]:
    """1 for the top (1 - sparsity) by magnitude, of all layers together or of each."""
    pools = [[w for x in layers for row in x for w in row]] * len(layers)
    if threshold == "layer":
        pools = [[w for row in x for w in row] for x in layers]
    masks = []
    for x, pool in zip(layers, pools, strict=True):
        kept = round((1 - sparsity) * len(pool))
        least = sorted((abs(w) for w in pool), reverse=True)[kept - 1]
        masks.append([[float(abs(w) >= least) for w in row] for row in x])
    return masks


def slow_factors(masks: list[Matrix], att: list[Matrix], fade: float) -> tuple[list[Matrix], list[Matrix]]:
    """Of the forward pass, M + (1 - M) a (1 - t/T), and of the update, M + (1 - M) a."""
    pairs = [list(zip(m, a, strict=True)) for m, a in zip(masks, att, strict=True)]
    forward = [[[m + (1 - m) * a * fade for m, a in zip(*rows, strict=True)] for rows in layer] for layer in pairs]
    update = [[[m + (1 - m) * a for m, a in zip(*rows, strict=True)] for rows in layer] for layer in pairs]
    return forward, update


def slow_exploitation(masks: list[Matrix], att: list[Matrix]) -> list[Matrix]:
    """Of the update: attention over its mean among the layer's survivors, at most 2, and 0 for the rest."""
    found = []
    for m, a in zip(masks, att, strict=True):
        alive = [x for ms, xs in zip(m, a, strict=True) for keep, x in zip(ms, xs, strict=True) if keep]
        mean = sum(alive) / len(alive)
        found.append(
            [[k * min(2.0, x / mean) for k, x in zip(ks, xs, strict=True)] for ks, xs in zip(m, a, strict=True)]
        )
    return found


def slow_map(trainer: Trainer, asked: dict[str, Any]) -> FeedForward:
    """The whole training, weight by weight in plain lists."""
    network = FeedForward(trainer.network.affine[0].in_features, trainer.network.widths, 7).double()
    network.load_state_dict(trainer.network.state_dict())
    optimiser = make_optimiser(network, trainer.options, [])
    weights = [layer.weight for layer in network.affine]
    options = MapOptions(method="map", **asked).plan
    switch, first, t = round(options.switch * trainer.steps), round(options.start * trainer.steps), 0
    forward, update, masks = None, None, []
    for epoch in range(1, trainer.options.epochs + 1):
        order = torch.Generator().manual_seed(trainer.seed * 100003 + epoch)
        for inputs, labels in trainer.train_frames.batches(trainer.options.batch, order):
            for group in optimiser.param_groups:
                group["lr"] = trainer.schedule.rate(t)
            kept = [w.detach().clone() for w in weights]
            if forward:
                for w, factor in zip(weights, forward, strict=True):
                    w.data.mul_(torch.tensor(factor, dtype=torch.float64))
            loss = nn.functional.cross_entropy(network(inputs), labels)
            optimiser.zero_grad()
            loss.backward()
            for w, k in zip(weights, kept, strict=True):
                w.data.copy_(k)
            nn.utils.clip_grad_norm_(network.parameters(), trainer.options.clip)
            optimiser.step()
            if update:
                for w, k, factor in zip(weights, kept, update, strict=True):
                    w.data.copy_(k + torch.tensor(factor, dtype=torch.float64) * (w.data - k))
            t += 1
            if (t % asked["every"] == 0 and t >= first) or t == switch:
                layers = [w.tolist() for w in weights]
                att = slow_attention(layers, asked["beta"], asked["scale"])
                if t <= switch:
                    masks = slow_masks(
                        layers, slow_schedule(asked["sparsity"], t - first, switch - first), asked["threshold"]
                    )
                if t < switch:
                    forward, update = slow_factors(masks, att, 1 - (t - first) / (switch - first))
                else:
                    plain = options.exploitation == "plain"
                    forward, update = None, masks if plain else slow_exploitation(masks, att)
                if t == switch:
                    for w, mask in zip(weights, masks, strict=True):
                        w.data.mul_(torch.tensor(mask))
    return network
