"""Functions of a particle's distance to the centre, and of how many particles are nearer to it."""

from __future__ import annotations

import torch
from torch import Tensor


def ladder(square: Tensor, log_range: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Return exp(-2^k s / l^2), k < steps, stacked before the last axis, and the rates 2^k / l^2 `(steps,)`.

    Every step is the square of the one before: a single exponential.
    """
    rate = torch.exp(-log_range)
    values = [torch.exp(-rate * square)]
    for _ in range(steps - 1):
        values.append(values[-1].square())
    powers = 2.0 ** torch.arange(steps, dtype=square.dtype, device=square.device)
    return torch.stack(values, -2), rate * powers


def bumps(square: Tensor, count: int, reach: float) -> tuple[Tensor, Tensor]:
    r"""Return Gaussians of s = r^2, exp(-(s - s_k)^2 / (2 w^2)), and their derivatives by s, both `(*, count)`.

    Centres s_k lie on a grid from 0 to `reach`, which also is the width w; in the plane equal steps of s hold equal
    shares of a homogeneous droplet.

    Args:
        square: s `(*)`.
        count: number of functions, at least 2.
        reach: last centre.
    """
    centres = torch.linspace(0, reach, count, dtype=square.dtype, device=square.device)
    width = reach / (count - 1)
    off = (square.unsqueeze(-1) - centres) / width
    values = torch.exp(-0.5 * off.square())
    return values, -off / width * values


def soft_ranks(square: Tensor, widths: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return how many particles are nearer to the centre, softly, and the slopes of the steps.

    $$\rho_i = \frac{2}{n} \Big[ \sum_j \sigma \Big( \frac{s_i - s_j}{t} \Big) - \tfrac12 \Big] - 1$$

    Args:
        square: s `(batch, n)`.
        widths: t of every rank `(ranks,)`.

    Returns:
        the ranks `(batch, n, ranks)`, from -1 at the centre to 1 at the edge, and d rho_i / d (s_i - s_j)
        `(batch, n, ranks, n)`.
    """
    n = square.shape[-1]
    gap = (square.unsqueeze(-1) - square.unsqueeze(-2)).unsqueeze(2) / widths[:, None]
    step = torch.sigmoid(gap)
    return (step.sum(-1) - 0.5) * (2 / n) - 1, step * (1 - step) * (2 / n / widths[:, None])
