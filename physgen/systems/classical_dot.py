"""Classical charges in a harmonic trap at finite temperature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict

from torch import Tensor

from physgen.core.errors import check_integer
from physgen.systems.base import ClassicalSystem, label_text
from physgen.systems.coulomb import (
    MOST_PARTICLES,
    check_coupling,
    check_dim,
    check_scale,
    coulomb_energy,
    gaussian_repulsion,
    positive_root,
)
from physgen.systems.references import Reference, closed_form, published, with_likelihood
from physgen.systems.two_charges import STRONGEST, two_charges


class ClassicalDot(ClassicalSystem):
    r"""Classical charges in a harmonic trap at inverse temperature beta.

    $$H = \sum_i r_i^2 + \lambda \sum_{i<j} \frac{1}{r_{ij}}, \qquad
      F = -\frac{1}{\beta} \ln \int d^{nd}x \, e^{-\beta H}$$

    Units: lengths and energies in which both terms have the prefactors above (no factor 1/2); the integral runs over
    all labelled configurations, without 1/n!. The terms are `trap` and `coulomb`.

    Args:
        n: number of charges.
        dim: dimension of space, 2 or 3.
        beta: inverse temperature, per unit of the energy H.
        coupling: strength (lambda) of the repulsion; 0 switches it off.

    Raises:
        InputError: an argument out of its range.

    Source: V. M. Bedanov and F. M. Peeters, Ordering and phase transitions of charged particles in a classical finite
    two-dimensional system, doi:10.1103/PhysRevB.49.2667.

    Example:
        >>> ClassicalDot(n=20, beta=10).label
        'classical-dot-n20-beta10'
    """

    symmetries = ("permutation", "rotation", "reflection")
    continuous = True

    def __init__(self, n: int = 20, dim: int = 2, beta: float = 10.0, coupling: float = 1.0) -> None:
        self.n = check_integer("n", n, 1, MOST_PARTICLES)
        self.dim = check_dim(dim)
        self.beta = check_scale("beta", beta)
        self.coupling = check_coupling(coupling)

    @property
    def coulomb_coupling(self) -> float:
        """The coupling."""
        return self.coupling

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `trap` and `coulomb`, `(*)` each, of `x` `(*, n, dim)`."""
        return {"trap": x.square().sum((-1, -2)), "coulomb": coulomb_energy(x, self.coupling)}

    def virial(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return 2 trap - coulomb - n dim / beta, whose mean vanishes in equilibrium."""
        return 2 * terms["trap"] - terms["coulomb"] - self.n * self.dim / self.beta

    @property
    def spread(self) -> float:
        """Standard deviation of a coordinate at which a Gaussian cloud fulfils the virial theorem."""
        repulsion = gaussian_repulsion(self.n, self.dim, self.coupling)
        return positive_root([2 * self.n * self.dim, 0.0, -self.n * self.dim / self.beta, -repulsion])

    @property
    def centre_width(self) -> float:
        """Width 1 / sqrt(2 n beta) of a coordinate of the centre of mass, which is exactly Gaussian and independent."""
        return float((2 * self.n * self.beta) ** -0.5)

    @property
    def thermal_width(self) -> float:
        """Width 1 / sqrt(2 beta) of one particle in the trap alone."""
        return float((2 * self.beta) ** -0.5)

    @property
    def label(self) -> str:
        """Name such as `classical-dot-n20-beta10`; 3D and coupling are named where they are not the default."""
        label = "classical-dot-3d" if self.dim == 3 else "classical-dot"
        label += f"-n{self.n}-beta{label_text(self.beta)}"
        return label + (f"-coupling{label_text(self.coupling)}" if self.coupling != 1 else "")

    @property
    def sector_floor(self) -> float | None:
        """Lowest F of a density that covers one of the n! orderings only: F + ln(n!) / beta; None if F is unknown."""
        exact = (r.value for r in self.references() if r.quantity == "free_energy" and r.exact)
        free_energy = next(exact, None)
        return None if free_energy is None else free_energy + math.lgamma(self.n + 1) / self.beta

    def references(self) -> list[Reference]:
        """Return exact values for free charges and for two, then published ones, the best first."""
        return with_likelihood(self.known(), self.beta)

    def known(self) -> list[Reference]:
        """Return what is known of the energies."""
        if self.n == 1 or self.coupling == 0:
            energy = self.n * self.dim / (2 * self.beta)
            values = {"free_energy": -energy * math.log(math.pi / self.beta), "energy": energy}
            return closed_form({**values, "trap": energy, "coulomb": 0.0}, "physgen: Gaussian integral")
        if self.n == 2 and self.coupling * self.beta**1.5 > STRONGEST:
            return []
        if self.n == 2:
            solution = two_charges(self.beta, self.dim, self.coupling)
            return closed_form(asdict(solution), "physgen: quadrature of the distance")
        if self.coupling != 1:
            return []
        name = ("classical-dot", self.n, self.dim)
        return published(*name, beta=self.beta) + published(*name)
