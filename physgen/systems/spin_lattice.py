"""Spins on a square lattice that couple to their neighbours."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from physgen.core.errors import check_choice, check_integer
from physgen.spaces import Lattice
from physgen.systems.base import ClassicalSystem
from physgen.systems.coulomb import check_scale
from physgen.systems.kaufman import IsingThermodynamics
from physgen.systems.references import Reference, closed_form, with_likelihood
from physgen.systems.transfer_matrix import kept_spins, transfer_matrix

#: sides of a lattice
SMALLEST, LARGEST = 2, 256
#: spins whose states a transfer matrix keeps apart where references are asked for: seconds, not minutes
FEW = 16
BOUNDARIES = ("periodic", "open")


class SpinLattice(ClassicalSystem):
    r"""Spins s = -1, +1 on a square lattice, $H = -\sum_{\langle ij \rangle} J_{ij} s_i s_j$.

    Configurations are `(batch, size, size)`. Energies are those of the whole lattice; the one term is `bonds`.
    Subclasses give the couplings.
    """

    abstract = True
    couplings: Tensor
    symmetries = ("spin flip",)

    def prepare(self, size: int, beta: float, boundary: str) -> None:
        """Check and keep what all such systems share."""
        self.size = check_integer("size", size, SMALLEST, LARGEST)
        self.beta = check_scale("beta", beta)
        self.boundary = check_choice("boundary", boundary, BOUNDARIES)
        self.space = Lattice((self.size, self.size), periodic=self.boundary == "periodic")

    def opened(self, couplings: Tensor) -> Tensor:
        """Return couplings `(2, size, size)` without those over the edges of an open lattice."""
        if self.boundary == "open":
            couplings[0, :, -1] = couplings[1, -1] = 0
        return couplings

    @property
    def bonds(self) -> Tensor:
        """Return beta J `(2, size, size)` of every spin with the next one in its row, then in its column."""
        return self.beta * self.couplings

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `bonds`, `(*)`, of `x` `(*, size, size)`."""
        across, down = self.couplings.to(x)
        return {"bonds": -(x * (across * x.roll(-1, -1) + down * x.roll(-1, -2))).sum((-1, -2))}

    def coupling_matrix(self) -> Tensor:
        """Return J between all pairs of spins `(N, N)`, row after row, symmetric."""
        n = self.size**2
        site = torch.arange(n).view(self.size, self.size)
        matrix = torch.zeros(n, n, dtype=self.couplings.dtype)
        for values, axis in zip(self.couplings, (1, 0), strict=True):
            ends = site.flatten(), site.roll(-1, axis).flatten()
            matrix.index_put_(ends, values.flatten(), accumulate=True)
        return matrix + matrix.T

    def thermodynamics(self) -> IsingThermodynamics | None:
        """Return what a transfer matrix gives where it is narrow enough, else None."""
        if kept_spins(self.couplings) > FEW:
            return None
        return _thermodynamics(tuple(self.couplings.flatten().tolist()), self.size, self.beta)

    def references(self) -> list[Reference]:
        """Return the exact free energy and energy of the lattice, and its entropy in nats, where they are known."""
        found = self.thermodynamics()
        if found is None:
            return []
        n = self.size**2
        energy = n * found.energy
        values = {"free_energy": -found.log_z / self.beta, "energy": energy, "bonds": energy}
        return with_likelihood(closed_form({**values, "entropy": n * found.entropy}, self.source), self.beta)

    @property
    def source(self) -> str:
        """How the exact values are found."""
        return "physgen: transfer matrix"


@lru_cache(maxsize=64)
def _thermodynamics(couplings: tuple[float, ...], size: int, beta: float) -> IsingThermodynamics:
    return transfer_matrix(torch.tensor(couplings, dtype=torch.float64).view(2, size, size), beta)
