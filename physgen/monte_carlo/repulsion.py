"""Repulsion of charges and its gradient, fast enough for millions of configurations on one core."""

from __future__ import annotations

import torch
from torch import Tensor

# Walkers handled at once, so that what a step touches stays in a core's cache.
CHUNK = 512


def repulsion_with_gradient(x: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return $U = \sum_{i<j} 1/r_{ij}$ and its gradient by the closed form $-\sum_j (x_i - x_j) / r_{ij}^3$.

    Particles are shifted cyclically against each other by 1 to n/2 places, so that each pair is met once; walkers are
    the innermost axis of all arrays.

    Args:
        x: configurations `(batch, n, dim)`.

    Returns:
        U `(batch,)` and its gradient `(batch, n, dim)`.
    """
    parts = [_chunk(part) for part in x.split(CHUNK)]
    return torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts])


def _chunk(x: Tensor) -> tuple[Tensor, Tensor]:
    n = x.shape[1]
    y = x.permute(1, 2, 0).contiguous()
    twice = torch.cat([y, y])
    value, gradient = torch.zeros_like(y[0, 0]), torch.zeros_like(y)
    for shift in range(1, n // 2 + 1):
        count = n // 2 if 2 * shift == n else n  # half a turn meets every pair twice
        difference = y[:count] - twice[shift : shift + count]
        inverse = difference.square().sum(1).rsqrt()
        value += inverse.sum(0)
        force = difference * (inverse * inverse * inverse)[:, None]
        gradient[:count] -= force
        wrapped = max(shift + count - n, 0)
        gradient[shift : shift + count - wrapped] += force[: count - wrapped]
        gradient[:wrapped] += force[count - wrapped :]
    return value, gradient.permute(2, 0, 1)
