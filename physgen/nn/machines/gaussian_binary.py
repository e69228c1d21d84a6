"""Marginal of a Gaussian-binary restricted Boltzmann machine, with closed-form derivatives."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


class GaussianBinary(nn.Module):
    r"""Power c of the marginal F(x) = sum_h exp(-E(x, h)) of a Gaussian-binary RBM.

    E(x, h) = sum_i (x_i - a_i)^2/(2 s^2) - sum_j b_j h_j - sum_ij x_i W_ij h_j / s^2

    ln F^c = c [ -|x - a|^2/(2 s^2) + sum_j softplus(b_j + (x W)_j / s^2) ]

    With `symmetric` the units come in orbits under exchange of the n particles: hidden unit (j, i) has the weights
    `own[:, j]` for particle i and `other[:, j]` for all others, and a is the same for all, so F is invariant.

    Source: Carleo and Troyer, "Solving the quantum many-body problem with artificial neural networks",
    arXiv:1606.02318; Flugsrud, "Solving Quantum Mechanical Problems with Machine Learning", MSc thesis, Oslo 2018.

    Args:
        n: particles.
        dim: dimensions; n * dim visible units.
        hidden: hidden units; with `symmetric` the number of orbits, n units each.
        power: c, 1 or 1/2.
        train_sigma: whether s is trained.
        symmetric: whether the weights are tied under exchange of particles.
        scale: standard deviation of the weights to start with.
    """

    same: Tensor

    def __init__(
        self, n: int, dim: int, hidden: int, power: float, train_sigma: bool, symmetric: bool, scale: float = 0.1
    ) -> None:
        super().__init__()
        self.n, self.dim, self.hidden, self.power, self.symmetric = n, dim, hidden, power, symmetric
        # s^2 = c makes the empty machine the ground state of the oscillator in units of its length
        self.log_sigma = nn.Parameter(torch.tensor(0.5 * power).log() * 0.5 + 0.5 * torch.log(torch.tensor(2.0)))
        self.log_sigma.requires_grad_(train_sigma)
        rows = dim if symmetric else n * dim
        self.a = nn.Parameter(0.01 * torch.randn(rows))
        self.b = nn.Parameter(0.01 * torch.randn(hidden))
        self.weight = nn.Parameter(scale * torch.randn(rows, hidden))
        if symmetric:
            self.other = nn.Parameter(scale * torch.randn(dim, hidden))
            self.register_buffer("same", torch.eye(n).view(n, 1, 1, n), persistent=False)

    def units(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return a `(M,)`, b `(H,)` and W `(M, H)` of all M = n dim visible and H hidden units."""
        if not self.symmetric:
            return self.a, self.b, self.weight
        tied = self.same * self.weight[:, :, None] + (1 - self.same) * self.other[:, :, None]
        return self.a.repeat(self.n), self.b.repeat_interleave(self.n), tied.reshape(self.n * self.dim, -1)

    def forward(self, x: Tensor) -> Tensor:
        """Return ln F^c `(batch,)` of `x` `(batch, n, dim)`."""
        a, b, weight = self.units()
        v = x.flatten(-2)
        precision = torch.exp(-2 * self.log_sigma)
        log_f = softplus(b + (v @ weight) * precision).sum(-1) - 0.5 * precision * (v - a).square().sum(-1)
        return self.power * log_f

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln F^c in closed form."""
        a, b, weight = self.units()
        v = x.flatten(-2)
        precision = torch.exp(-2 * self.log_sigma)
        on = torch.sigmoid(b + (v @ weight) * precision)
        gradient = (self.power * precision) * (on @ weight.mT - v + a)
        curvature = (on - on.square()) @ weight.square().sum(0)
        laplacian = self.power * (precision.square() * curvature - precision * v.shape[-1])
        return gradient.view_as(x), laplacian

    def draw_hidden(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Draw h `(batch, H)` from p(h|x)."""
        _, b, weight = self.units()
        on = torch.sigmoid(b + (x.flatten(-2) @ weight) * torch.exp(-2 * self.log_sigma))
        return torch.bernoulli(on, generator=generator)

    def draw_visible(self, hidden: Tensor, generator: torch.Generator | None) -> Tensor:
        """Draw x `(batch, n, dim)` from p(x|h) = N(a + W h, s^2)."""
        a, _, weight = self.units()
        mean = a + hidden @ weight.mT
        noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)
        return (mean + self.log_sigma.exp() * noise).view(len(hidden), self.n, self.dim)
