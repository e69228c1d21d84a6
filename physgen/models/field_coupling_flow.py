"""Normalizing flow of a scalar field on a torus by coupling layers on a checkerboard."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check_integers
from physgen.models.closed_inverse import ClosedInverseFlow
from physgen.nn.flows.field_coupling import FieldCoupling
from physgen.nn.flows.field_waves import FieldWaves
from physgen.nn.parts import Parts
from physgen.spaces import FieldLattice
from physgen.systems import System


class FieldCouplingFlow(ClosedInverseFlow):
    r"""Flow z -> phi of gains of plane waves, then `FieldCoupling` layers whose colours take turns.

    It is a bijection for any weights. The waves make the best Gaussian field of the noise, with its correlations at
    all distances, so that the coupling layers need not carry them from site to site.

    Every coupling layer is odd in the field and commutes with turns and reflections of the square and with shifts by
    two sites of a lattice of even side, so that p(-phi) = p(phi) and p is as symmetric as the checkerboard exactly;
    inverse and ln |det| are closed forms, F_theta is always a bound.

    Source: M. S. Albergo, G. Kanwar and P. E. Shanahan, "Flow-based generative models for Markov chain Monte Carlo in
    lattice field theory", arXiv:1904.12072; L. Del Debbio, J. Marsh Rossney and M. Wilson, "Efficient modelling of
    trivializing maps for lattice phi^4 theory using normalizing flows", arXiv:2105.12481.

    Args:
        system: a scalar field on a square lattice that may change its sign, such as `ScalarPhi4`.
        layers: coupling layers, one colour after the other.
        channels: hidden functions of a site in every layer.
        reach: largest displacement along an axis that a layer sees at first.
        gradient: estimator of the gradient.
        learning_rate: largest step of Adam.
        **kwargs: more arguments of the training, see `DensityModel`.

    Raises:
        InputError: an argument out of its range, or another system.
    """

    spaces = (FieldLattice,)

    def __init__(
        self,
        system: System,
        layers: int = 12,
        channels: int = 8,
        reach: int = 2,
        gradient: str = "path",
        learning_rate: float = 5e-3,
        **kwargs: Any,
    ) -> None:
        super().__init__(system, gradient=gradient, learning_rate=learning_rate, **kwargs)
        check_integers(1, layers=layers, channels=channels, reach=reach)
        square = len(self.system.shape) == 2 and len(set(self.system.shape)) == 1
        if not square or {"spin flip", "square"} - set(self.system.symmetries):
            raise InputError(
                f"system must be a field on a square that may change its sign for {type(self).__name__}, "
                f"got {self.system!r}"
            )
        size = self.system.shape[0]
        self.net: Parts[FieldWaves | FieldCoupling] = Parts([FieldWaves(size)])
        self.net.extend(FieldCoupling(size, k % 2, channels, reach) for k in range(layers))

    def transform(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(z) `(batch, D)` and ln |det df/dz| `(batch,)`."""
        y = z.view(-1, *self.system.shape)
        total = torch.zeros_like(z[:, 0])
        for layer in self.net:
            y, log_det = layer(y)
            total = total + log_det
        return y.flatten(1), total

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of any fields `(batch, L, L)`, exact and differentiable."""
        y = x.to(next(self.parameters())) / self.scale
        total = torch.zeros_like(y[:, 0, 0])
        for layer in reversed(self.net):
            y, log_det = layer.inverse(y)
            total = total + log_det
        return self.log_latent(y.flatten(1)) - total
