"""Electrons in a harmonic trap."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, replace

from torch import Tensor

from physgen.core.errors import check, check_integer
from physgen.nn.determinants.shell_filling import ShellFilling
from physgen.systems.base import QuantumSystem, label_text
from physgen.systems.coulomb import (
    MOST_PARTICLES,
    check_coupling,
    check_dim,
    check_scale,
    coulomb_energy,
    gaussian_repulsion,
    positive_root,
)
from physgen.systems.references import Reference, closed_form, published
from physgen.systems.two_electrons import STRONGEST, TAUT, two_electrons


class QuantumDot(QuantumSystem):
    r"""Electrons in a harmonic trap that repel each other by the Coulomb force.

    $$H = \sum_i \left( -\tfrac12 \nabla_i^2 + \tfrac12 \omega^2 r_i^2 \right) + \lambda \sum_{i<j} \frac{1}{r_{ij}}$$

    Units: hbar = m = e = 1, energies in effective Hartree, lengths in effective Bohr radii. The terms are `trap` and
    `coulomb`, and `kinetic` in `local_energy`. The first `n_up` rows of a configuration `(batch, n, dim)` have spin up;
    references are those of fermions, antisymmetric within each spin.

    Args:
        n: number of electrons.
        dim: dimension of space, 2 or 3.
        omega: frequency of the trap, in effective Hartree.
        coupling: strength (lambda) of the repulsion; 0 switches it off.
        n_up: number of spins up, half of the electrons (rounded up) unless given; 2 of 2 is the triplet.
        angular_momentum: M of states with L_z = M and -M in two dimensions, where shells are open; that of
            `ShellFilling` unless given.

    Raises:
        InputError: an argument out of its range.

    Source: M. Pedersen Lohne, G. Hagen, M. Hjorth-Jensen, S. Kvaal and F. Pederiva, Ab initio computation of the
    energies of circular quantum dots, doi:10.1103/PhysRevB.84.115302.

    Example:
        >>> dot = QuantumDot(n=6, omega=0.5)
        >>> dot.label
        'quantum-dot-2d-n6-omega0.5'
    """

    energy_unit, length_unit = "Ha$^*$", "$a_B^*$"

    symmetries = ("permutation", "rotation", "reflection")
    statistics = "fermions"
    continuous = True

    def __init__(
        self,
        n: int = 2,
        dim: int = 2,
        omega: float = 1.0,
        coupling: float = 1.0,
        n_up: int | None = None,
        angular_momentum: int | None = None,
    ) -> None:
        self.n = check_integer("n", n, 1, MOST_PARTICLES)
        self.dim = check_dim(dim)
        self.omega = check_scale("omega", omega)
        self.coupling = check_coupling(coupling)
        n_up = (self.n + 1) // 2 if n_up is None else check_integer("n_up", n_up, 0)
        check(n_up <= self.n, "n_up", n_up, f"an integer from 0 to n = {self.n}")
        self.n_up = n_up
        if angular_momentum is not None:
            usual = ShellFilling(self.n, self.dim, n_up).angular_momentum
            angular_momentum = ShellFilling(self.n, self.dim, n_up, angular_momentum).angular_momentum
            angular_momentum = None if angular_momentum == usual else angular_momentum
        #: None for that of the first orbitals
        self.angular_momentum = angular_momentum

    @property
    def coulomb_coupling(self) -> float:
        """The coupling."""
        return self.coupling

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `trap` and `coulomb`, `(*)` each, of `x` `(*, n, dim)`."""
        trap = 0.5 * self.omega**2 * x.square().sum((-1, -2))
        return {"trap": trap, "coulomb": coulomb_energy(x, self.coupling)}

    def virial(self, energies: Mapping[str, Tensor]) -> Tensor:
        """Return 2 kinetic - 2 trap + coulomb, whose mean vanishes at an eigenstate and at scale-optimised states."""
        return 2 * energies["kinetic"] - 2 * energies["trap"] + energies["coulomb"]

    @property
    def length(self) -> float:
        """Oscillator length 1 / sqrt(omega)."""
        return float(self.omega**-0.5)

    @property
    def energy_scale(self) -> float:
        """Energy quantum omega of the trap."""
        return self.omega

    @property
    def spread(self) -> float:
        r"""Standard deviation of a coordinate in a first guess of the cloud; it grows with `n` and `coupling`.

        The shells' cloud, scaled by the s that minimises $E_0/(2 s^2) + E_0 s^2/2 + C/s$ (Gaussian repulsion C).
        """
        energy = self.shell_energy()
        sigma = (energy / (self.omega**2 * self.n * self.dim)) ** 0.5
        repulsion = gaussian_repulsion(self.n, self.dim, self.coupling) / sigma
        return float(sigma * positive_root([energy, 0.0, 0.0, -repulsion, -energy]))

    @property
    def label(self) -> str:
        """Name such as `quantum-dot-2d-n2-omega1`; what else is not the default follows."""
        label = f"quantum-dot-{self.dim}d-n{self.n}-omega{label_text(self.omega)}"
        label += f"-coupling{label_text(self.coupling)}" if self.coupling != 1 else ""
        label += f"-up{self.n_up}" if self.n_up != (self.n + 1) // 2 else ""
        return label + (f"-m{self.angular_momentum}" if self.angular_momentum is not None else "")

    def shell_energy(self) -> float:
        r"""Return the ground-state energy without repulsion, the sum of the lowest levels of each spin.

        Levels $\omega (k + d/2)$, $k = 0, 1, \ldots$, hold $k + 1$ states of one spin in 2D, $(k+1)(k+2)/2$ in 3D.
        """
        energy = 0.0
        for electrons in (self.n_up, self.n - self.n_up):
            shells = full_shells(electrons, self.dim)
            held, quanta = (math.comb(shells + self.dim - 1, self.dim + more) for more in (0, 1))
            outer = electrons - held
            energy += self.dim * quanta + outer * shells + electrons * self.dim / 2
        return energy * self.omega

    def references(self) -> list[Reference]:
        """Return exact values without repulsion and for two electrons, then published ones, the best first."""
        if self.n == 1 or self.coupling == 0:
            energy = self.shell_energy()
            values = {"energy": energy, "kinetic": energy / 2, "trap": energy / 2, "coulomb": 0.0}
            return closed_form(values, "physgen: shell filling")
        exact = []
        if self.n == 2 and self.coupling <= STRONGEST * self.omega**0.5:
            state = "singlet" if self.n_up == 1 else "triplet"
            solution = two_electrons(self.omega, self.dim, self.coupling, state)
            exact = closed_form(asdict(solution), f"physgen: radial equation of the {state}, as Taut, {TAUT}")
        # Published are unpolarised dots of unit coupling; lengths in units of 1 / coupling map every other dot on them.
        if 2 * self.n_up != self.n:
            return exact
        scale = self.coupling**2
        rows = published("quantum-dot", self.n, self.dim, omega=self.omega / scale)
        return exact + [replace(row, value=row.value * scale, error=row.error * scale) for row in rows]


def full_shells(electrons: int, dim: int) -> int:
    """Return the largest K for which `electrons` fill the K lowest levels, which hold comb(K + dim - 1, dim)."""
    low, high = 0, 1
    while math.comb(high + dim - 1, dim) <= electrons:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if math.comb(middle + dim - 1, dim) <= electrons else (low, middle)
    return low
