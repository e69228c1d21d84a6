"""Metropolis sampling of spins."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.samplers.base import LogDensity, Sampler, accept
from physgen.samplers.lattice_bonds import bonds_of, local_fields, sublattices


class SpinSampler(Sampler):
    """A sampler of configurations of spins -1 and +1.

    Args:
        walkers: number of chains on this rank.
        steps: moves of every walker between two samples.
        warm_up_steps: moves before the first sample of a run.
    """

    abstract = True
    adapts = False
    continuous = False

    def __init__(self, walkers: int = 512, steps: int = 5, warm_up_steps: int = 200) -> None:
        super().__init__(walkers, steps, warm_up_steps)


class SpinFlip(SpinSampler):
    r"""Metropolis sampling of any density of spins: one spin of each walker, drawn at random, flips in a move.

    A(x -> x') = min(1, p(x') / p(x))

    Source: N. Metropolis et al., "Equation of State Calculations by Fast Computing Machines", doi:10.1063/1.1699114.
    """

    def move(self, log_density: LogDensity, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        """Propose to flip one spin of every walker."""
        x = state["x"]
        site = torch.randint(x[0].numel(), (len(x), 1), generator=self.generator, device=x.device)
        flat = x.flatten(1)
        flipped = flat.scatter(1, site, -flat.gather(1, site)).view_as(x)
        proposal = self.evaluate(log_density, flipped)
        log_ratio = proposal["log_density"] - state["log_density"]
        return accept(state, proposal, log_ratio, self.uniform_log(log_ratio))


class Checkerboard(SpinSampler):
    r"""Heat bath of the two sublattices of a square lattice in turn; a move draws every spin once.

    p(s_i = 1 | rest) = 1 / (1 + exp(-2 beta sum_j J_ij s_j))

    Source: M. Creutz, L. Jacobs and C. Rebbi, "Experiments with a Gauge-Invariant Ising System",
    doi:10.1103/PhysRevLett.42.1390.
    """

    def evaluate(self, log_density: LogDensity, x: Tensor) -> dict[str, Tensor]:
        """Return the spins; a heat bath needs no log-density."""
        return {"x": x}

    def move(self, log_density: Any, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        """Draw the spins of one sublattice given the other, then the reverse."""
        x, bonds = state["x"], bonds_of("Checkerboard", log_density)
        for mask in sublattices((x.shape[1], x.shape[2]), bonds):
            up = torch.rand(x.shape, generator=self.generator, dtype=x.dtype, device=x.device)
            drawn = torch.where(up < torch.sigmoid(2 * local_fields(x, bonds)), 1.0, -1.0).to(x)
            x = torch.where(mask, drawn, x)
        return {"x": x}, torch.ones((), dtype=x.dtype, device=x.device)
