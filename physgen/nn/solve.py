"""Linear systems whose singular members are not finite, rather than an error for all."""

from __future__ import annotations

import torch
from torch import Tensor


def solve(matrix: Tensor, right: Tensor, left: bool = True) -> Tensor:
    """Return X with `matrix` X = `right`, or X `matrix` = `right` unless `left`; NaN where a matrix is singular.

    Args:
        matrix: square matrices `(*, m, m)`.
        right: `(*, m, k)`, or `(*, k, m)` unless `left`.
        left: side that the matrix stands on.
    """
    found, info = torch.linalg.solve_ex(matrix, right, left=left)
    return torch.where((info == 0)[..., None, None], found, torch.nan)
