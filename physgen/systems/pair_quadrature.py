"""Exact values of a few particles with pair potentials, without their centre of mass, by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

#: potential of a pair `(*)` at distances `(*)`
Potential = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ClusterThermodynamics:
    """Exact values of a free cluster at beta = 1, in nats; the integral runs over orthonormal relative vectors.

    Args:
        log_z: ln Z of labelled particles.
        energy: <U>.
        square_distance: mean square of the distance of a pair.
    """

    log_z: float
    energy: float
    square_distance: float

    @property
    def entropy(self) -> float:
        """Entropy, the least mean of -ln p of any density p."""
        return self.log_z + self.energy


def planar_cluster(n: int, potential: Potential, reach: float, spacing: float) -> ClusterThermodynamics:
    r"""Return exact values of 2, 3 or 4 particles in the plane with $U = \sum_{i<j} V(r_{ij})$.

    With two of them at a distance r and $g_r(y) = f(|y|) f(|y - r|)$, $f = e^{-V}$, a third one has the weight
    $\int g_r$ and a third and a fourth one $\int g_r(y) f(|y - y'|) g_r(y')$, a convolution; then
    $Z = n^{-1} \, 2 \pi \int r f(r) \dots dr$, since the differences to one particle have n times the volume of
    orthonormal relative vectors of the plane, and all pairs are alike. The trapezoidal rule converges exponentially for
    f that is smooth where it is not negligible.

    Source: L. N. Trefethen and J. A. C. Weideman, The exponentially convergent trapezoidal rule, doi:10.1137/130932132.

    Args:
        n: particles.
        potential: V.
        reach: distance beyond which f is negligible.
        spacing: of the points of the grids.
    """
    count = math.ceil(reach / spacing)
    r = spacing * torch.arange(1, count + 1, dtype=torch.float64)
    axis = spacing * torch.arange(-count, count + 1, dtype=torch.float64)
    # a factor is 1 where a pair is lowest, so that none overflows
    depth = float(potential(r).min())

    def factor(shift: float) -> Tensor:
        """Return f `(points, points)` of the distance to a particle on the first axis."""
        return torch.exp(depth - potential(((axis[:, None] - shift).square() + axis.square()).sqrt()))

    alone, size = factor(0.0), 3 * count + 2
    weight = r * torch.exp(depth - potential(r))
    if n > 2:
        # rows of the grid turn so that the distance 0 comes first
        kernel = torch.zeros(size + count, size + count, dtype=torch.float64)
        kernel[: len(axis), : len(axis)] = alone
        transform = torch.fft.rfft2(kernel.roll((-count, -count), (0, 1)))
        rest = []
        for distance in r.tolist():
            product = alone * factor(distance)
            if n == 3:
                rest.append(product.sum() * spacing**2)
            else:
                seen = torch.fft.irfft2(torch.fft.rfft2(product, s=kernel.shape) * transform, s=kernel.shape)
                rest.append((seen[: len(axis), : len(axis)] * product).sum() * spacing**4)
        weight = weight * torch.stack(rest)
    pairs = n * (n - 1) // 2
    total = float(weight.sum())
    log_z = math.log(2 * math.pi * spacing * total / n) - pairs * depth
    return ClusterThermodynamics(
        log_z, pairs * float(weight @ potential(r)) / total, float(weight @ r.square()) / total
    )
