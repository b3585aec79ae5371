"""Maps whose size is that of their weight, also once nodes have been removed from it."""

from __future__ import annotations

from torch import nn


class SizedByWeight(nn.Linear):
    """weight: [rows, ..., columns]."""

    @property
    def in_features(self) -> int:
        return self.weight.shape[-1]

    @in_features.setter
    def in_features(self, value: int) -> None:
        """The weight says how many there are."""

    @property
    def out_features(self) -> int:
        return self.weight.shape[0]

    @out_features.setter
    def out_features(self, value: int) -> None:
        """The weight says how many there are."""
