"""Triangular map by a masked perceptron: invertible by construction."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from physgen.core.errors import check_choice
from physgen.nn.flows.jacobian_mlp import ACTIVATIONS
from physgen.nn.parts import Parts

#: log-scales are 3 tanh(s/3): smooth, and part of the map, so no draw is ever cut off
LOG_SCALE = 3.0


class TriangularMLP(nn.Module):
    r"""Increasing triangular map x_i = exp(s_i(z_{<i})) z_i + m_i(z_{<i}), with s and m from one masked MLP.

    ln det dx/dz = sum_i s_i. The map is a bijection of R^D for any weights; z -> x is one pass, the inverse D passes.

    Sources: Germain, Gregor, Murray and Larochelle, "MADE: Masked Autoencoder for Distribution Estimation",
    arXiv:1502.03509; Kingma et al., "Improving Variational Inference with Inverse Autoregressive Flow",
    arXiv:1606.04934.

    Args:
        size: D, inputs and outputs.
        hidden: units of the hidden layers.
        activation: `tanh`, `sigmoid`, `softplus` or `asinh`.
        reverse: whether the order of the coordinates is turned around.
    """

    def __init__(self, size: int, hidden: Sequence[int], activation: str, reverse: bool) -> None:
        super().__init__()
        self.size, self.reverse = size, reverse
        self.activation = check_choice("activation", activation, ACTIVATIONS)
        degree = torch.arange(1, size + 1)
        degrees = [degree, *(torch.arange(h) % max(size - 1, 1) + 1 for h in hidden), degree.repeat(2)]
        self.layers = Parts(nn.Linear(len(a), len(b)) for a, b in zip(degrees[:-1], degrees[1:], strict=True))
        for k, layer in enumerate(self.layers):
            last = k == len(self.layers) - 1
            before, after = degrees[k], degrees[k + 1]
            mask = after[:, None] > before[None, :] if last else after[:, None] >= before[None, :]
            self.register_buffer(f"mask{k}", mask.to(layer.weight.dtype), persistent=False)
            nn.init.zeros_(layer.bias)
            if last:  # starts as the identity
                nn.init.normal_(layer.weight, std=1e-3)

    def shift_and_log_scale(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return m and s `(batch, D)`, row i a function of z_{<i} alone."""
        function = ACTIVATIONS[self.activation][0]
        for k, layer in enumerate(self.layers):
            z = linear(z, layer.weight * getattr(self, f"mask{k}"), layer.bias)
            z = z if k == len(self.layers) - 1 else function(z)
        shift, log_scale = z.chunk(2, dim=-1)
        return shift, LOG_SCALE * torch.tanh(log_scale / LOG_SCALE)

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return x `(batch, D)` and ln det dx/dz `(batch,)`."""
        z = z.flip(-1) if self.reverse else z
        shift, log_scale = self.shift_and_log_scale(z)
        x = shift + log_scale.exp() * z
        return (x.flip(-1) if self.reverse else x), log_scale.sum(-1)

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z `(batch, D)` of x, coordinate by coordinate, and ln det dx/dz `(batch,)` there."""
        x = x.flip(-1) if self.reverse else x
        z = torch.zeros_like(x)
        for i in range(self.size):
            shift, log_scale = self.shift_and_log_scale(z)
            column = (x[:, i] - shift[:, i]) * torch.exp(-log_scale[:, i])
            z = torch.cat([z[:, :i], column[:, None], z[:, i + 1 :]], dim=1)
        _, log_scale = self.shift_and_log_scale(z)
        return (z.flip(-1) if self.reverse else z), log_scale.sum(-1)
