"""Autoregressive density of a cluster in the plane whose particles interact by pairs."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check_integer
from physgen.models.density import DensityModel
from physgen.models.numpy_edge import gives_arrays
from physgen.nn.autoregressive.placed_pairs import PlacedPairs
from physgen.spaces import Relative
from physgen.systems import System


class ClusterAutoregressive(DensityModel):
    r"""Density that places a pair, then one particle after another, in the field of those that are placed.

    The conditionals are those of `PlacedPairs`: the pair potential of the placed particles is in the logits, networks
    learn what the particles to come leave of it. ln p(x) follows with the volume of the relative vectors,
    $x_1 = (r_1 - r_2) / \sqrt2$ in polar coordinates and $x_i = \sqrt{i / (i + 1)}\,(\bar r - r_{i+1})$. p is
    normalised, exactly symmetric under rotations, reflections and the exchange of the first pair; under all
    permutations only as far as it is learned (`GroupAverage` with the group `permutation` makes it exact). It is zero
    where two particles are farther from each other than the potential's reach, which holds less than exp(-80) of the
    system. Draws cannot be differentiated, so the gradient is the score-function one.

    Sources: "Electrons in a Quantum Dot" (Fang and Mei), autoregressive MLP; Wu, Wang and Zhang, "Solving Statistical
    Mechanics Using Variational Autoregressive Networks", arXiv:1809.10606.

    Args:
        system: a cluster in the plane with `pair_potential(r)` and its `reach`, such as `DoubleWellCluster`.
        knots: knots of a coordinate between 0 and the reach.
        hidden: units of the layers of networks.
        gradient: `score`, the only one.
        learning_rate: largest step of Adam.
        clip_norm: largest norm of a gradient, in nats.
        advantage_clip: limit of the advantage in robust standard deviations.
        **kwargs: more arguments of the training, see `DensityModel`.

    Raises:
        InputError: an argument out of its range, or a system that is no such cluster.
    """

    spaces = (Relative,)
    reparameterised = False
    full_support = False  # zero beyond the reach

    def __init__(
        self,
        system: System,
        knots: int = 48,
        hidden: int = 96,
        gradient: str = "score",
        learning_rate: float = 3e-3,
        clip_norm: float | None = 5.0,
        advantage_clip: float | None = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            system,
            gradient=gradient,
            learning_rate=learning_rate,
            clip_norm=clip_norm,
            advantage_clip=advantage_clip,
            **kwargs,
        )
        check_integer("knots", knots, 4)
        check_integer("hidden", hidden, 1)
        known = hasattr(self.system, "pair_potential") and hasattr(self.system, "reach")
        if self.system.dim != 2 or not known:
            raise InputError(
                f"system must be a cluster in the plane with a pair_potential for {type(self).__name__}, "
                f"got {self.system!r}"
            )
        s: Any = self.system
        self.net = PlacedPairs(s.n, lambda r: s.beta * s.pair_potential(r), s.reach, knots, hidden)
        self.space: Relative = s.space
        #: ln of the volume of relative vectors in d, the angle and all a, b, without the factor d
        volumes = [0.5, *(i / (i + 1) for i in range(2, s.n))]
        self.log_volume = sum(map(math.log, volumes)) + math.log(2 * math.pi) + (2 * math.log(2) if s.n > 2 else 0.0)

    def framed(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return particles `(batch, n, 2)` in the frame of the first pair, and its distance `(batch,)`."""
        where = self.space.positions(x)
        where = where - where[:, :2].mean(1, keepdim=True)
        apart = where[:, 0] - where[:, 1]
        distance = apart.norm(dim=-1)
        cos, sin = (apart / distance[:, None]).unbind(-1)
        turned = torch.stack(
            [where[..., 0] * cos[:, None] + where[..., 1] * sin[:, None],
             where[..., 1] * cos[:, None] - where[..., 0] * sin[:, None]], -1)  # fmt: skip
        if self.system.n > 2:
            # the exchange of the pair and a reflection bring the third particle into the first quadrant
            turned = torch.where(turned[:, 2:3] < 0, -turned, turned)
            pair = torch.stack([0.5 * distance, -0.5 * distance], 1)
            turned = torch.cat([torch.stack([pair, torch.zeros_like(pair)], -1), turned[:, 2:]], 1)
        return turned, distance

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of any configurations `(batch, n - 1, 2)`, differentiable in the weights."""
        where, distance = self.framed(x.to(next(self.parameters())))
        log_prob: Tensor = self.net(where, 0, None)[1]
        return log_prob - distance.log() - self.log_volume

    @gives_arrays
    @torch.no_grad()
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw configurations `(num_samples, n - 1, 2)` and their ln p `(num_samples,)`."""
        return self.drawn(num_samples, generator)

    def drawn(self, num: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return draws, held fixed, and ln p, differentiable in the weights."""
        where, log_prob = self.net(None, num, generator)
        distance = where[:, 0, 0] * 2
        kind = {"dtype": where.dtype, "device": where.device, "generator": generator}
        turn = 2 * math.pi * torch.rand(num, 1, **kind)
        signs = torch.where(torch.rand(num, 1, 2, **kind) < 0.5, -1.0, 1.0).to(where)
        first, second = (where * signs).unbind(-1)
        turned = torch.stack([first * turn.cos() - second * turn.sin(), first * turn.sin() + second * turn.cos()], -1)
        x = self.space.vectors.to(turned) @ turned
        return x, log_prob - distance.log() - self.log_volume

    def draw_fixed(self, num_samples: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return draws, held fixed, and their differentiable ln p."""
        return self.drawn(num_samples, generator)
