"""A Jastrow factor without cusps, by a perceptron of every particle's features."""

from __future__ import annotations

import torch
from torch import nn

from physgen.nn.determinants.message_passing import normal
from physgen.nn.determinants.modulation import Change, unchanged
from physgen.nn.forward_laplacian import Values, activation, linear


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
