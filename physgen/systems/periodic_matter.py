"""Matter without walls: particles with spin in a periodic cube, in closed shells of plane waves."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from physgen.core.errors import check, check_integer
from physgen.nn.determinants.plane_waves import box_momenta, check_closed_box
from physgen.observables.base import Observable
from physgen.observables.momentum_distribution import MomentumDistribution
from physgen.observables.per_particle import PerParticle
from physgen.spaces.periodic_box import PeriodicBox, side_of
from physgen.systems.base import QuantumSystem
from physgen.systems.coulomb import MOST_PARTICLES
from physgen.systems.references import Reference, labelled

#: published values by the labels of the systems
TABLE = "periodic_matter.csv"


class PeriodicMatter(QuantumSystem):
    r"""n fermions of spin 1/2 in a periodic cube of side L, the first `n_up` with spin up.

    Plane waves $e^{i k r}$, $k = 2\pi \nu/L$ with integer vectors $\nu$, fill closed shells of each spin: only then is
    their determinant unique, and as symmetric as the cube. Energies are those of all particles; per particle they stand
    beside. The `length` is L, so that networks see a cube of side 1. Subclasses define `terms`, and
    `plane_wave_potential` where they know it: then energies stand beside Hartree-Fock.

    Args:
        n: number of particles.
        density: number of particles per volume.
        polarised: whether all have spin up; else half of them have.

    Raises:
        InputError: open shells, with a list of the closed ones.
    """

    abstract = True
    symmetries: ClassVar[tuple[str, ...]] = ("reflection", "translation")
    statistics = "fermions"
    continuous = True
    space: PeriodicBox

    def __init__(self, n: int, density: float, polarised: bool = False) -> None:
        self.n = check_integer("n", n, 1, MOST_PARTICLES)
        check(polarised or self.n > 1, "n", n, "2 at least of two spins")
        self.n_up = self.n if polarised else self.n // 2
        check_closed_box(self.n, self.n_up)
        self.space = PeriodicBox(self.n, side_of(self.n, density), self.n_up)

    @property
    def side(self) -> float:
        """L."""
        return self.space.side

    @property
    def length(self) -> float:
        """The side L of the cube."""
        return self.side

    @property
    def spread(self) -> float:
        """Standard deviation of a coordinate of particles that lie evenly in the cube."""
        return self.side / math.sqrt(12)

    @property
    def spins(self) -> tuple[int, ...]:
        """Numbers of particles of each spin that there are."""
        return tuple(count for count in (self.n_up, self.n - self.n_up) if count)

    @cached_property
    def waves(self) -> Tensor:
        r"""Integer vectors $\nu$ `(n_up, 3)` of the plane waves that each spin fills, 0 first."""
        half = box_momenta(self.n_up)
        return torch.cat([half.new_zeros(1, 3), half, -half])

    @property
    def smallest_momentum(self) -> float:
        r"""$2\pi/L$, by which integer vectors become wave vectors."""
        return 2 * math.pi / self.side

    @property
    def fermi_momentum(self) -> float:
        """k_F of each spin in an infinite system of this density."""
        return float((6 * math.pi**2 * self.n_up / self.space.volume) ** (1 / 3))

    @property
    def free_kinetic(self) -> float:
        r"""$\sum_k \hbar^2 k^2/2m$ of all filled plane waves, the energy of the free gas in this cube."""
        squares = float(self.waves.square().sum())
        return 0.5 * self.hbar2_over_mass * self.smallest_momentum**2 * squares * len(self.spins)

    @property
    def plane_wave_potential(self) -> float | None:
        """Mean potential energy of all particles in the determinants of the filled plane waves, None if not known."""
        return None

    @property
    def hartree_fock(self) -> float | None:
        """Energy of all particles in the determinants of the filled plane waves, None if not known."""
        potential = self.plane_wave_potential
        return None if potential is None else self.free_kinetic + potential

    @property
    def published_label(self) -> str:
        """Label that published values are kept under."""
        return self.label

    def observables(self) -> list[Observable]:
        """Return energies per particle beside those of plane waves, and how plane waves are occupied."""
        known = [r for r in self.references() if r.quantity == "correlation_per_particle"]
        # one with a caveat, such as another convention for images, is no measure
        best = next((r.value for r in known if not r.note), None)
        return [PerParticle(self.n, self.hartree_fock, best), MomentumDistribution(self.space, self.fermi_momentum)]

    def references(self) -> list[Reference]:
        """Return published values, the best first, and the energy of the plane waves.

        Published energies are per particle, or differences to plane waves, which do not depend on what stands for the
        images of a particle as much as energies do.
        """
        found, waves = [], self.hartree_fock
        for row in labelled(self.published_label, TABLE):
            if row.quantity == "energy":
                found.append(replace(row, value=self.n * row.value, error=self.n * row.error))
            elif row.quantity == "correlation" and waves is not None:
                row = replace(row, method=f"Hartree-Fock + {row.method}")
                found.append(replace(row, quantity="energy", value=waves + row.value))
                each = replace(row, value=row.value / self.n, error=row.error / self.n)
                found.append(replace(each, quantity="correlation_per_particle"))
            else:
                found.append(row)
        if waves is not None:
            source = "physgen: sums over filled plane waves"
            found.append(Reference("hartree_fock", waves, 0.0, "Hartree-Fock", source))
        return found
