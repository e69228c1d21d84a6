"""Functions of two variables in the unit square that regressions are tried on."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def gaussian(x: Tensor, y: Tensor, a: float) -> Tensor:
    """Return a hill about the middle of the square."""
    return torch.exp(-a * ((x - 0.5).square() + (y - 0.5).square())) / 3


def franke(x: Tensor, y: Tensor) -> Tensor:
    """Return Franke's function."""
    first = 0.75 * torch.exp(-((9 * x - 2) ** 2 + (9 * y - 2) ** 2) / 4)
    second = 0.75 * torch.exp(-((9 * x + 1) ** 2) / 49 - (9 * y + 1) / 10)
    third = 0.5 * torch.exp(-((9 * x - 7) ** 2 + (9 * y - 3) ** 2) / 4)
    return first + second + third - 0.2 * torch.exp(-((9 * x - 4) ** 2) - (9 * y - 7) ** 2)


def cloverleaf(x: Tensor, y: Tensor) -> Tensor:
    """Return the asymmetric peaks of a cloverleaf."""
    a, b = torch.exp((10 - 20 * x) / 3), torch.exp((10 - 20 * y) / 3)
    scale = ((20 / 3) ** 3 * a * b) ** 2 * (1 / ((1 + a) * (1 + b))) ** 5
    return scale * (a - 2 / (1 + a)) * (b - 2 / (1 + b))


def cosine_peak(x: Tensor, y: Tensor) -> Tensor:
    """Return rings about the middle that decay."""
    r = ((80 * x - 40).square() + (90 * y - 45).square()).sqrt()
    return torch.exp(-0.04 * r) * torch.cos(0.15 * r)


def romero(x: Tensor, y: Tensor) -> Tensor:
    """Return Romero's function of radius and angle."""
    r = (x.square() + y.square()).sqrt()
    wave = 0.8 * r + 0.35 * torch.sin(2.4 * math.pi * r / math.sqrt(2))
    return wave * 1.5 * torch.sin(1.3 * torch.atan2(y, x))


def random_series(kind: str) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a random Fourier series of three waves a side, or a random polynomial of degree four a side."""
    draws = torch.Generator().manual_seed(11)
    if kind == "fourier":
        a = torch.randn(4, 4, 2, generator=draws, dtype=torch.float64)
        k = torch.arange(4.0, dtype=torch.float64)

        def series(x: Tensor, y: Tensor) -> Tensor:
            phase = math.pi * (x[:, None, None] * k[:, None] + y[:, None, None] * k)
            return (a[..., 0] * phase.cos() + a[..., 1] * phase.sin()).sum((1, 2))

        return series
    a = torch.randn(5, 5, generator=draws, dtype=torch.float64)
    return lambda x, y: torch.einsum("bi,ij,bj->b", torch.vander(2 * x - 1, 5), a, torch.vander(2 * y - 1, 5))


#: the first ten as in R. J. Renka and R. Brown, "Algorithm 792", doi:10.1145/305658.305745
FUNCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Franke": franke,
    "cliff": lambda x, y: (torch.tanh(9 * (y - x)) + 1) / 9,
    "saddle": lambda x, y: (1.25 + torch.cos(5.4 * y)) / (6 + 6 * (3 * x - 1) ** 2),
    "gentle": lambda x, y: gaussian(x, y, 81 / 16),
    "steep": lambda x, y: gaussian(x, y, 81 / 4),
    "sphere": lambda x, y: (64 - 81 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)).sqrt() / 9 - 0.5,
    "trigonometric": lambda x, y: 2 * torch.cos(10 * x) * torch.sin(10 * y) + torch.sin(10 * x * y),
    "Gaussians": lambda x, y: (
        torch.exp(-((5 - 10 * x) ** 2) / 2)
        + 0.75 * torch.exp(-((5 - 10 * y) ** 2) / 2) * (1 + torch.exp(-((5 - 10 * x) ** 2) / 2))
    ),
    "cloverleaf": cloverleaf,
    "cosine peak": cosine_peak,
    "bilinear": lambda x, y: x * y + x,
    "Romero": romero,
    "Runge": lambda x, y: 1 / (1 + 25 * ((2 * x - 1) ** 2 + (2 * y - 1) ** 2)),
    "Fourier series": random_series("fourier"),
    "polynomial": random_series("polynomial"),
}
