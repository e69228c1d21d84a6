"""Partial waves of a bound pair as functions of its momentum, by one hidden layer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.forward_laplacian import ACTIVATIONS, linear

#: |E| m/hbar^2 of a deuteron in 1/fm^2, where the waves have a pole, and the square of the momentum where they fall
POLE, FALL = 0.0536, 4.0
#: momentum in 1/fm up to which units change at the start
FARTHEST = 3.0


class MomentumWaves(nn.Module):
    r"""$\psi_L(k) = \sum_i W_{Li}\, \sigma(w_i k + b_i)$, N units that all waves share, times an envelope.

    The envelope $\frac{k^L}{(k^2 + \kappa^2)(1 + k^2/4)^{2 + L/2}}$, k in 1/fm, holds the pole of the bound state, the
    threshold $k^L$ and a decay; without it the network is that of the source. It starts from units that vanish at large
    momenta, where kinetic energies would hold a random start.

    Source: Keeble and Rios, Machine learning the deuteron, arXiv:1911.13092.

    Args:
        orders: L of the waves.
        hidden: N.
        activation: name of the activation, `sigmoid`, `softplus`, `tanh` or `silu`.
        envelope: whether the waves have the envelope.
    """

    orders: Tensor

    def __init__(self, orders: tuple[int, ...], hidden: int, activation: str, envelope: bool) -> None:
        super().__init__()
        self.envelope, self.activation = envelope, activation
        self.register_buffer("orders", torch.tensor(orders, dtype=torch.get_default_dtype()), persistent=False)
        # units that vanish at large momenta and change at those up to 3 / fm
        self.inner = nn.Parameter(-0.5 - 1.5 * torch.rand(hidden, 1))
        self.bias = nn.Parameter(-self.inner.detach()[:, 0] * FARTHEST * torch.rand(hidden))
        self.outer = nn.Parameter((2 * torch.rand(len(orders), hidden) - 1) / hidden**0.5)

    def forward(self, momenta: Tensor) -> Tensor:
        """Return the waves `(channels, points)` of momenta `(points,)` in 1/fm."""
        units = linear(momenta.unsqueeze(-1), self.inner, self.bias)
        units = torch.sigmoid(units) if self.activation == "sigmoid" else ACTIVATIONS[self.activation][0](units)
        waves = linear(units, self.outer).mT
        if not self.envelope:
            return waves
        square, orders = momenta.square(), self.orders.unsqueeze(-1)
        return waves * momenta**orders / ((square + POLE) * (1 + square / FALL) ** (2 + orders / 2))
