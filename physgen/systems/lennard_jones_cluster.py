"""Particles in space with Lennard-Jones pairs, held by a harmonic trap about their centre."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from physgen.core.errors import check_integer, check_positive
from physgen.core.full_precision import full_precision
from physgen.observables.base import Observable
from physgen.observables.radius import SquareRadius
from physgen.spaces import Relative
from physgen.systems.base import ClassicalSystem, label_text
from physgen.systems.references import Reference, closed_form, labelled

#: numbers of particles
SMALLEST, LARGEST = 2, 147


class LennardJonesCluster(ClassicalSystem):
    r"""A Lennard-Jones cluster in a weak trap about its centre of mass, which is left out; beta = 1.

    $$U = \kappa \sum_{i<j} \Big( \frac{1}{r_{ij}^{12}} - \frac{2}{r_{ij}^6} \Big)
        + \tfrac12 \sum_i |r_i - \bar r|^2, \qquad Z = \int d^{3(n-1)}x\; e^{-U}$$

    Units: U in units of the temperature, lengths in that of the lowest pair; configurations are orthonormal relative
    vectors `(batch, n - 1, 3)`, see `Relative`; particles are labelled, without 1/n!. The terms are `repulsion`,
    `attraction` and `trap`. n = 13 and 55 are LJ13 and LJ55.

    Two conventions are met: a sum over ordered pairs, each counted twice, kappa = 2, is that of LJ13 and LJ55 of most
    samplers; kappa = 1 counts pairs once. They are different systems, of different labels, and their numbers do not
    compare.

    Args:
        n: number of particles.
        pair_factor: kappa, above 0: how often a pair counts.

    Raises:
        InputError: an argument out of its range.

    Source: J. Koehler, L. Klein and F. Noe, "Equivariant Flows", arXiv:2006.02425; kappa = 2: T. Akhound-Sadegh et al.,
    "Iterated Denoising Energy Matching for Sampling from Boltzmann Densities", arXiv:2402.06121; kappa = 1: L. I.
    Midgley et al., "SE(3) Equivariant Augmented Coupling Flows", arXiv:2308.10364.

    Example:
        >>> LennardJonesCluster(13).label
        'lennard-jones-n13-pairs2'
    """

    space: Relative
    symmetries = ("permutation", "rotation", "reflection")
    beta = 1.0
    dim = 3

    def __init__(self, n: int = 13, pair_factor: float = 2.0) -> None:
        self.n = check_integer("n", n, SMALLEST, LARGEST)
        self.pair_factor = check_positive("pair_factor", pair_factor)
        self.space = Relative(self.n, 3)

    @full_precision
    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `repulsion`, `attraction` and `trap`, `(*)` each, of `x` `(*, n - 1, 3)`."""
        cube = self.space.square_distances(x).reciprocal() ** 3
        return {
            "repulsion": self.pair_factor * cube.square().sum(-1),
            "attraction": -2 * self.pair_factor * cube.sum(-1),
            "trap": 0.5 * x.square().sum((-1, -2)),
        }

    def virial(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return x . grad U - 3 (n - 1), whose mean vanishes in equilibrium."""
        pairs = -12 * terms["repulsion"] - 6 * terms["attraction"]
        return pairs + 2 * terms["trap"] - 3 * (self.n - 1)

    def observables(self) -> list[Observable]:
        """Return the radius about the centre."""
        return [SquareRadius(self.n)]

    @property
    def spread(self) -> float:
        """Standard deviation of a coordinate of a first guess, about that of a drop of n particles."""
        return float(0.28 * self.n ** (1 / 3))

    @property
    def thermal_width(self) -> float:
        """Width of a relative coordinate at the bottom of one pair, where V'' = 72 kappa."""
        return float((144 * self.pair_factor) ** -0.5)

    @property
    def label(self) -> str:
        """Name such as `lennard-jones-n13-pairs2`, which says how often pairs count."""
        return f"lennard-jones-n{self.n}-pairs{label_text(self.pair_factor)}"

    def references(self) -> list[Reference]:
        """Return exact values of two particles, and those of Monte Carlo of the table `clusters.csv`."""
        if self.n == 2:
            return closed_form(self.of_two(), "physgen: quadrature of the distance")
        return labelled(self.label, "clusters.csv") + closed_form({"virial": 0.0}, "physgen: exact identity")

    def of_two(self, points: int = 4000, reach: float = 12.0) -> dict[str, float]:
        r"""Return the exact values of two particles, $Z = 4 \pi \int \rho^2 e^{-U} d\rho$ at $r = \sqrt2 \rho$."""
        rho = reach / points * torch.arange(1, points + 1, dtype=torch.float64)
        cube = (2 * rho.square()) ** -3
        pair, trap = self.pair_factor * (cube.square() - 2 * cube), 0.5 * rho.square()
        log = 2 * rho.log() - pair - trap
        weight = log.softmax(0)
        log_z = math.log(4 * math.pi * reach / points) + float(log.logsumexp(0))
        energy = float(weight @ torch.where(weight > 0, pair + trap, 0.0))
        trapped = float(weight @ trap)
        values = {"free_energy": -log_z, "energy": energy, "entropy": log_z + energy, "trap": trapped}
        return {**values, "virial": 0.0, "square_radius": 2 * trapped}
