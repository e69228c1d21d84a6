"""Identical particles in a harmonic trap of two dimensions in thermal equilibrium."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict

from torch import Tensor

from physgen.core.errors import check, check_choice, check_integer
from physgen.systems.base import QuantumSystem, label_text
from physgen.systems.coulomb import (
    MOST_PARTICLES,
    check_coupling,
    check_scale,
    coulomb_energy,
    gaussian_repulsion,
    positive_root,
)
from physgen.systems.references import Reference, closed_form
from physgen.systems.thermal_gas import SPECIES, free_energies
from physgen.systems.thermal_pair import HOTTEST, STRONGEST, thermal_pair

#: smallest beta omega: in a hotter gas quantum mechanics says nothing
HOTTEST_GAS = 1e-2


class ThermalQuantumDot(QuantumSystem):
    r"""Identical particles in a two-dimensional harmonic trap that repel each other, at inverse temperature beta.

    $$H = \sum_i \left( -\tfrac12 \nabla_i^2 + \tfrac12 \omega^2 r_i^2 \right) + \lambda \sum_{i<j} \frac{1}{r_{ij}},
      \qquad F = -\frac1\beta \ln \operatorname{tr} e^{-\beta H}$$

    The canonical ensemble: the trace runs over all states of n particles of one species, centre of mass included, of
    electrons over all spins. Units: hbar = m = e = 1, energies in effective Hartree, lengths in effective Bohr radii,
    beta per Hartree. `QuantumEnsemble` learns F; a wavefunction is one state and is refused.

    Args:
        n: number of particles.
        omega: frequency of the trap, in effective Hartree.
        beta: inverse temperature, in units of 1 / Hartree: beta omega tells how many quanta are excited.
        coupling: strength (lambda) of the repulsion; 0 switches it off.
        species: `electrons` (spin 1/2, all spins), `polarised` (electrons of one spin) or `bosons` (without spin).

    Raises:
        InputError: an argument out of its range.

    Source: H. Xie, L. Zhang and L. Wang, Ab-initio study of interacting fermions at finite temperature with neural
    canonical transformation, arXiv:2105.08644.

    Example:
        >>> ThermalQuantumDot(n=2, omega=1.0, beta=2.0, species="polarised").label
        'thermal-quantum-dot-n2-omega1-beta2-polarised'
    """

    energy_unit, length_unit = "Ha$^*$", "$a_B^*$"

    symmetries = ("permutation", "rotation", "reflection")
    continuous = True
    beta: float

    def __init__(
        self,
        n: int = 2,
        omega: float = 1.0,
        beta: float = 2.0,
        coupling: float = 1.0,
        species: str = "electrons",
    ) -> None:
        self.n, self.dim = check_integer("n", n, 1, MOST_PARTICLES), 2
        self.omega = check_scale("omega", omega)
        self.beta = check_scale("beta", beta)
        least = f"at least {HOTTEST_GAS} / omega = {HOTTEST_GAS / self.omega:g}; a hotter gas is classical"
        check(self.reduced_beta >= HOTTEST_GAS, "beta", beta, least)
        self.coupling = check_coupling(coupling)
        self.species = check_choice("species", species, SPECIES)

    @property
    def statistics(self) -> str:  # type: ignore[override]  # known of every system of other classes at once
        """`bosons`, or `fermions` for electrons of one spin and of both."""
        return "bosons" if self.species == "bosons" else "fermions"

    @property
    def coulomb_coupling(self) -> float:
        """The coupling."""
        return self.coupling

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `trap` and `coulomb`, `(*)` each, of `x` `(*, n, dim)`."""
        trap = 0.5 * self.omega**2 * x.square().sum((-1, -2))
        return {"trap": trap, "coulomb": coulomb_energy(x, self.coupling)}

    def virial(self, energies: Mapping[str, Tensor]) -> Tensor:
        """Return 2 kinetic - 2 trap + coulomb, whose mean vanishes in equilibrium."""
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
    def reduced_beta(self) -> float:
        """Beta omega."""
        return self.beta * self.omega

    @property
    def spread(self) -> float:
        """Standard deviation of a coordinate at which a cloud of distinguishable particles balances its repulsion."""
        energy = self.n / math.tanh(self.reduced_beta / 2)
        sigma = (energy / (2 * self.n * self.omega)) ** 0.5
        repulsion = gaussian_repulsion(self.n, 2, self.coupling) / sigma / self.omega
        return float(sigma * positive_root([energy, 0.0, 0.0, -repulsion, -energy]))

    @property
    def label(self) -> str:
        """Name such as `thermal-quantum-dot-n2-omega1-beta2-polarised`; coupling is named where it is not 1."""
        label = (
            f"thermal-quantum-dot-n{self.n}-omega{label_text(self.omega)}-beta{label_text(self.beta)}-{self.species}"
        )
        return label + (f"-coupling{label_text(self.coupling)}" if self.coupling != 1 else "")

    def references(self) -> list[Reference]:
        """Return exact values without repulsion and for two particles that are not too hot."""
        if self.n == 1 or self.coupling == 0:
            free, energy = (self.omega * value for value in free_energies(self.n, self.reduced_beta, self.species))
            values = {"free_energy": free, "energy": energy, "entropy": self.beta * (energy - free)}
            values |= {"kinetic": energy / 2, "trap": energy / 2, "coulomb": 0.0}
            return closed_form(values, "physgen: canonical gas, shell by shell")
        if self.n == 2 and self.reduced_beta >= HOTTEST and self.coupling <= STRONGEST * math.sqrt(self.omega):
            solution = thermal_pair(self.omega, self.beta, self.coupling, self.species)
            return closed_form(asdict(solution), "physgen: sum over all levels of the relative motion")
        return []
