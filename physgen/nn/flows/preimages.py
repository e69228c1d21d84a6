"""All preimages of a point under a map that may fold, by Newton's method from several starts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


@torch.no_grad()
def preimages(
    jacobian: Callable[[Tensor], tuple[Tensor, Tensor]],
    x: Tensor,
    starts: Tensor,
    iterations: int = 60,
    tolerance: float = 1e-9,
    value_of: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Find z with f(z) = x by damped Newton steps z <- z + a J^-1 (x - f(z)), a halved until the residual falls.

    Args:
        jacobian: z `(m, D)` -> f(z) `(m, D)` and the transposed Jacobian `(m, D, D)`.
        x: targets `(batch, D)`.
        starts: first guesses `(K, D)`, the same for every target.
        iterations: Newton steps at most.
        tolerance: residual, relative to 1 + |x|, at which a root is taken.
        value_of: z `(m, D)` -> f(z) `(m, D)` alone, if that costs less.

    Returns:
        z `(batch, K, D)`, and whether each is a root that no earlier start of the same target found `(batch, K)`.
    """
    count, size = len(starts), x.shape[-1]
    target = x.repeat_interleave(count, 0)
    z = starts.to(x).repeat(len(x), 1)
    scale = 1 + target.norm(dim=-1)
    value, transposed = jacobian(z)
    residual = (target - value).norm(dim=-1)
    for _ in range(iterations):
        active = (residual > tolerance * scale) & residual.isfinite()
        if not bool(active.any()):
            break
        where = active.nonzero()[:, 0]
        step, info = torch.linalg.solve_ex(transposed[where].mT, (target - value)[where].unsqueeze(-1))
        step = torch.nan_to_num(step[..., 0]) * (info == 0).unsqueeze(-1)
        # a step far beyond the latent cloud comes from a nearly singular Jacobian and only loses the start
        step = step * torch.clamp(size**0.5 / step.norm(dim=-1, keepdim=True).clamp_min(1e-300), max=1.0)
        length = torch.ones_like(residual[where]).unsqueeze(-1)
        for _ in range(12):
            trial = z[where] + length * step
            there = jacobian(trial)[0] if value_of is None else value_of(trial)
            worse = (target[where] - there).norm(dim=-1) >= residual[where]
            if not bool(worse.any()):
                break
            length = torch.where(worse.unsqueeze(-1), 0.5 * length, length)
        z[where] = trial
        value[where], moved = jacobian(trial)
        transposed = transposed.clone()
        transposed[where] = moved
        residual = (target - value).norm(dim=-1)
    # a last full step takes roots from the tolerance to rounding
    step, info = torch.linalg.solve_ex(transposed.mT, (target - value).unsqueeze(-1))
    trial = z + torch.nan_to_num(step[..., 0])
    there = (target - jacobian(trial)[0]).norm(dim=-1)
    better = (info == 0) & (there < residual)
    z, residual = torch.where(better.unsqueeze(-1), trial, z), torch.where(better, there, residual)
    found = ((residual <= tolerance * scale) & scale.isfinite()).view(len(x), count)
    z = z.view(len(x), count, size)
    # at a fold a residual of e leaves sqrt(e) in z
    distance = torch.cdist(z, z, compute_mode="donot_use_mm_for_euclid_dist")
    apart = distance > tolerance**0.5 * (1 + z.norm(dim=-1, keepdim=True))
    repeated = torch.tril(~apart & found.unsqueeze(1), diagonal=-1).any(-1)
    return z, found & ~repeated
