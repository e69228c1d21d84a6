"""F of a classical system from its own chains and from draws of a normalised density."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from physgen.core.errors import check
from physgen.runs.result import Estimate
from physgen.stats import bridge
from physgen.systems import ClassicalSystem

#: draws of the density for each configuration of the chains: they cost less and are independent
DRAWS = 2
#: moves of the chains between two configurations that are taken, about their correlation time
EVERY = 2


class Density(Protocol):
    """A normalised density of labelled configurations, such as a trained `DensityModel`."""

    system: ClassicalSystem

    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Return draws `(num_samples, n, dim)` and their ln p."""

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of configurations `(batch, n, dim)`."""


class Bridging:
    r"""Log weights w = -beta H - ln q along chains of exp(-beta H)/Z and of own draws of q; F by `bridge`.

    The integral behind Z runs over all labelled configurations, as that of the density does.

    Args:
        system: the target.
        density: q > 0 wherever the target is, in evaluation mode; its draws are held in its own type.
        seed: seed of its draws.

    Raises:
        InputError: the density is one of another system.
    """

    def __init__(self, system: ClassicalSystem, density: Density, seed: int) -> None:
        check(density.system == system, "bridge", repr(density.system), f"a density of {system!r}")
        self.system, self.density = system, density
        self.generator = torch.Generator().manual_seed(seed)
        self.forward: list[Tensor] = []
        self.backward: list[Tensor] = []

    @torch.no_grad()
    def step(self, x: Tensor) -> None:
        """Take the chains' configurations `(walkers, n, dim)` and `DRAWS` times as many draws of the density."""
        drawn, log_prob = self.density.sample(DRAWS * len(x), self.generator)
        self.forward.append(self.log_weight(drawn, log_prob))
        held = x.to(drawn.dtype)
        self.backward.append(self.log_weight(held, self.density.log_prob(held)))

    def log_weight(self, x: Tensor, log_prob: Tensor) -> Tensor:
        """Return w `(batch,)` in float64."""
        return -self.system.beta * self.system.energy(x.double()) - log_prob.double()

    def estimate(self) -> tuple[Estimate, dict[str, float], list[str]]:
        """Return F, what to judge it by, and what a reader must know."""
        forward, backward = torch.cat(self.forward), torch.stack(self.backward)
        found, beta = bridge(forward, backward), self.system.beta
        diagnostics = {
            "bridge_draws": len(forward),
            "bridge_configurations": backward.numel(),
            "bridge_overlap": found.overlap,
            "bridge_kl": found.log_z - float(forward.mean()),
            "bridge_reverse_kl": float(backward.mean()) - found.log_z,
        }
        notes = [] if found.converged else ["chains of the bridge have not mixed: its error may be too small"]
        return Estimate(-found.log_z / beta, found.error / beta), diagnostics, notes
