"""Normalizing flow of layers with tied weights alone: a mean field with exact symmetries."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check_choice, check_integer
from physgen.models.flow import FlowModel
from physgen.nn.parts import Parts
from physgen.nn.tied.tied_activations import ElementwiseActivation, RadialActivation
from physgen.nn.tied.tied_linear import (
    PermutationRotationTiedLinear,
    PermutationTiedLinear,
    RotationTiedLinear,
    TiedLinear,
)
from physgen.systems import System

SYMMETRIES = ("permutation", "rotation", "both")


class TiedFlow(FlowModel):
    r"""Flow z -> x by linear layers with tied weights and bijective activations that keep the symmetry.

    x = c W_L s(... s(W_1 z + b_1) ...) + c b_L,   [G, W] = 0,  G b = b,   so that p(G x) = p(x)

    `permutation`: W = I (x) lambda + 1 1^T (x) gamma with an elementwise activation, d + 2 d^2 numbers a layer;
    `rotation`: 2 x 2 blocks [[a, b], [-b, a]] with a radial one, 2 n^2 numbers a layer in the plane; `both`: W of the
    first form from blocks of the second, without offset, which commutes with reflections too where b = 0. Value,
    inverse and log-determinant are closed forms: a bijection of R^D by construction, for any weights.

    With permutations the particles see each other through their sum alone, so the density is a mean field: no
    repulsion of pairs, which is what its KL measures.

    Sources: "Electrons in a Quantum Dot" (Fang and Mei), weight tying; Zaheer et al., "Deep Sets", arXiv:1703.06114.

    Args:
        system: a classical system.
        symmetry: `permutation`, `rotation` or `both`; rotations need an even dimension.
        layers: pairs of a linear layer and an activation, before a last linear layer.
        gradient: estimator of the gradient.
        learning_rate: largest step of Adam.
        **kwargs: more arguments of the training, see `DensityModel`.

    Raises:
        InputError: an argument out of its range, or an odd dimension with rotations.
    """

    def __init__(
        self,
        system: System,
        symmetry: str = "permutation",
        layers: int = 4,
        gradient: str = "reparameterised",
        learning_rate: float = 5e-3,
        **kwargs: Any,
    ) -> None:
        super().__init__(system, gradient=gradient, learning_rate=learning_rate, **kwargs)
        self.symmetry = check_choice("symmetry", symmetry, SYMMETRIES)
        check_integer("layers", layers, 1)
        n, dim = self.system.n, self.system.dim
        linear = {
            "permutation": PermutationTiedLinear,
            "rotation": RotationTiedLinear,
            "both": PermutationRotationTiedLinear,
        }[symmetry]
        activation = ElementwiseActivation if symmetry == "permutation" else RadialActivation
        self.net: Parts[TiedLinear | ElementwiseActivation | RadialActivation] = Parts()
        for _ in range(layers):
            self.net.extend([linear(n, dim), activation(dim)])
        self.net.append(linear(n, dim))
        if n > 1 and symmetry != "rotation":
            self.notes.append("particles see each other through their sum alone: a mean field without pair repulsion")

    def transform(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(z) `(batch, D)` and ln |det df/dz| `(batch,)`."""
        y = z.view(-1, self.system.n, self.system.dim)
        total = torch.zeros(len(y), dtype=y.dtype, device=y.device)
        for layer in self.net:
            y, log_det = layer(y)
            total = total + log_det
        return y.flatten(1), total

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of any configurations `(batch, n, dim)`, exact and differentiable."""
        y = x.to(next(self.parameters())) / self.scale
        total = torch.zeros(len(y), dtype=y.dtype, device=y.device)
        for layer in reversed(self.net):
            y, log_det = layer.inverse(y)
            total = total + log_det
        return self.log_latent(y.flatten(1)) - total
