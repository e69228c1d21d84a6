"""Autoregressive density of identical particles in the plane."""

from __future__ import annotations

import functools
import math
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check, check_choice, check_integers, check_positive
from physgen.models.density import DensityModel
from physgen.models.numpy_edge import gives_arrays
from physgen.nn.autoregressive.ordered_autoregressive import OrderedAutoregressive
from physgen.nn.autoregressive.particle_order import ORDERS
from physgen.nn.point_groups import average_log_prob, point_group
from physgen.optim import Muon
from physgen.spaces import Free
from physgen.systems import System


def length_of_gas(system: Any) -> float:
    """Return L of the gas exp(-r^2/L^2): of the cloud where repulsion rules, else of the hot gas."""
    cloud = 0.8 * (3 * math.pi * system.n * (system.coulomb_coupling or 0.0) / 8) ** (1 / 3)
    return float(max(cloud, 1.1 * system.beta**-0.5))  # tails must not fall below the trap


class AutoregressiveMLP(DensityModel):
    r"""Density that places one particle after another, by one multilayer perceptron for every place.

    ln p(x) = ln p_gas(x) + sum_i [ ln c(s_i | before) + ln c(t_i | s_i, before) ]

    s and t are coordinates of radius and angle in which a Gaussian gas is uniform, so a network of zeros is the gas
    itself and p is normalised over labelled configurations by construction, with support everywhere. The order is
    `angle` (the innermost particle, then the others by their angle about the centre) or `radius`, both fundamental
    domains of the permutations in which p is exactly invariant under S_n and rotations; or `labelled`, as in the
    talk, invariant under rotations alone. `mirror` averages over reflections, p(x) <- (p(x) + p(mirror x))/2, in
    draws and evaluation; the training takes the plain p, whose free energy lies above that of the average. Draws
    cannot be differentiated, so the gradient is the score-function one.

    Sources: "Electrons in a Quantum Dot" (Fang and Mei), autoregressive MLP; Wu, Wang and Zhang, "Solving Statistical
    Mechanics Using Variational Autoregressive Networks", arXiv:1809.10606; Rosenblatt, "Remarks on a multivariate
    transformation", doi:10.1214/aoms/1177729394.

    Args:
        system: a classical system of particles in the plane.
        order: `angle`, `radius` or `labelled`.
        hidden: units of every layer.
        depth: residual layers before the radius.
        angular_depth: residual layers after the radius is known.
        radial_cells: cells of the density of the radius.
        angular_cells: cells of the density of the angle.
        radii_ahead: radii of the grid on which networks see the repulsion of the placed particles.
        angles_ahead: angles of that grid.
        softening: of that repulsion, a length.
        gas_length: L of the gas exp(-r^2/L^2), 0.8 of the continuum radius of the cloud unless given; L^2 > 1/beta.
        mirror: whether p is averaged over reflections.
        matrix_learning_rate: step of Muon for the hidden matrices; None for Adam everywhere.
        gradient: `score`, the only one.
        learning_rate: largest step of Adam.
        clip_norm: largest norm of a gradient, in nats.
        anneal_from: fraction of beta that a training without data starts at.
        advantage_clip: limit of the advantage in robust standard deviations.
        **kwargs: more arguments of the training, see `DensityModel`.

    Raises:
        InputError: an argument out of its range.
    """

    spaces = (Free,)
    reparameterised = False
    #: gaps of ordered radii and angles round off in less
    configurations_dtype = torch.float64

    def __init__(
        self,
        system: System,
        order: str = "angle",
        hidden: int = 64,
        depth: int = 2,
        angular_depth: int = 1,
        radial_cells: int = 32,
        angular_cells: int = 24,
        radii_ahead: int = 8,
        angles_ahead: int = 6,
        softening: float = 0.1,
        gas_length: float | None = None,
        mirror: bool = True,
        matrix_learning_rate: float | None = 0.03,
        gradient: str = "score",
        learning_rate: float = 2e-3,
        clip_norm: float | None = 5.0,
        anneal_from: float = 0.02,
        advantage_clip: float | None = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            system,
            gradient=gradient,
            learning_rate=learning_rate,
            clip_norm=clip_norm,
            anneal_from=anneal_from,
            advantage_clip=advantage_clip,
            **kwargs,
        )
        if self.system.dim != 2:
            raise InputError(f"system must be in the plane for AutoregressiveMLP, got dim = {self.system.dim}")
        check_choice("order", order, ORDERS)
        cells = check_integers(1, hidden=hidden, radial_cells=radial_cells, angular_cells=angular_cells)
        ahead = {"radii_ahead": radii_ahead, "angles_ahead": angles_ahead}
        more = check_integers(0, depth=depth, angular_depth=angular_depth, **ahead)
        check_positive("softening", softening)
        check(isinstance(mirror, bool), "mirror", mirror, "true or false")
        length = check_positive("gas_length", length_of_gas(self.system) if gas_length is None else gas_length)
        self.mirror, self.matrix_learning_rate = mirror, matrix_learning_rate
        if matrix_learning_rate is not None:
            check_positive("matrix_learning_rate", matrix_learning_rate)
        n, self.strength = self.system.n, self.system.beta * (self.system.coulomb_coupling or 0.0)
        self.net = OrderedAutoregressive(ORDERS[order](n, length), self.strength, softening=softening, **cells, **more)
        if n > 1 and order == "labelled":
            cost = math.lgamma(n + 1) / self.system.beta
            self.notes.append(f"the order is labelled: a single permutation sector would cost ln(n!)/beta = {cost:.3f}")

    def without_effect(self) -> dict[str, str]:
        """Return the half of the grid ahead that nothing is left of without the other."""
        ignored = super().without_effect()
        for name, other in (("radii_ahead", "angles_ahead"), ("angles_ahead", "radii_ahead")):
            if self.init_args[other] == 0 and self.init_args[name] != 0:
                ignored[name] = f"with {other} 0"
        return ignored

    @gives_arrays
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw configurations `(num_samples, n, 2)`, particles in a random order, and ln p `(num_samples,)`."""
        with torch.no_grad():
            radius, angle = self.net.sample(num_samples, generator)
            uniform = functools.partial(torch.rand, dtype=torch.float64, device=radius.device, generator=generator)
            if self.mirror:  # either handedness with probability 1/2
                angle = torch.where(uniform((num_samples, 1)) < 0.5, angle, -angle)
            x = self.net.place(radius, angle, generator)
            if self.net.order.canonical:
                label = uniform((num_samples, self.system.n)).argsort(-1)
                x = x.gather(1, label[..., None].expand_as(x))
            return x, self.log_prob(x)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of any configurations `(batch, n, 2)`, float64 and differentiable."""
        if not self.mirror:
            return self.log_prob_of_samples(x)
        return average_log_prob(self.log_prob_of_samples, x, point_group("reflection", 2))

    def log_prob_of_samples(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` without the average over reflections."""
        return self.net.log_prob(*self.net.order.order(x.double()))

    def reflected(self, x: Tensor) -> Tensor:
        """Return samples, each mirrored with probability 1/2: twice the data from the same chains."""
        flip = torch.rand(len(x), generator=self.generator, dtype=x.dtype, device=x.device) < 0.5
        y = torch.where(flip[:, None], -x[..., 1], x[..., 1])
        return torch.stack([x[..., 0], y], -1)

    def draw_fixed(self, num_samples: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return draws without the average over reflections, and their differentiable ln p."""
        radius, angle = self.net.sample(num_samples, generator)
        return self.net.place(radius, angle, generator), self.net.log_prob(radius, angle)

    def annealed(self, beta: float) -> None:
        """Let the repulsion in the logits follow the inverse temperature while it rises."""
        if beta < self.system.beta and self.system.n > 1:
            self.net.strength.data.fill_(self.strength * beta / self.system.beta)

    def make_optimizer(self) -> torch.optim.Optimizer:
        """Return Muon for the hidden matrices and Adam for the rest, or Adam for all."""
        if self.matrix_learning_rate is None:
            return super().make_optimizer()
        matrices = self.net.hidden_matrices()
        return Muon(self.parameters(), self.learning_rate, self.matrix_learning_rate, matrices=matrices)
