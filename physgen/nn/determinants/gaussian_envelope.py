"""A Gaussian that envelops all orbitals of a trap."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.factor import Factor


class GaussianEnvelope(Factor):
    r"""$e^{-a r^2/2}$ with a trained width, $r^2 = \sum_i r_i^2$; it starts with a = 1, the oscillator's."""

    def __init__(self) -> None:
        super().__init__()
        self.log_alpha = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Return its logarithm `(*)` of `x` `(*, n, dim)`."""
        return -0.5 * self.log_alpha.exp() * x.square().sum((-1, -2))

    @torch.no_grad()
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `()` of its logarithm."""
        alpha = self.log_alpha.exp()
        return -alpha * x, -alpha * x.shape[1:].numel()
