"""Pade-Jastrow factor with fixed cusps."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from physgen.nn.determinants.factor import Factor


class PadeJastrow(Factor):
    r"""Pair correlation ln J = sum_{i<j} a_ij r_ij / (1 + b_ij r_ij) with the exact cusps.

    a_ij = coupling/(dim - 1) for antiparallel and coupling/(dim + 1) for parallel spins (1 and 1/3 in two dimensions,
    1/2 and 1/4 in three, for coupling 1), so the local energy stays finite where two particles meet; only the
    denominators b > 0, one for each kind of pair, are trained. In one dimension there is no 1/r whose cusp psi could
    have: a_ij = 0 and J = 1.

    Source: Kato, "On the eigenfunctions of many-particle systems in quantum mechanics", doi:10.1002/cpa.3160100201;
    Pack and Brown, "Cusp Conditions for Molecular Wavefunctions", doi:10.1063/1.1727605.

    Args:
        n: particles; the first `n_up` have spin up.
        dim: dimensions.
        n_up: particles with spin up.
        coupling: strength of the Coulomb repulsion in the units of `x`.
        denominator: b to start with.
    """

    first: Tensor
    second: Tensor
    kind: Tensor
    divisor: Tensor

    def __init__(self, n: int, dim: int, n_up: int, coupling: float, denominator: float = 0.5) -> None:
        super().__init__()
        self.dim, self.coupling = dim, coupling if dim > 1 else 0.0
        first, second = torch.triu_indices(n, n, offset=1)
        parallel = (first < n_up) == (second < n_up)
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        self.register_buffer("kind", parallel.long(), persistent=False)
        # d +- 1, exact in every dtype: 1/3 would keep float32's rounding after `double()`
        divisor = torch.where(parallel, dim + 1, max(dim - 1, 1)).to(torch.get_default_dtype())
        self.register_buffer("divisor", divisor, persistent=False)
        #: softplus(raw) = b, for antiparallel and parallel pairs
        start = torch.full((2,), denominator)
        self.raw = nn.Parameter(torch.where(start > 20, start, start.expm1().log()))

    @property
    def cusp(self) -> Tensor:
        """a `(pairs,)`, the slopes of ln J where two particles meet."""
        return self.coupling / self.divisor

    @property
    def denominators(self) -> Tensor:
        """b `(pairs,)`."""
        return softplus(self.raw)[self.kind]

    def differences(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return r_i - r_j `(batch, pairs, dim)` and their lengths `(batch, pairs)`."""
        difference = x[..., self.first, :] - x[..., self.second, :]
        return difference, difference.square().sum(-1).sqrt()

    def forward(self, x: Tensor, cusp: Tensor | None = None, b: Tensor | None = None) -> Tensor:
        """Return ln J `(batch,)` of `x` `(batch, n, dim)`.

        Args:
            x: places of the particles.
            cusp: a `(batch, pairs)` in place of the own one, for walkers that differ in their units.
            b: denominators `(batch, pairs)` in place of the own ones.
        """
        _, distance = self.differences(x)
        cusp, b = self.cusp if cusp is None else cusp, self.denominators if b is None else b
        return (cusp * distance / (1 + b * distance)).sum(-1)

    def derivatives(self, x: Tensor, cusp: Tensor | None = None, b: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln J in closed form, see `forward`."""
        difference, distance = self.differences(x)
        cusp, b = self.cusp if cusp is None else cusp, self.denominators if b is None else b
        denominator = 1 + b * distance
        slope = cusp / denominator.square()
        curvature = -2 * b * slope / denominator
        force = (slope / distance).unsqueeze(-1) * difference
        gradient = torch.zeros_like(x).index_add(-2, self.first, force).index_add(-2, self.second, -force)
        return gradient, 2 * (curvature + (self.dim - 1) * slope / distance).sum(-1)
