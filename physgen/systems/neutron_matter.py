"""Neutrons of low density in a periodic cube."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from physgen.core.errors import check_choice
from physgen.observables.base import Observable
from physgen.observables.spin import EXCHANGE_RATIOS, exchange_ratios
from physgen.observables.spin_channels import SpinChannels
from physgen.systems.at import At
from physgen.systems.base import label_text
from physgen.systems.coulomb import check_scale
from physgen.systems.nuclear_forces import HBAR2_OVER_MASS, HBAR_C, SINGLET
from physgen.systems.periodic_matter import PeriodicMatter

#: what stands for a neutron beyond the walls: all its images, the nearest one, or that if it is closer than L/2
IMAGES = ("all", "cubic", "sphere")
#: range R in fm and depth V_0 in MeV of the force of two neutrons with total spin 0
RANGE = SINGLET[0]
DEPTH = float(SINGLET[1] * HBAR_C / (math.pi**1.5 * RANGE**3))
#: images of each side that are summed beside the nearest one; the next ones are farther than 2 L
SUMMED = 2
#: points of Gauss-Legendre quadratures over the cube
POINTS = 200


class NeutronMatter(PeriodicMatter):
    r"""Dilute neutron matter with the forces of model o, which act on pairs of total spin 0 alone.

    $$H = -\frac{\hbar^2}{2 m} \sum_i \nabla_i^2 + \sum_{i<j} v(r_{ij})\, P^{S=0}_{ij}, \qquad v(r) = V_0 e^{-r^2/R^2}$$

    Units: MeV and fm; V_0 = -30.4836 MeV, R = 1.83039397 fm, hbar c = 197.327 MeV fm, m = 938.95 MeV; energies are
    those of all neutrons. With $P^{S=0} = (1 - P^\sigma)/2$ and antisymmetry the spin exchange $P^\sigma$ is minus the
    exchange of places, and at fixed spins

    $$E_L = T_L + \sum_{i \uparrow, j \downarrow} v(r_{ij})\, \tfrac12 \left[ 1 + \psi(R_{ij})/\psi(R) \right]$$

    with R_ij the places with i and j exchanged: psi is asked for at n^2/4 more places, and its sign matters. Terms:
    `two_body`, and `kinetic` in `local_energy`. `terms` alone have its diagonal half, $\sum v/2$.

    What v is across the walls is a convention, part of the label: `all` images are summed, `cubic` takes the nearest
    one, `sphere` takes it if it is closer than L/2. Plane waves of 14 neutrons at 0.04 fm^-3 have 6.807, 6.915 and
    7.132 MeV per neutron with them: across conventions only correlation energies compare.

    Args:
        n: number of neutrons, in closed shells.
        density: neutrons per fm^3.
        images: `all`, `cubic` or `sphere`.

    Raises:
        InputError: open shells, with a list of the closed ones, a density that is not above zero, or another
            convention.

    Sources: Schiavilla et al., Two- and three-nucleon contact interactions and ground-state energies of light- and
    medium-mass nuclei, arXiv:2102.02327; Fore et al., Dilute neutron star matter from neural-network quantum states,
    arXiv:2212.04436.

    Example:
        >>> matter = NeutronMatter(14, density=0.04)
        >>> matter.label, round(matter.hartree_fock / matter.n, 4)
        ('neutron-matter-n14-density0.04-images-all', 6.8068)
    """

    energy_unit, length_unit = "MeV", "fm"

    hbar2_over_mass = HBAR2_OVER_MASS
    diagonal = False
    #: whether opposite spins attract each other, so that pairs of them are what psi is made of
    paired = True

    def __init__(self, n: int = 14, density: float = 0.04, images: str = "all") -> None:
        self.density = check_scale("density", density)
        self.images = check_choice("images", images, IMAGES)
        super().__init__(n, self.density)

    @property
    def coulomb_coupling(self) -> float:
        """0: neutrons have no charge."""
        return 0.0

    @property
    def energy_scale(self) -> float:
        """20 MeV, that of the kinetic energy of a nucleon."""
        return 20.0

    @property
    def published_label(self) -> str:
        """Label of published correlation energies, whose image convention is not known."""
        return f"neutron-matter-n{self.n}-density{label_text(self.density)}"

    @property
    def label(self) -> str:
        """Name such as `neutron-matter-n14-density0.04-images-all`."""
        return f"{self.published_label}-images-{self.images}"

    def observables(self) -> list[Observable]:
        """Return what is measured of all matter in a cube, and pairs by their total spin."""
        return [*super().observables(), SpinChannels(self)]

    def pair_potential(self, x: Tensor) -> Tensor:
        """Return v `(*, up, down)` in MeV of every pair of opposite spins, by the convention of images."""
        apart = self.space.nearest(x[..., : self.n_up, None, :] - x[..., None, self.n_up :, :])
        if self.images == "all":
            shifts = self.side * torch.arange(-SUMMED, SUMMED + 1, dtype=x.dtype, device=x.device)
            each = torch.exp(-((apart.unsqueeze(-1) + shifts) / RANGE).square()).sum(-1)
            return DEPTH * each[..., 0] * each[..., 1] * each[..., 2]
        squares = apart.square().sum(-1)
        found = DEPTH * torch.exp(-squares / RANGE**2)
        return found if self.images == "cubic" else torch.where(squares < self.side**2 / 4, found, 0 * found)

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        r"""Return `two_body`, its diagonal half $\sum v/2$ `(*)`: what a psi without exchange would have."""
        return {"two_body": 0.5 * self.pair_potential(x).sum((-1, -2))}

    def exchange_ratios(self, wavefunction: Any, x: Tensor) -> Tensor:
        r"""Return $\psi(R_{ij})/\psi(R)$ `(batch, up, down)` at `x` `(batch, n, 3)`; of a view once."""

        def find() -> Tensor:
            return exchange_ratios(wavefunction.log_psi, x, (self.n_up, self.n - self.n_up))

        return wavefunction.once(EXCHANGE_RATIOS, x, find) if type(wavefunction) is At else find()

    def local_energy(self, wavefunction: Any, x: Tensor) -> dict[str, Tensor]:
        """Return `kinetic`, `two_body` with signed exchange ratios, and `total`, `(batch,)` each.

        Args:
            wavefunction: gives `log_psi` and `derivatives`.
            x: configurations `(batch, n, 3)`.

        Raises:
            InputError: psi is complex.
        """
        kinetic = self.local_kinetic(wavefunction, x)
        ratios = self.exchange_ratios(wavefunction, x)
        two_body = 0.5 * (self.pair_potential(x) * (1 + ratios)).sum((-1, -2))
        return {"kinetic": kinetic, "two_body": two_body, "total": kinetic + two_body}

    @property
    def plane_wave_potential(self) -> float:
        r"""$\tfrac{1}{2 L^3} \sum_{k k'} [\tilde v(0) + \tilde v(k - k')]$ over the filled plane waves of one spin."""
        apart = self.waves[:, None] - self.waves
        square = float(self.n_up**2)
        both = square * self.transformed(torch.zeros(1, 3)).sum() + self.transformed(apart.flatten(0, 1)).sum()
        return float(both) / (2 * self.space.volume)

    def transformed(self, waves: Tensor) -> Tensor:
        r"""Return $\tilde v(k) = \int v(r) e^{i k r}\, d^3r$ `(count,)` in MeV fm^3 at integer vectors `(count, 3)`."""
        waves = waves.double()
        if self.images == "all":
            squares = (self.smallest_momentum * waves).square().sum(-1)
            return torch.exp(-squares * RANGE**2 / 4) * float(DEPTH * (math.pi**0.5 * RANGE) ** 3)
        nodes, weights = (torch.from_numpy(values) for values in np.polynomial.legendre.leggauss(POINTS))
        half = self.side / 2
        if self.images == "cubic":
            kernel = half * weights * torch.exp(-(half * nodes / RANGE).square())
            cosines = torch.cos(self.smallest_momentum * half * waves[..., None] * nodes)
            cubic: Tensor = (cosines * kernel).sum(-1).prod(-1)
            return DEPTH * cubic
        r, weights = half * (nodes + 1) / 2, half / 2 * weights
        kernel = 4 * math.pi * weights * r.square() * torch.exp(-(r / RANGE).square())
        momenta = self.smallest_momentum * waves.norm(dim=-1, keepdim=True)
        sphere: Tensor = (torch.sinc(momenta * r / math.pi) * kernel).sum(-1)
        return DEPTH * sphere
