"""The density of a classical system, and Monte Carlo samples of it to learn from."""

from __future__ import annotations

import math

import torch
from rich.progress import track
from torch import Tensor

from physgen.samplers import MALA, Sampler, Wolff
from physgen.systems import ClassicalSystem


class BoltzmannDensity:
    """ln exp(-beta H), the log-density that Monte Carlo samples of a classical system follow."""

    def __init__(self, system: ClassicalSystem) -> None:
        self.system = system

    def __call__(self, x: Tensor) -> Tensor:
        """Return -beta H `(batch,)` of `x` `(batch, n, dim)`."""
        return -self.system.beta * self.system.energy(x)

    @property
    def bonds(self) -> Tensor | None:
        """beta J of neighbours on a lattice, where the system says them, for samplers of spins."""
        return getattr(self.system, "bonds", None)


def usual_data(system: ClassicalSystem) -> Sampler:
    """Return the sampler of Monte Carlo samples where none is given: clusters of spins on a lattice, else MALA."""
    if system.space.continuous:
        return MALA(walkers=4096, steps=40, warm_up_steps=400)
    return Wolff(walkers=1024, steps=10)


def monte_carlo_samples(
    system: ClassicalSystem, sampler: Sampler, num: int, generator: torch.Generator, device: torch.device, shown: bool
) -> Tensor:
    """Return samples of the system `(num, *shape)`, float32: its own independent draws where it has them.

    Args:
        system: what is sampled.
        sampler: of its Monte Carlo, without walkers yet.
        num: how many.
        generator: source of all draws.
        device: where they live.
        shown: whether a progress bar is shown.
    """
    if hasattr(system, "draw"):
        drawn: Tensor = system.draw(num, generator, device).float()
        return drawn
    density = BoltzmannDensity(system)
    x = system.initial(sampler.walkers, generator, dtype=torch.float64, device=device)
    sampler.start(x, generator, 0.1 * system.thermal_width, space=system.space)
    sampler.warm_up(density)
    rounds = math.ceil(num / sampler.walkers)
    bar = track(range(rounds), "Monte Carlo samples", transient=True, disable=not shown)
    return torch.cat([sampler.sample(density).float() for _ in bar])[:num]
