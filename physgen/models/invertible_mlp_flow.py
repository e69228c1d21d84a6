"""Normalizing flow by triangular perceptrons, invertible by construction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from physgen.core.errors import check, check_integer
from physgen.models.flow import FlowModel
from physgen.nn.flows.triangular_mlp import TriangularMLP
from physgen.nn.parts import Parts
from physgen.spaces import FieldLattice, Free, Relative
from physgen.systems import System


class InvertibleMLPFlow(FlowModel):
    r"""Flow z -> x by a stack of triangular perceptrons: a bijection of R^D for any weights, F_theta always a bound.

    Every layer is x_i = exp(s_i(z_{<i})) z_i + m_i(z_{<i}), with s and m from one masked perceptron, and the order of
    the coordinates is turned around between layers; a last scale and shift of every coordinate starts as the first
    guess; ln det dx/dz = sum s. The support is all of R^D, `log_prob` of any x is exact. The map is labelled, like
    `MLPFlow`.

    Source: Kingma et al., "Improving Variational Inference with Inverse Autoregressive Flow", arXiv:1606.04934.

    Args:
        system: a classical system.
        hidden: units of the hidden layers of every perceptron.
        layers: triangular layers.
        activation: `tanh`, `sigmoid`, `softplus` or `asinh`.
        start: `cloud` or `places` (every particle about a place of its own), see `FlowModel.first_guess`.
        **kwargs: arguments of the training, see `DensityModel`.

    Raises:
        InputError: an argument out of its range.
    """

    spaces = (Free, Relative, FieldLattice)

    def __init__(
        self,
        system: System,
        hidden: Sequence[int] = (64, 64),
        layers: int = 4,
        activation: str = "tanh",
        start: str = "cloud",
        **kwargs: Any,
    ) -> None:
        super().__init__(system, **kwargs)
        check_integer("layers", layers, 1)
        whole = isinstance(hidden, (list, tuple)) and all(type(w) is int and w >= 1 for w in hidden)
        check(whole, "hidden", hidden, "a list of integers >= 1")
        self.net = Parts(TriangularMLP(self.size, hidden, activation, reverse=bool(k % 2)) for k in range(layers))
        gain, centre = self.first_guess(start)
        self.log_scale = nn.Parameter(torch.full((self.size,), math.log(gain)))
        self.shift = nn.Parameter(centre)
        n = self.system.n
        if "permutation" in self.system.symmetries and n > 1:
            cost = math.lgamma(n + 1) / self.system.beta
            self.notes.append(
                "the map is labelled: where it stays in one permutation sector, F_theta and the importance-sampled F "
                f"are those of that sector, ln(n!)/beta = {cost:.3f} above F"
            )

    def transform(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(z) `(batch, D)` and ln det df/dz `(batch,)`."""
        total = torch.zeros(len(z), dtype=z.dtype, device=z.device)
        for layer in self.net:
            z, log_det = layer(z)
            total = total + log_det
        return self.shift + self.log_scale.exp() * z, total + self.log_scale.sum()

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of any configurations `(batch, n, dim)`, exact and differentiable."""
        y = x.flatten(1).to(next(self.parameters())) / self.scale
        y = (y - self.shift) * torch.exp(-self.log_scale)
        total = self.log_scale.sum().expand(len(y))
        for layer in reversed(self.net):
            y, log_det = layer.inverse(y)
            total = total + log_det
        return self.log_latent(y) - total
