"""Inverse of a residual block by Newton's method."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


@torch.no_grad()
def residual_inverse(
    jacobian: Callable[[Tensor], tuple[Tensor, Tensor]],
    x: Tensor,
    iterations: int = 50,
    tolerance: float = 1e-10,
) -> tuple[Tensor, Tensor]:
    r"""Find y with y + D(y) = x by damped Newton steps from y = x, and where they fail along y + t D(y) = x, t to 1.

    Args:
        jacobian: y `(m, n, d)` -> D(y) `(m, n, d)` and dD/dy `(m, d n, d n)`, coordinate
            (a, i) at a n + i.
        x: targets `(batch, n, d)`.
        iterations: Newton steps at most, for every t.
        tolerance: residual, relative to 1 + |x|, at which a root is taken.

    Returns:
        y `(batch, n, d)`, and whether the residual came below the tolerance `(batch,)`.
    """
    y, found = newton(jacobian, x, x.clone(), 1.0, iterations, tolerance)
    if not bool(found.all()):
        rows = (~found).nonzero()[:, 0]
        path = x[rows]
        for t in torch.linspace(0.05, 1.0, 20).tolist():
            path, reached = newton(jacobian, x[rows], path, t, iterations, tolerance)
        y[rows], found[rows] = path, reached
    return y, found


def newton(
    jacobian: Callable[[Tensor], tuple[Tensor, Tensor]],
    x: Tensor,
    y: Tensor,
    t: float,
    iterations: int,
    tolerance: float,
) -> tuple[Tensor, Tensor]:
    """Return y with y + t D(y) = x from a first guess, and whether it was found."""
    y = y.clone()
    eye = torch.eye(x.shape[1:].numel(), dtype=x.dtype, device=x.device)
    scale = 1 + x.flatten(1).norm(dim=-1)
    shift, slope = jacobian(y)
    miss = x - y - t * shift
    size = miss.flatten(1).norm(dim=-1)
    for _ in range(iterations):
        rows = ((size > tolerance * scale) & size.isfinite()).nonzero()[:, 0]
        if not len(rows):
            break
        step, info = torch.linalg.solve_ex(eye + t * slope[rows], miss[rows].mT.flatten(1).unsqueeze(-1))
        step = (torch.nan_to_num(step[..., 0]) * (info == 0).unsqueeze(-1)).view(-1, *x.mT.shape[1:]).mT
        length = torch.ones(len(rows), 1, 1, dtype=x.dtype, device=x.device)
        for _ in range(10):
            trial = y[rows] + length * step
            shift, there = jacobian(trial)
            left = x[rows] - trial - t * shift
            worse = left.flatten(1).norm(dim=-1) >= size[rows]
            if not bool(worse.any()):
                break
            length = torch.where(worse[:, None, None], 0.5 * length, length)
        y[rows], miss[rows], size[rows] = trial, left, left.flatten(1).norm(dim=-1)
        slope = slope.index_copy(0, rows, there)
    # a last full step takes roots from the tolerance to rounding
    step, info = torch.linalg.solve_ex(eye + t * slope, miss.mT.flatten(1).unsqueeze(-1))
    trial = y + torch.nan_to_num(step[..., 0]).view_as(y.mT).mT
    left = (x - trial - t * jacobian(trial)[0]).flatten(1).norm(dim=-1)
    better = (info == 0) & (left < size)
    found = (torch.where(better, left, size) <= tolerance * scale) & scale.isfinite()
    return torch.where(better[:, None, None], trial, y), found
