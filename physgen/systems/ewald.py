"""The Coulomb energy of charges in a periodic cube, by Ewald's sum."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

#: splitting kappa L and largest component of the reciprocal vectors: for double precision, and for single
DOUBLE, SINGLE = (5.0, 7), (4.0, 5)


class Ewald:
    r"""Charges of one sign in a cube of side 1, on a neutralising background; energies scale as 1/L.

    $$E = \sum_{i<j} v_E(r_{ij}) + \tfrac{N}{2} v_M, \qquad
    v_E(r) = \sum_R \frac{\mathrm{erfc}(\kappa |r + R|)}{|r + R|}
    + \sum_{k \neq 0} \frac{4 \pi}{k^2} e^{-k^2/4\kappa^2 + i k r} - \frac{\pi}{\kappa^2}$$

    v_E has the mean 0 over the cube, and $v_M = \lim_{r \to 0} v_E(r) - 1/r$ is the energy of a charge with its own
    images. Nothing depends on kappa, which shares the sum between neighbours and waves.

    Waves come as products of cosines and sines of one axis: over all signs of the components of k,
    $\sum |\sum_j e^{i k r_j}|^2$ is 8 times the sum of squares of the products' sums, 4 or 2 times where components
    of k vanish.

    Sources: P. P. Ewald, Die Berechnung optischer und elektrostatischer Gitterpotentiale, doi:10.1002/andp.19213690304;
    Fraser, Foulkes, Rajagopal, Needs, Kenny and Williamson, Finite-size effects and Coulomb interactions in quantum
    Monte Carlo calculations for homogeneous systems with periodic boundary conditions, doi:10.1103/PhysRevB.53.1814.

    Args:
        kappa: in units of 1/L.
        most: largest component of k in units of 2 pi/L; the sum has all $|n|^2 < (most + 1)^2$.
    """

    def __init__(self, kappa: float = DOUBLE[0], most: int = DOUBLE[1]) -> None:
        self.kappa, self.most = kappa, most
        # of every axis the cosines of 0, 1, ... and the sines of 1, 2, ...
        components = torch.tensor([*range(most + 1), *range(1, most + 1)], dtype=torch.float64)
        squares = components.square()[:, None, None] + components.square()[:, None] + components.square()
        signs = 1.0 + (components > 0)
        images = signs[:, None, None] * signs[:, None] * signs
        waves = torch.exp(-(math.pi**2) * squares / kappa**2) / (math.pi * squares)
        inside = (squares > 0) & (squares < (most + 1) ** 2)
        #: weights of squares of sums of products, `(rows of x and y, rows of z)`
        self.weights = torch.where(inside, waves * images, torch.zeros(())).flatten(0, 1)
        #: v_M in units of 1/L
        self.madelung = self._madelung(waves * images, inside, most)

    def _madelung(self, waves: Tensor, inside: Tensor, most: int) -> float:
        cosines = slice(most + 1)  # at r = 0 all sines vanish
        near = [math.hypot(*image) for image in itertools.product(range(-3, 4), repeat=3) if any(image)]
        real = sum(math.erfc(self.kappa * r) / r for r in near)
        reciprocal = float(waves[cosines, cosines, cosines][inside[cosines, cosines, cosines]].sum())
        return real + reciprocal - math.pi / self.kappa**2 - 2 * self.kappa / math.sqrt(math.pi)

    def __call__(self, x: Tensor) -> Tensor:
        """Return E `(*)` of charges `x` `(*, N, 3)`, in units of 1/L with coordinates in units of L."""
        n = x.shape[-2]
        first, second = torch.triu_indices(n, n, 1, device=x.device)
        apart = x.index_select(-2, first) - x.index_select(-2, second)
        apart = (apart - apart.round()).abs()
        # the two nearest images of each axis: others are farther than L
        squares = torch.stack([apart.square(), (apart - 1).square()], -1)
        xy = squares[..., 0, :, None] + squares[..., 1, None, :]
        distances = (xy[..., None] + squares[..., 2, None, None, :]).flatten(-3).sqrt()
        real = (torch.erfc(self.kappa * distances) / distances).sum((-1, -2))
        constant = n * self.madelung / 2 - n * (n - 1) / 2 * math.pi / self.kappa**2
        return real + self.reciprocal(x) + constant

    def reciprocal(self, x: Tensor) -> Tensor:
        r"""Return the sum over waves, $|\sum_j e^{i k r_j}|^2 - N$ in the place of $e^{i k r}$, halved, `(*)`."""
        steps = torch.arange(1, self.most + 1, dtype=x.dtype, device=x.device)
        phase = 2 * math.pi * x.mT.unsqueeze(-2) * steps[:, None]
        rows = torch.cat([torch.ones_like(phase[..., :1, :]), phase.cos(), phase.sin()], -2)  # (*, 3, rows, N)
        along, across, up = rows.unbind(-3)
        plane = (along.unsqueeze(-2) * across.unsqueeze(-3)).flatten(-3, -2)
        sums = plane @ up.mT
        weights = self.weights.to(x)
        # at one particle's place the squares of all products of a k add up to 1
        alone = x.shape[-2] * self.self_energy
        return 0.5 * ((sums.square() * weights).sum((-1, -2)) - alone)

    @property
    def self_energy(self) -> float:
        r"""$\sum_{k \neq 0} \tfrac{4\pi}{k^2} e^{-k^2/4\kappa^2}$, a charge's own part of the sum over waves."""
        side = 2 * self.most + 1
        cosines = slice(self.most + 1)
        return float(self.weights.view(side, side, side)[cosines, cosines, cosines].sum())


_SINGLE, _DOUBLE = Ewald(*SINGLE), Ewald(*DOUBLE)


def ewald(x: Tensor) -> Tensor:
    """Return the energy `(*)` of unit charges `x` `(*, N, 3)` in a cube of side 1, as exact as the type of `x` is.

    The error is below 1e-9 in double precision, and in single precision that of rounding.
    """
    return (_DOUBLE if x.dtype == torch.float64 else _SINGLE)(x)


#: v_M L, the energy of a charge with its images
MADELUNG = _DOUBLE.madelung
