"""Conditionals of particles in the plane that see the pair potential of those that are placed."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from physgen.nn.autoregressive import log_linear

#: potential of a pair `(*)` at distances `(*)`
Potential = Callable[[Tensor], Tensor]
#: beyond this many nats below nothing a logit has no weight; it keeps differences of infinities away
NEVER = -200.0
#: bumps that a network sees a coordinate by
BUMPS = 24


class Correction(nn.Module):
    """What is added to the logits of a coordinate, a function of the coordinates before it; zero to start with.

    Args:
        inputs: coordinates before.
        reach: largest of their sizes.
        hidden: units of both layers.
        knots: values that come out.
    """

    centres: Tensor

    def __init__(self, inputs: int, reach: float, hidden: int, knots: int) -> None:
        super().__init__()
        self.reach = reach
        self.register_buffer("centres", torch.linspace(-1, 1, BUMPS), persistent=False)
        self.first = nn.Linear(inputs * BUMPS, hidden)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, knots)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, seen: Tensor) -> Tensor:
        """Return `(batch, knots)` of coordinates `(batch, inputs)`."""
        away = (seen[..., None] / self.reach - self.centres) * (0.5 * BUMPS)
        h = silu(self.first(torch.exp(-away.square()).flatten(1)))
        found: Tensor = self.last(h + silu(self.second(h)))
        return found


class PlacedPairs(nn.Module):
    r"""Density of n particles in the plane without their centre: the first pair, then one particle after another.

    In the frame where the first pair lies on an axis about its middle, particle i has coordinates a and b about the
    centre of those before it, both in [-R, R]; the first of them has a, b >= 0, by the exchange of the pair and by
    reflection. With f = e^{-V} the logits of piecewise log-linear densities on knots are

    $$\ln p(d) \sim -V(d) + \ln d + \theta(d), \quad
      \ln p(a) \sim \ln \int db \prod_j f(|(a, b) - r_j|) + u_i(a), \quad
      \ln p(b | a) \sim -\sum_j V(|(a, b) - r_j|) + v_i(b; a)$$

    with the integral by the rule of the knots. theta are numbers, u and v networks that see all coordinates before,
    which learn what particles to come leave of the density; of the last particle nothing is to be learned but what the
    knots round off.

    Args:
        n: particles.
        potential: V.
        reach: R, beyond which f is negligible; the density is zero there.
        knots: of a coordinate from 0 to R.
        hidden: units of the layers of u and v.
    """

    def __init__(self, n: int, potential: Potential, reach: float, knots: int, hidden: int) -> None:
        super().__init__()
        self.n, self.potential, self.reach = n, potential, reach
        self.pair = nn.Parameter(torch.zeros(knots + 1))
        self.along = nn.ModuleList()
        self.across = nn.ModuleList()
        for i in range(2, n):
            cells = knots if i == 2 else 2 * knots
            inputs = 2 * (i - 2) + 1
            self.along.append(Correction(inputs, reach, hidden, cells + 1))
            self.across.append(Correction(inputs + 1, reach, hidden, cells + 1))

    def forward(self, where: Tensor | None, num: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return particles `(batch, n, 2)` in the frame and ln p `(batch,)` of d and all a, b, differentiable.

        Args:
            where: particles in the frame, the first pair about the origin; None to draw them.
            num: how many to draw.
            generator: source of the draws.
        """
        at = self.pair if where is None else where
        knots = self.knots(0.0, at)
        with torch.no_grad():
            bare = (-self.potential(knots) + knots.clamp_min(1e-6).log()).clamp_min(NEVER)
        logits = (bare + self.pair).expand(num if where is None else len(where), -1)
        distance, log_prob = self.coordinate(logits, 0.0, None if where is None else where[:, 0, 0] * 2, generator)
        placed = torch.stack([torch.stack([0.5 * s * distance, torch.zeros_like(distance)], -1) for s in (1, -1)], 1)
        seen = distance[:, None]
        for along, across in zip(self.along, self.across, strict=True):
            i = placed.shape[1]
            low = 0.0 if i == 2 else -self.reach
            centre = placed.mean(1)
            target = None if where is None else where[:, i] - centre
            knots = self.knots(low, at)
            grid = torch.cartesian_prod(knots, knots).view(len(knots), len(knots), 2)
            with torch.no_grad():
                bare = settled(self.felt(centre[:, None, None] + grid, placed).logsumexp(-1))
            a, log_a = self.coordinate(bare + along(seen), low, None if target is None else target[:, 0], generator)
            seen = torch.cat([seen, a[:, None]], 1)
            with torch.no_grad():
                line = torch.stack([a[:, None].expand(-1, len(knots)), knots.expand(len(a), -1)], -1)
                bare = settled(self.felt(centre[:, None] + line, placed))
            b, log_b = self.coordinate(bare + across(seen), low, None if target is None else target[:, 1], generator)
            seen = torch.cat([seen, b[:, None]], 1)
            placed = torch.cat([placed, (centre + torch.stack([a, b], -1))[:, None]], 1)
            log_prob = log_prob + log_a + log_b
        return placed, log_prob

    def knots(self, low: float, like: Tensor) -> Tensor:
        """Return the knots of a coordinate from `low` to the reach."""
        cells = len(self.pair) - 1 if low == 0 else 2 * (len(self.pair) - 1)
        return torch.linspace(low, self.reach, cells + 1, dtype=like.dtype, device=like.device)

    def felt(self, points: Tensor, placed: Tensor) -> Tensor:
        """Return -sum_j V of points `(batch, *, 2)` with the placed `(batch, i, 2)`, one after another."""
        total = torch.zeros_like(points[..., 0])
        for j in range(placed.shape[1]):
            source = placed[:, j].view(-1, *[1] * (points.ndim - 2), 2)
            total -= self.potential((points - source).square().sum(-1).sqrt())
        return total

    def coordinate(
        self, logits: Tensor, low: float, given: Tensor | None, generator: torch.Generator | None
    ) -> tuple[Tensor, Tensor]:
        """Return a coordinate `(batch,)` and its ln p; -inf where a given one is out of reach."""
        length = self.reach - low
        if given is None:
            share = log_linear.sample(logits.detach(), generator)[0].to(logits)
            given = low + length * share
        share = (given - low) / length
        log_prob = log_linear.log_prob(logits, share.clamp(0, 1)) - math.log(length)
        return given, torch.where((share >= 0) & (share <= 1), log_prob, -torch.inf)


def settled(logits: Tensor) -> Tensor:
    """Return logits `(batch, knots)` from 0 down to `NEVER`."""
    return (logits - logits.max(-1, keepdim=True).values).clamp_min(NEVER)
