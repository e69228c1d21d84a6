"""Forces between nucleons: Gaussians of two and three bodies that act on spin and isospin, and the Coulomb force."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from physgen.core.errors import check
from physgen.systems.spin_isospin import SpinIsospin

#: hbar c in MeV fm, nucleon mass in MeV, 1/alpha
HBAR_C, NUCLEON_MASS, INVERSE_ALPHA = 197.327, 938.95, 137.035999
#: hbar^2/m in MeV fm^2
HBAR2_OVER_MASS = HBAR_C**2 / NUCLEON_MASS
#: cutoff in 1/fm: C1, C2 and D0 in MeV
PIONLESS = {
    2.0: (-133.3431, -9.0212, 68.4883),
    4.0: (-487.6128, -17.5515, 677.7989),
    6.0: (-1064.501, -26.083, 2652.651),
}
#: ranges in fm and strengths in fm^2 of model o for S = 1, T = 0 and for S = 0, T = 1
TRIPLET, SINGLET = (1.54592984, -7.04040080), (1.83039397, -5.27518671)
#: range in fm of the three-body force of model o: c_E
MODEL_O_THREE_BODY = {1.0: 1.0786, 1.1: 1.2945, 1.5: 2.7676, 2.0: 6.95356, 2.5: 16.21993}
#: pion decay constant and breakdown scale in MeV
PION_DECAY, BREAKDOWN = 92.4, 1000.0
#: inverse length of the protons' form factor in 1/fm
PROTON_SIZE = 4.27


@dataclass(frozen=True)
class PairForce:
    r"""$\sum_{i<j} f(r_{ij}^2)\, M_{ij}$ with one operator a pair.

    Args:
        radial: f, of squared distances in fm^2, in MeV.
        operators: M `(pairs, components, components)`.
    """

    radial: Callable[[Tensor], Tensor]
    operators: Tensor

    def on(self, squares: Tensor, state: Tensor) -> Tensor:
        """Return V psi `(batch, C)` of squared distances `(batch, pairs)` and components psi `(batch, C)`."""
        matrices = self.radial(squares) @ self.operators.to(squares).flatten(1)
        return (matrices.view(*state.shape, -1) @ state.unsqueeze(-1)).squeeze(-1)


@dataclass(frozen=True)
class ThreeBodyForce:
    r"""$V_0 \sum_i \sum_{j<k \neq i} e^{-(r_{ij}^2 + r_{ik}^2)/R^2}$, the same for all spins and isospins.

    Args:
        strength: V_0 in MeV.
        range: R in fm.
        ends: nucleons of every pair as 0 and 1 `(pairs, A)`.
    """

    strength: float
    range: float
    ends: Tensor

    def on(self, squares: Tensor, state: Tensor) -> Tensor:
        """Return V psi `(batch, C)` of squared distances `(batch, pairs)` and components psi `(batch, C)`."""
        leg, ends = torch.exp(-squares / self.range**2), self.ends.to(squares)
        twice = (leg @ ends).square() - leg.square() @ ends  # sum over j != k of two legs of nucleon i
        return 0.5 * self.strength * twice.sum(-1, keepdim=True) * state


Force = PairForce | ThreeBodyForce


@dataclass(frozen=True)
class Gaussian:
    """strength exp(-r^2/range^2) as a function of r^2."""

    strength: float
    range: float

    def __call__(self, squares: Tensor) -> Tensor:
        """Return the values `(*)` at r^2 `(*)`."""
        return self.strength * torch.exp(-squares / self.range**2)


def coulomb_of_protons(squares: Tensor) -> Tensor:
    r"""Return the repulsion $\alpha \hbar c F(r)/r$ in MeV of two protons of finite size, of squared distances in fm^2.

    $F(r) = 1 - (1 + \tfrac{11}{16} x + \tfrac{3}{16} x^2 + \tfrac{1}{48} x^3) e^{-x}$ with $x = b r$, b = 4.27 / fm.

    Source: Wiringa, Stoks and Schiavilla, An accurate nucleon-nucleon potential with charge-independence breaking,
    nucl-th/9408016.
    """
    x = PROTON_SIZE * squares.sqrt().clamp_min(torch.finfo(squares.dtype).tiny)
    shape = -torch.expm1(-x) / x - (11 / 16 + 3 * x / 16 + x.square() / 48) * torch.exp(-x)
    return HBAR_C / INVERSE_ALPHA * PROTON_SIZE * shape


class NuclearForces(ABC):
    """Forces between nucleons, without the Coulomb force.

    Args:
        three_body: whether three nucleons feel a force of their own.
    """

    #: whether forces act on isospins; without, nucleons may have labels
    acts_on_isospin: bool
    #: whether published energies have the Coulomb force too
    with_coulomb: bool
    #: shortest range of a force in fm
    shortest: float

    def __init__(self, three_body: bool) -> None:
        self.three_body = three_body

    @abstractmethod
    def pair_forces(self, basis: SpinIsospin) -> list[PairForce]:
        """Return the forces between two nucleons."""

    @property
    @abstractmethod
    def three_body_gaussian(self) -> tuple[float, float]:
        """Strength in MeV and range in fm of the force between three nucleons."""

    def terms(self, basis: SpinIsospin, coulomb: bool) -> dict[str, list[Force]]:
        """Return the forces by the names of their terms: `two_body`, and `three_body` and `coulomb` where they act."""
        found: dict[str, list[Force]] = {"two_body": [*self.pair_forces(basis)]}
        if self.three_body and basis.nucleons > 2:
            ends = torch.zeros(len(basis.pairs), basis.nucleons, dtype=torch.float64)
            for k, pair in enumerate(basis.pairs):
                ends[k, list(pair)] = 1
            found["three_body"] = [ThreeBodyForce(*self.three_body_gaussian, ends)]
        if coulomb:
            found["coulomb"] = [PairForce(coulomb_of_protons, basis.proton_pair)]
        return found


class LoPionless(NuclearForces):
    r"""Leading order of effective field theory without pions, regulated by Gaussians.

    $V = \sum_{i<j} (C_1 + C_2\, \sigma_i \cdot \sigma_j)\, e^{-\Lambda^2 r_{ij}^2/4} + D_0 \sum_{i<j<k} \sum_{cyc}
    e^{-\Lambda^2 (r_{ik}^2 + r_{ij}^2)/4}$. The constants give a deuteron of -2.22 MeV, the neutron-proton scattering
    length -23.8 fm of the singlet and a triton of -8.48 MeV.

    Source: Adams, Carleo, Lovato and Rocco, Variational Monte Carlo calculations of A <= 4 nuclei with an artificial
    neural-network correlator ansatz, arXiv:2007.14282.

    Args:
        cutoff: Lambda in 1/fm, one of 2, 4, 6.
        three_body: whether three nucleons feel a force of their own.
    """

    acts_on_isospin = with_coulomb = False

    def __init__(self, cutoff: float, three_body: bool) -> None:
        super().__init__(three_body)
        known = "one of " + ", ".join(f"{value:g}" for value in PIONLESS) + " in 1/fm, whose constants are known"
        check(cutoff in PIONLESS, "cutoff", cutoff, known)
        self.cutoff, self.shortest = cutoff, 2 / cutoff
        self.constants = PIONLESS[cutoff]

    def pair_forces(self, basis: SpinIsospin) -> list[PairForce]:
        """Return the one Gaussian with its operators C_1 + C_2 sigma.sigma."""
        central, spin, _ = self.constants
        unit = torch.eye(basis.components, dtype=torch.float64)
        operators = central * unit + spin * (2 * basis.spin_exchanges - unit)
        return [PairForce(Gaussian(1.0, self.shortest), operators)]

    @property
    def three_body_gaussian(self) -> tuple[float, float]:
        """D_0 and 2/Lambda."""
        return self.constants[2], self.shortest


class ModelO(NuclearForces):
    r"""Model o: Gaussians for the pairs with S, T = 1, 0 and 0, 1, and one for three nucleons.

    $V = \sum_{i<j} \sum_{ST} \frac{C_{ST}\, \hbar c}{\pi^{3/2} R_{ST}^3}\, e^{-r_{ij}^2/R_{ST}^2} P_{ST} +
    \frac{c_E (\hbar c)^6}{f_\pi^4 \Lambda_\chi \pi^3 R_3^6} \sum_{i<j<k} \sum_{cyc} e^{-(r_{ij}^2 + r_{ik}^2)/R_3^2}$

    Source: Schiavilla, Girlanda, Gnech, Kievsky, Lovato, Marcucci, Piarulli and Viviani, Two- and three-nucleon contact
    interactions and ground-state energies of light- and medium-mass nuclei, arXiv:2102.02327.

    Args:
        r3: range R_3 in fm, one of 1, 1.1, 1.5, 2, 2.5.
        three_body: whether three nucleons feel a force of their own.
    """

    acts_on_isospin = with_coulomb = True

    def __init__(self, r3: float, three_body: bool) -> None:
        super().__init__(three_body)
        known = "one of " + ", ".join(f"{value:g}" for value in MODEL_O_THREE_BODY) + " in fm, whose c_E is known"
        check(r3 in MODEL_O_THREE_BODY, "r3", r3, known)
        self.r3, self.shortest = r3, r3 if three_body else TRIPLET[0]

    def pair_forces(self, basis: SpinIsospin) -> list[PairForce]:
        """Return the Gaussians of both kinds of pairs."""
        unit = torch.eye(basis.components, dtype=torch.float64)
        spin, isospin, both = basis.spin_exchanges, basis.isospin_exchanges, basis.exchanges
        projectors = ((unit + spin - isospin - both) / 4, (unit - spin + isospin - both) / 4)
        forces = []
        for (range, constant), projector in zip((TRIPLET, SINGLET), projectors, strict=True):
            depth = constant * HBAR_C / (math.pi**1.5 * range**3)
            forces.append(PairForce(Gaussian(depth, range), projector))
        return forces

    @property
    def three_body_gaussian(self) -> tuple[float, float]:
        """Strength and R_3."""
        unit = HBAR_C**6 / (PION_DECAY**4 * BREAKDOWN * math.pi**3 * self.r3**6)
        return MODEL_O_THREE_BODY[self.r3] * unit, self.r3
