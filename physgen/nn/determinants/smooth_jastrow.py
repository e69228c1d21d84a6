"""Jastrow factors without cusps, of the features of particles and of pairs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.message_passing import normal
from physgen.nn.determinants.modulation import Change, unchanged
from physgen.nn.forward_laplacian import Jet, Values, activation, linear


class SmoothJastrow(nn.Module):
    r"""u(h), a perceptron whose sum over particles is a logarithm, $\sum_i u(h_i)$; it starts small.

    Args:
        width: features of a particle.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = normal(width, width)
        self.hidden_bias = nn.Parameter(torch.zeros(width))
        self.readout = normal(1, width, gain=0.02)

    def forward(self, h: Values, change: Change = unchanged) -> Values:
        """Return u `(*, n, 1)` of features `(*, n, width)`; `change` is a `Modulation`'s of the place `smooth`."""
        hidden = change("smooth", linear(h, self.hidden, self.hidden_bias))
        return linear(activation(hidden, "tanh"), self.readout)


class SmoothPairs(nn.Module):
    r"""$\sum_{ij} v(g_{ij})$ with v linear, one for unlike and one for like spins; it starts at zero.

    Args:
        width: features of a pair.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.readout = nn.Parameter(torch.zeros(2, width))

    def forward(self, g: Tensor, kinds: Tensor) -> Tensor:
        """Return the sum `(*)` of features `(*, n, n, width)`; `kinds` `(n, n, 2)` picks the v of every pair."""
        return (linear(g, self.readout) * kinds).sum((-1, -2, -3))

    def derivatives(self, g: Jet, kinds: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of the sum, of a `pair` jet."""
        v = (linear(g, self.readout).stack * kinds).sum(-1)  # (2 + dim, batch, n, n)
        return (v[2:].sum(-1) - v[2:].sum(-2)).permute(1, 2, 0), 2 * v[1].sum((-1, -2))
