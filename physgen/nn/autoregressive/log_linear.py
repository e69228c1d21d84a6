"""Density on the unit interval with a piecewise linear logarithm: normalised and sampled in closed form."""

import math

import torch
from torch import Tensor


def _log_sinhc(x: Tensor) -> Tensor:
    """``log(sinh(x) / x)``, accurate and differentiable for every finite x."""
    x = x.abs()
    small = x < 1e-2
    safe = torch.where(small, torch.ones_like(x), x)
    large = safe + torch.log(-torch.expm1(-2.0 * safe)) - torch.log(2.0 * safe)
    square = x * x
    return torch.where(small, square / 6.0 - square * square / 180.0, large)


def log_cell_masses(logits: Tensor) -> Tensor:
    r"""Unnormalised log-mass of every cell.

    With knots ``s_k = k / K`` and ``rho(s) = exp(linear interpolation of logits)``,
    ``log int_cell rho = (l_k + l_{k+1}) / 2 + log sinhc((l_{k+1} - l_k) / 2) - log K``.

    Shapes: ``(*, K + 1) -> (*, K)``.
    """
    left, right = logits[..., :-1], logits[..., 1:]
    return 0.5 * (left + right) + _log_sinhc(0.5 * (right - left)) - math.log(left.shape[-1])


def log_prob(logits: Tensor, s: Tensor) -> Tensor:
    """Log-density at ``s`` in [0, 1]. Shapes: ``(*, K + 1), (*) -> (*)``; evaluated in the precision of ``logits``."""
    cells = logits.shape[-1] - 1
    position = s * cells
    index = position.floor().clamp(0, cells - 1)
    offset = (position - index).to(logits.dtype)[..., None]
    index = index.long().clamp(0, cells - 1)[..., None]  # of NaN too
    left, right = logits.gather(-1, index), logits.gather(-1, index + 1)
    return torch.lerp(left, right, offset)[..., 0] - log_cell_masses(logits).logsumexp(-1)


def sample(logits: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Draw one value per row: ``(*, K + 1) -> (s, 1 - s)`` of shape ``(*)`` in float64.

    The cell is drawn by inverting the cumulative masses; inside it the truncated exponential is inverted from its
    heavier end, and both s and 1 - s are formed without cancellation.
    """
    logits = logits.double()
    cells = logits.shape[-1] - 1
    masses = log_cell_masses(logits).softmax(-1)
    shape, device = logits.shape[:-1], logits.device
    cumulative = masses.cumsum(-1)
    uniform = torch.rand(*shape, 1, dtype=torch.float64, device=device, generator=generator)
    index = torch.searchsorted(cumulative, uniform * cumulative[..., -1:], right=True)
    index = index.clamp_max(cells - 1)
    slope = (logits.gather(-1, index + 1) - logits.gather(-1, index))[..., 0]
    uniform = torch.rand(shape, dtype=torch.float64, device=device, generator=generator)
    steep = slope.abs().clamp_min(1e-9)
    # distance from the heavier end, in (0, 1): density proportional to exp(-steep * distance)
    near = torch.where(slope.abs() < 1e-9, uniform, -torch.log1p(uniform * torch.expm1(-steep)) / steep).clamp(0.0, 1.0)
    falling = slope <= 0
    low, high = torch.where(falling, near, 1.0 - near), torch.where(falling, 1.0 - near, near)
    index = index[..., 0]
    return (index + low) / cells, (cells - 1 - index + high) / cells
