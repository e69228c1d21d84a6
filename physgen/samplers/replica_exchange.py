"""Replica exchange: Hamiltonian Monte Carlo in a ladder of densities whose neighbours swap configurations."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from physgen.samplers.base import accept

# Forces are limited per particle as in MALA; a weaker limit, since a trajectory should also conserve energy.
LIMIT = 1 / 16

# Step widths of a trajectory in units of the replica's own: spread, so that no mode is met by a whole period.
JITTER = (0.7, 1.2)


class Ladder(Protocol):
    r"""Densities $\ln p_k(x) = \sum_j c_{kj} T_j(x)$, an exponential family with the features T_j.

    Tempering has the one feature ln p and c_k the power; a ladder of couplings has the terms of H as features.
    """

    #: c, `(replicas, features)`
    coefficients: Tensor

    def evaluate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return T `(features, replicas, walkers)` and grad ln p_k `(replicas, walkers, n, dim)` at such an `x`."""


class ReplicaExchange:
    r"""Moves of `(replicas, walkers)` chains: one trajectory of each replica, then swaps between neighbours.

    A trajectory starts with velocities v ~ N(0, 1) and takes `leaps` leapfrog steps of width w,
    $v \to v + \tfrac{w}{2} g,\ x \to x + w v,\ v \to v + \tfrac{w}{2} g$, where g is grad ln p_k, limited per particle
    to $g \cdot 2 / (1 + \sqrt{1 + 2 a t g^2})$, t = w^2/2, so that two charges on one spot do not blow up: any force
    that depends on x alone leaves the map reversible and volume preserving, and the Metropolis test with the true
    ln p_k makes it exact. Then pairs (k, k+1), k even or odd by a coin, swap walkers with probability
    $\min(1, \exp \sum_j (c_{kj} - c_{k+1,j}) (T_j(x_{k+1}) - T_j(x_k)))$.

    Sources: S. Duane, A. D. Kennedy, B. J. Pendleton, D. Roweth, "Hybrid Monte Carlo",
    doi:10.1016/0370-2693(87)91197-X; K. Hukushima, K. Nemoto, "Exchange Monte Carlo method and application to spin
    glass simulations", arXiv:cond-mat/9512035.

    Args:
        ladder: the densities; walkers of replica k are at `x[k]`.
        x: configurations `(replicas, walkers, n, dim)`.
        widths: step widths `(replicas,)` in units of x.
        generator: source of all draws.
        leaps: leapfrog steps of a trajectory.
    """

    def __init__(self, ladder: Ladder, x: Tensor, widths: Tensor, generator: torch.Generator, leaps: int = 5) -> None:
        self.ladder, self.generator, self.leaps = ladder, generator, leaps
        self.widths = widths.clone()
        self.state = self.evaluate(x)
        #: of the last move: acceptance of the trajectories `(replicas,)` and of the swaps tried, NaN where none was
        self.acceptance = torch.full_like(widths, torch.nan)
        self.swapped = torch.full_like(widths[1:], torch.nan)

    @property
    def x(self) -> Tensor:
        """Configurations `(replicas, walkers, n, dim)`."""
        return self.state["x"]

    @property
    def features(self) -> Tensor:
        """Features `(features, replicas, walkers)` of the present configurations."""
        return self.state["features"].movedim(-1, 0)

    def evaluate(self, x: Tensor) -> dict[str, Tensor]:
        """Return what a move needs to know at `x`, walkers first: features are `(replicas, walkers, features)`."""
        features, gradient = self.ladder.evaluate(x)
        return {"x": x, "features": features.movedim(0, -1), "gradient": gradient}

    def log_density(self, state: dict[str, Tensor]) -> Tensor:
        """Return ln p_k up to a constant, `(replicas, walkers)`."""
        return (state["features"] * self.ladder.coefficients[:, None]).sum(-1)

    def move(self, adapt: float | None = None) -> None:
        """Move every chain once; `adapt` is a target acceptance that `w *= exp((acceptance - target)/2)` leads to."""
        self.trajectory()
        if adapt is not None:
            self.widths = self.widths * torch.exp(0.5 * (self.acceptance - adapt))
        if len(self.widths) > 1:
            self.swap()

    def trajectory(self) -> None:
        """Propose the end of a trajectory to every chain and accept or reject it."""
        x, low, high = self.x, *JITTER
        factor = torch.rand(x.shape[:2], generator=self.generator, dtype=x.dtype, device=x.device)
        width = (self.widths[:, None] * (low + (high - low) * factor))[..., None, None]
        velocity = torch.randn(x.shape, generator=self.generator, dtype=x.dtype, device=x.device)
        kinetic = 0.5 * velocity.square().flatten(2).sum(-1)
        new = self.state
        velocity = velocity + 0.5 * width * limited(new["gradient"], width)
        for leap in range(self.leaps):
            new = self.evaluate(new["x"] + width * velocity)
            share = 1.0 if leap + 1 < self.leaps else 0.5
            velocity = velocity + share * width * limited(new["gradient"], width)
        log_ratio = self.log_density(new) - self.log_density(self.state)
        log_ratio = log_ratio + kinetic - 0.5 * velocity.square().flatten(2).sum(-1)
        self.acceptance = self.settle(new, log_ratio)

    def propose(self, x: Tensor) -> Tensor:
        """Offer every chain a configuration of a symmetric proposal; return the share of each replica that took it."""
        new = self.evaluate(x)
        return self.settle(new, self.log_density(new) - self.log_density(self.state))

    def settle(self, new: dict[str, Tensor], log_ratio: Tensor) -> Tensor:
        """Go on to `new` where min(1, exp(log_ratio)) says so; return the share of each replica that did."""
        x = self.x
        log_u = torch.rand(log_ratio.shape, generator=self.generator, dtype=x.dtype, device=x.device).log()
        old, proposed = ({k: v.flatten(0, 1) for k, v in state.items()} for state in (self.state, new))
        taken = (log_u < log_ratio).to(x.dtype)
        state, _ = accept(old, proposed, log_ratio.flatten(), log_u.flatten())
        self.state = {k: v.unflatten(0, x.shape[:2]) for k, v in state.items()}
        return taken.mean(1)

    def swap(self) -> None:
        """Swap walkers between neighbours, every second pair."""
        x, features, coefficients = self.x, self.state["features"], self.ladder.coefficients
        first = int(torch.randint(2, (1,), generator=self.generator, device=x.device))
        lower = torch.arange(first, len(x) - 1, 2, device=x.device)
        self.swapped = torch.full_like(self.widths[1:], torch.nan)
        if not len(lower):
            return
        upper = lower + 1
        gap = (coefficients[lower] - coefficients[upper])[:, None]
        log_ratio = (gap * (features[upper] - features[lower])).sum(-1)
        log_u = torch.rand(log_ratio.shape, generator=self.generator, dtype=x.dtype, device=x.device).log()
        taken = log_u < log_ratio
        self.swapped[lower] = taken.to(x.dtype).mean(1)
        new = {}
        for name in ("x", "features"):
            value, chosen = self.state[name].clone(), taken.view(*taken.shape, *[1] * (self.state[name].ndim - 2))
            value[lower] = torch.where(chosen, self.state[name][upper], self.state[name][lower])
            value[upper] = torch.where(chosen, self.state[name][lower], self.state[name][upper])
            new[name] = value
        # the gradient is that of the replica's own density
        self.state = self.evaluate(new["x"])


def limited(gradient: Tensor, width: Tensor) -> Tensor:
    """Return `gradient` shortened per particle where `width * gradient` is large."""
    scaled = LIMIT * 0.5 * width.square() * gradient.square().sum(-1, keepdim=True)
    return gradient * 2 / (torch.sqrt(1 + 2 * scaled) + 1)
