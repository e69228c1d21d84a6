"""Particles in the plane whose pairs have two favourite distances."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from physgen.core.errors import check_integer
from physgen.core.full_precision import full_precision
from physgen.observables.base import Function, Observable
from physgen.observables.radius import SquareRadius
from physgen.spaces import Relative
from physgen.systems.base import ClassicalSystem
from physgen.systems.pair_quadrature import ClusterThermodynamics, planar_cluster
from physgen.systems.references import Reference, closed_form

#: particles whose ln Z is known
MOST = 4
#: coefficients and centre of the well: 0.9 u^4 - 4 u^2 at u = r - 4
QUARTIC, QUADRATIC, CENTRE = 0.9, -4.0, 4.0
#: distance beyond which exp(-V) is below 1e-30, and spacing of the points of the quadrature
REACH, SPACING = 7.5, 0.125


class DoubleWellCluster(ClassicalSystem):
    r"""Particles in the plane with a double well between every pair, without their centre of mass; beta = 1.

    $$U = \sum_{i<j} \big[ 0.9\, (r_{ij} - 4)^4 - 4\, (r_{ij} - 4)^2 \big], \qquad
      Z = \int d^{2(n-1)}x\; e^{-U}$$

    Units: U in units of the temperature; configurations are orthonormal relative vectors `(batch, n - 1, 2)`, see
    `Relative`; particles are labelled, without 1/n!, and every pair counts once. The terms are `quartic` and
    `quadratic`. With four particles this is DW4, ln Z = 29.6672322. ln Z, <U> and the entropy are exact.

    Args:
        n: number of particles, 2 to 4.

    Raises:
        InputError: another number of particles: there the entropy, the floor of likelihoods, is not known.

    Source: J. Koehler, L. Klein and F. Noe, "Equivariant Flows: Exact Likelihood Generative Learning for Symmetric
    Densities", arXiv:2006.02425.

    Example:
        >>> DoubleWellCluster(4).label
        'double-well-cluster-n4'
    """

    space: Relative
    symmetries = ("permutation", "rotation", "reflection")
    beta = 1.0
    dim = 2
    coulomb_coupling = 0.0
    #: distance beyond which pairs are not met
    reach = REACH

    def __init__(self, n: int = 4) -> None:
        self.n = check_integer("n", n, 2, MOST)
        self.space = Relative(self.n, 2)

    @full_precision
    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `quartic` and `quadratic`, `(*)` each, of `x` `(*, n - 1, 2)`."""
        square = (self.space.square_distances(x).sqrt() - CENTRE).square()
        return {"quartic": QUARTIC * square.square().sum(-1), "quadratic": QUADRATIC * square.sum(-1)}

    def pair_potential(self, r: Tensor) -> Tensor:
        """Return V of a pair at distances `r`."""
        return double_well(r)

    def virial_of(self, x: Tensor) -> Tensor:
        """Return x . grad U - 2 (n - 1) `(batch,)`, whose mean vanishes in equilibrium."""
        r = self.space.square_distances(x).sqrt()
        u = r - CENTRE
        pairs: Tensor = r * (4 * QUARTIC * u**3 + 2 * QUADRATIC * u)
        return pairs.sum(-1) - 2 * (self.n - 1)

    def observables(self) -> list[Observable]:
        """Return the virial theorem and the radius about the centre."""
        return [Function("virial", self.virial_of), SquareRadius(self.n)]

    @property
    def spread(self) -> float:
        """Exact standard deviation of a coordinate of a relative vector."""
        return float(exact(self.n).square_distance ** 0.5 / 2)

    @property
    def thermal_width(self) -> float:
        """Width of a relative coordinate at the bottom of a well of one pair, where V'' = 16."""
        return 0.25 / 2**0.5

    @property
    def label(self) -> str:
        """Name such as `double-well-cluster-n4`."""
        return f"double-well-cluster-n{self.n}"

    def references(self) -> list[Reference]:
        """Return F = -ln Z, <U>, the entropy in nats, the virial theorem and the mean square radius."""
        found = exact(self.n)
        square = found.square_distance * (self.n - 1) / 2
        values = {"free_energy": -found.log_z, "energy": found.energy, "entropy": found.entropy, "virial": 0.0}
        return closed_form({**values, "square_radius": square}, "physgen: quadrature of pair distances")


def double_well(r: Tensor) -> Tensor:
    """Return the potential of a pair at distances r."""
    square = (r - CENTRE).square()
    return QUARTIC * square.square() + QUADRATIC * square


@lru_cache(maxsize=4)
def exact(n: int) -> ClusterThermodynamics:
    """Return the exact values of n particles."""
    with torch.inference_mode(False):
        return planar_cluster(n, double_well, REACH, SPACING)
