"""Initial weights of affine maps."""

from __future__ import annotations

import torch
from torch import nn

from asr_prune.acoustic.node_layer import by_rows


@torch.no_grad()
def initialise(layer: nn.Linear, activation: str) -> None:
    """He's normal initialisation before a ReLU, else Glorot's, times 4 before a sigmoid; biases 0.

    activation: follows the map; `none` before a softmax or a sum.
    """
    if layer.weight.numel() and activation == "relu":
        nn.init.kaiming_normal_(by_rows(layer.weight), nonlinearity="relu")
    elif layer.weight.numel():
        nn.init.xavier_normal_(by_rows(layer.weight), gain=4.0 if activation == "sigmoid" else 1.0)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
