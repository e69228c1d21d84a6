"""Bijective activations that commute with permutations of particles, or with all rotations and reflections."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.core.errors import check_integer


class ElementwiseActivation(nn.Module):
    r"""Sinh-arcsinh transformation of every coordinate, alike for all particles: it commutes with permutations.

    y = sinh(delta asinh(x) + epsilon),   dy/dx = delta cosh(delta asinh(x) + epsilon) / sqrt(1 + x^2),   delta > 0

    A bijection of the line with a closed inverse; delta below 1 makes light tails, epsilon skews.

    Source: Jones and Pewsey, "Sinh-arcsinh distributions", doi:10.1093/biomet/asp053.

    Args:
        dim: coordinates of a particle; each has its own delta and epsilon.

    Raises:
        InputError: `dim` is not an integer of at least 1.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        check_integer("dim", dim, 1)
        self.log_delta = nn.Parameter(torch.zeros(dim))
        self.epsilon = nn.Parameter(torch.zeros(dim))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y `(batch, n, dim)` of x and ln |det dy/dx| `(batch,)`."""
        inner = self.log_delta.exp() * torch.asinh(x) + self.epsilon
        slope = self.log_delta + log_cosh(inner) - 0.5 * torch.log1p(x.square())
        return torch.sinh(inner), slope.sum((-1, -2))

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return x `(batch, n, dim)` of y and ln |det dy/dx| `(batch,)` there."""
        inner = torch.asinh(y)
        x = torch.sinh((inner - self.epsilon) * torch.exp(-self.log_delta))
        slope = self.log_delta + 0.5 * torch.log1p(y.square()) - 0.5 * torch.log1p(x.square())
        return x, slope.sum((-1, -2))


class RadialActivation(nn.Module):
    r"""Stretch of every particle along its radius: it commutes with rotations, reflections and permutations.

    y = x f(r)/r,  f(r) = s sinh(delta asinh(r / s)),  ln |det dy/dx| = ln f'(r) + (d - 1) ln(f(r)/r),  delta, s > 0

    f rises from 0 to infinity, so the map is a bijection of the plane or of space, smooth at the origin.

    Args:
        dim: coordinates of a particle.

    Raises:
        InputError: `dim` is not an integer of at least 1.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = check_integer("dim", dim, 1)
        self.log_delta = nn.Parameter(torch.zeros(()))
        self.log_scale = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y `(batch, n, dim)` of x and ln |det dy/dx| `(batch,)`."""
        return self.stretched(x, self.log_delta.exp())

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return x `(batch, n, dim)` of y and ln |det dy/dx| `(batch,)` there."""
        x, log_det = self.stretched(y, torch.exp(-self.log_delta))
        return x, -log_det

    def stretched(self, x: Tensor, power: Tensor) -> tuple[Tensor, Tensor]:
        """Return x s sinh(power asinh(r/s))/r and its ln |det|; the inverse has the inverse power."""
        square = (x * torch.exp(-self.log_scale)).square().sum(-1)
        # r = 0 has no derivative of its root; below 1e-12 the ratio is its limit to rounding
        radius = torch.where(square > 1e-24, square, torch.ones_like(square)).sqrt()
        inner = power * torch.asinh(radius)
        near = square <= 1e-24
        ratio = torch.where(near, power, torch.sinh(inner) / radius)
        slope = power.log() + torch.where(near, 0.0, log_cosh(inner) - 0.5 * torch.log1p(square))
        return x * ratio.unsqueeze(-1), (slope + (self.dim - 1) * ratio.log()).sum(-1)


def log_cosh(x: Tensor) -> Tensor:
    """Return ln cosh x without overflow."""
    size = x.abs()
    return size + torch.log1p(torch.exp(-2 * size)) - torch.log(torch.tensor(2.0, dtype=x.dtype, device=x.device))
