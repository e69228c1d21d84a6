"""Annealed importance sampling: weights along a path of densities."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


@torch.no_grad()
def annealed_importance(
    log_density: Callable[[Tensor, float], Tensor],
    move: Callable[[Tensor, float], Tensor],
    x: Tensor,
    temperatures: Tensor,
) -> tuple[Tensor, Tensor]:
    r"""Carry draws of the first density of a path to the last one; return them and their log weights.

    $$\ln w = \sum_k \ln f_{t_{k+1}}(x_k) - \ln f_{t_k}(x_k), \qquad x_{k+1} \sim T_{t_{k+1}}(\cdot | x_k), \qquad
      \langle w \rangle = Z_{last} / Z_{first}$$

    The mean is right for any number of steps, its logarithm too low on average; the same path from draws of the last
    density back to the first gives Z_first/Z_last, and so a bound from above. Both together are what `bridge` takes.

    Source: R. M. Neal, "Annealed Importance Sampling", arXiv:physics/9803008.

    Args:
        log_density: ln f_t(x) `(batch,)`, not normalised, of `x` `(batch, ...)` and t.
        move: a step of a Markov chain that leaves f_t invariant.
        x: draws of the first density.
        temperatures: t of all densities, the first and the last included, `(K + 1,)`.

    Returns:
        configurations after the last move, and ln w `(batch,)`, float64.
    """
    log_weight = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    values = temperatures.tolist()
    for before, after in zip(values[:-1], values[1:], strict=True):
        log_weight += (log_density(x, after) - log_density(x, before)).double()
        x = move(x, after)
    return x, log_weight
