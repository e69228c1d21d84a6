"""Normalizing flow of coupling layers with attention on ranked particles, invertible by construction."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from physgen.core.errors import InputError, check_integer
from physgen.models.closed_inverse import ClosedInverseFlow
from physgen.models.transformer_flow import NEEDED
from physgen.nn.flows.rank_coupling import RadiusChain, RankCoupling, of_points
from physgen.nn.parts import Parts
from physgen.systems import System


class TransformerCouplingFlow(ClosedInverseFlow):
    r"""Flow z -> x of coupling layers with attention: the closed-form sister of `TransformerFlow`, for the plane.

    Particles are ranked by their distance to the centre of the trap. A first layer maps the gaps between the ranked
    half square radii, one by one; then sweeps of `RankCoupling` move the particles of one group of ranks after another,
    each by a monotone map of its angle and of its radius between its neighbours' that attention on the distances to
    all others determines. Ranks never change, so this is a bijection of the plane's configurations for any weights,
    with a closed inverse, and it commutes with permutations, rotations and reflections: p(g x) = p(x) exactly, F_theta
    is always a bound. As with any canonical order p may jump where two particles have the same radius.

    Ranks about the centre of mass would change with every move: here the centre of mass is learned, not split off.

    Sources: as `RankCoupling` and "Electrons in a Quantum Dot" (Fang and Mei), MLP + transformer.

    Args:
        system: a classical system of at least two particles in the plane with permutation, rotation and reflection
            symmetry.
        coupling: `spline` (monotone quadratic) or `affine` (in the logit of a segment).
        sweeps: times that every particle moves.
        groups: groups of ranks in a sweep; particles of one group do not see each other while they move.
        heads: heads of the attention.
        radii: functions of a particle's own distance to the centre.
        hidden: units of the perceptrons.
        bins: trial points round a circle.
        gradient: estimator of the gradient.
        learning_rate: largest step of Adam.
        anneal_from: fraction of beta that the training starts at.
        **kwargs: more arguments of the training, see `DensityModel`.

    Raises:
        InputError: an argument out of its range, or a system without these symmetries, not in the plane or of one
            particle.
    """

    def __init__(
        self,
        system: System,
        coupling: str = "spline",
        sweeps: int = 2,
        groups: int = 5,
        heads: int = 6,
        radii: int = 4,
        hidden: int = 32,
        bins: int = 32,
        gradient: str = "reparameterised",
        learning_rate: float = 2e-2,
        anneal_from: float = 0.05,
        **kwargs: Any,
    ) -> None:
        super().__init__(system, gradient=gradient, learning_rate=learning_rate, anneal_from=anneal_from, **kwargs)
        missing = [name for name in NEEDED if name not in self.system.symmetries]
        if missing or self.system.dim != 2 or self.system.n < 2:
            raise InputError(
                "system must be of two or more particles in the plane, with permutation, rotation and reflection "
                f"symmetry, for {type(self).__name__}, got {self.system!r}"
            )
        check_integer("sweeps", sweeps, 1)
        check_integer("bins", bins, 4)
        n = self.system.n
        self.net: Parts[RadiusChain | RankCoupling] = Parts([RadiusChain(n, coupling, max(4, bins // 2))])
        self.net.extend(RankCoupling(n, coupling, groups, heads, radii, hidden, bins) for _ in range(sweeps))
        self.log_scale = nn.Parameter(torch.zeros(()))

    def transform(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(z) `(batch, D)` and ln |det df/dz| `(batch,)`."""
        y, log_det = self.passed(z.view(-1, self.system.n, 2), inverse=False)
        return (self.log_scale.exp() * y).flatten(1), log_det + self.size * self.log_scale

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of any configurations `(batch, n, 2)`, exact and differentiable."""
        y = x.to(self.log_scale) * torch.exp(-self.log_scale) / self.scale
        z, log_det = self.passed(y, inverse=True)
        return self.log_latent(z.flatten(1)) + log_det - self.size * self.log_scale

    def passed(self, y: Tensor, inverse: bool) -> tuple[Tensor, Tensor]:
        """Return particles `(batch, n, 2)` after all layers, or before them, and ln |det| `(batch,)`."""
        rank = y.detach().square().sum(-1).argsort(dim=-1)
        state = of_points(y.gather(1, rank.unsqueeze(-1).expand_as(y)))
        total = torch.zeros_like(state.half[:, 0])
        for layer in reversed(self.net) if inverse else self.net:
            state, log_det = layer.inverse(state) if inverse else layer(state)
            total = total + log_det
        return torch.empty_like(y).scatter(1, rank.unsqueeze(-1).expand_as(y), state.points), total
