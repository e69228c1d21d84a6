"""Monotone maps of the unit interval onto itself, affine in the logit or a spline, both with closed inverses."""

from __future__ import annotations

import torch
from torch import Tensor

#: largest |ln density| of a spline's knots, before normalisation
STEEPEST = 8.0


def spline(u: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return v(u) and ln dv/du of v = int_0^u rho, rho linear between knots exp(values) and of integral 1.

    A quadratic spline, v'(u) = rho(u) > 0, for any values; these are bounded softly by 8.

    Source: Mueller et al., "Neural Importance Sampling", arXiv:1808.03856.

    Args:
        u: points of [0, 1], `(...)`.
        values: at K + 1 even knots, `(..., K + 1)`.
    """
    rho, mass = density(values)
    bins = mass.shape[-1]
    left = (u.detach() * bins).long().clamp(0, bins - 1).unsqueeze(-1)
    low, high = rho.gather(-1, left)[..., 0], rho.gather(-1, left + 1)[..., 0]
    within = u * bins - left[..., 0]
    below = (mass.cumsum(-1) - mass).gather(-1, left)[..., 0]
    v = below + (low + 0.5 * (high - low) * within) * within / bins
    return v.clamp(0, 1), torch.log(low + (high - low) * within)


def spline_inverse(v: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return u(v) and ln du/dv of the inverse of `spline`, a root of a quadratic equation."""
    rho, mass = density(values)
    bins = mass.shape[-1]
    total = mass.cumsum(-1)
    left = (total[..., :-1] <= v.unsqueeze(-1)).sum(-1, keepdim=True)
    low, high = rho.gather(-1, left)[..., 0], rho.gather(-1, left + 1)[..., 0]
    rest = (v - (total - mass).gather(-1, left)[..., 0]).clamp_min(0) * bins
    # rho there, at least that of the lower knot but for rounding
    slope = torch.maximum(low.square() + 2 * (high - low) * rest, torch.minimum(low, high).square()).sqrt()
    u = (left[..., 0] + 2 * rest / (low + slope)) / bins
    return u.clamp(0, 1), -slope.log()


def density(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return rho at the knots `(..., K + 1)` and the integrals of the K intervals."""
    bounded = STEEPEST * torch.tanh(values / STEEPEST)
    rho = torch.exp(bounded - bounded.amax(-1, keepdim=True))
    mass = 0.5 * (rho[..., 1:] + rho[..., :-1])
    total = mass.sum(-1, keepdim=True)
    return rho * mass.shape[-1] / total, mass / total


def affine(u: Tensor, shift: Tensor, log_gain: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return v and ln dv/du of logit v = e^g logit u + b."""
    u = inside(u)
    logit = torch.log(u) - torch.log1p(-u)
    moved = log_gain.exp() * logit + shift
    v = torch.sigmoid(moved)
    slope = log_gain + log_rise(moved) - log_rise(logit)
    return inside(v), slope


def affine_inverse(v: Tensor, shift: Tensor, log_gain: Tensor) -> tuple[Tensor, Tensor]:
    """Return u and ln du/dv of the inverse of `affine`."""
    return affine(v, -shift * torch.exp(-log_gain), -log_gain)


def log_rise(logit: Tensor) -> Tensor:
    """Return ln du/d logit = ln u(1 - u)."""
    return -torch.nn.functional.softplus(logit) - torch.nn.functional.softplus(-logit)


def inside(u: Tensor) -> Tensor:
    """Return u kept a rounding off the ends, where the logit is infinite."""
    eps = torch.finfo(u.dtype).eps
    return u.clamp(eps, 1 - eps)
