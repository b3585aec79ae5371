"""Steps towards matrices whose rows are orthogonal and of one length."""

from __future__ import annotations

import torch
from torch import Tensor

#: nu of the paper, with which convergence is quadratic
_SPEED = 0.125
#: above these ratios of the second moment of the eigenvalues to their squared mean, the step is
#: halved, as in Kaldi
_FAR = (1.02, 1.1)


@torch.no_grad()
def make_semi_orthogonal(weight: Tensor) -> None:
    """One step of M towards `M M' = scale^2 I`, in place; of its transpose if M has more rows than
    columns. Povey et al. 2018, sections 2.1 and 2.3: `M -= 4 nu / scale^2 (P - scale^2 I) M` with
    `P = M M'` and `scale^2 = tr(P P) / tr(P)`, nu as Kaldi's ConstrainOrthonormal (nnet3).

    weight: M, float [rows, ...]; rows and columns of zeros, which are removed nodes, stay and change
    nothing. Other weights that are 0, which masks hold there, stay as well.
    """
    matrix = weight.flatten(1)
    rows, columns = (matrix.count_nonzero(dim).nonzero().flatten() for dim in (1, 0))
    part = matrix[rows][:, columns]
    if part.numel():
        stepped = _step(part) if len(rows) <= len(columns) else _step(part.T).T
        matrix[rows[:, None], columns] = torch.where(part == 0, part, stepped)


def _step(matrix: Tensor) -> Tensor:
    """float [rows, columns], no more rows than columns."""
    product = matrix @ matrix.T
    trace, squares = product.trace(), product.square().sum()
    square = squares / trace
    ratio = squares * len(matrix) / trace**2
    speed = _SPEED * torch.where(ratio > _FAR[0], 0.5, 1.0) * torch.where(ratio > _FAR[1], 0.5, 1.0)
    product.diagonal().sub_(square)
    return torch.addmm(matrix, (-4 * speed / square) * product, matrix)
