"""Exponential of a linear pair correlation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.factor import Factor


class SimpleJastrow(Factor):
    r"""Pair correlation $\ln J = \sum_{i<j} \beta_{ij} r_{ij}$, all slopes trained.

    The slopes start at zero and nothing holds them to the cusps, so the local energy diverges where two particles
    meet. With `tied` there is one slope for parallel and one for antiparallel spins, and J is symmetric under exchange
    of particles of one spin.

    Source: Nordhagen, "Studies of quantum dots using machine learning", MSc thesis, Univ. Oslo 2019.

    Args:
        n: particles; the first `n_up` have spin up.
        n_up: particles with spin up.
        tied: whether pairs of one kind share their slope.
    """

    first: Tensor
    second: Tensor
    kind: Tensor

    def __init__(self, n: int, n_up: int, tied: bool) -> None:
        super().__init__()
        first, second = torch.triu_indices(n, n, offset=1)
        kind = ((first < n_up) == (second < n_up)).long() if tied else torch.arange(len(first))
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        self.register_buffer("kind", kind, persistent=False)
        self.slope = nn.Parameter(torch.zeros(2 if tied else len(first)))

    def pairs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return differences `(*, pairs, dim)` and distances `(*, pairs)`."""
        difference = x[..., self.first, :] - x[..., self.second, :]
        return difference, difference.square().sum(-1).sqrt()

    def forward(self, x: Tensor) -> Tensor:
        """Return ln J `(*)` of `x` `(*, n, dim)`."""
        return (self.slope[self.kind] * self.pairs(x)[1]).sum(-1)

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln J in closed form."""
        difference, distance = self.pairs(x)
        force = self.slope[self.kind] / distance
        pull = force.unsqueeze(-1) * difference
        gradient = torch.zeros_like(x).index_add(-2, self.first, pull).index_add(-2, self.second, -pull)
        return gradient, 2 * (x.shape[-1] - 1) * force.sum(-1)
