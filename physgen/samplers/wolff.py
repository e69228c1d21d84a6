"""Cluster moves of spins."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.samplers.base import LogDensity
from physgen.samplers.lattice_bonds import bonds_of
from physgen.samplers.spin_flip import SpinSampler


class Wolff(SpinSampler):
    r"""Wolff's single cluster: a random spin and all that are bound to it flip together, which is always accepted.

    Neighbours whose coupling they satisfy are bound with the probability 1 - exp(-2 beta J_ij s_i s_j). Ferromagnets
    forget their past in few moves at any temperature; with competing couplings, as in a spin glass, the law is right
    but clusters span the lattice.

    Source: U. Wolff, "Collective Monte Carlo Updating for Spin Systems", doi:10.1103/PhysRevLett.62.361.
    """

    def evaluate(self, log_density: LogDensity, x: Tensor) -> dict[str, Tensor]:
        """Return the spins; a cluster needs no log-density."""
        return {"x": x}

    def move(self, log_density: Any, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        """Flip one cluster of every walker."""
        x, bonds = state["x"], bonds_of("Wolff", log_density)
        across, down = self.bound(x, bonds[0], 2), self.bound(x, bonds[1], 1)
        seed = torch.randint(x[0].numel(), (len(x), 1), generator=self.generator, device=x.device)
        none = torch.zeros(x.shape, dtype=torch.bool, device=x.device)
        cluster = front = none.flatten(1).scatter(1, seed, True).view(x.shape)
        while bool(front.any()):
            right, below = (front & across).roll(1, 2), (front & down).roll(1, 1)
            left, above = front.roll(-1, 2) & across, front.roll(-1, 1) & down
            front = (right | below | left | above) & ~cluster
            cluster = cluster | front
        return {"x": torch.where(cluster, -x, x)}, torch.ones((), dtype=x.dtype, device=x.device)

    def bound(self, x: Tensor, bonds: Tensor, axis: int) -> Tensor:
        """Draw which sites are bound to the next one along an axis, `(batch, rows, columns)`."""
        keep = torch.exp(-2 * bonds.to(x) * x * x.roll(-1, axis))  # above 1 where the bond is not satisfied
        return torch.rand(x.shape, generator=self.generator, dtype=x.dtype, device=x.device) > keep
