"""Electrons on a uniform background."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from physgen.core.errors import check_positive
from physgen.systems.base import label_text
from physgen.systems.coulomb import check_scale
from physgen.systems.ewald import MADELUNG, ewald
from physgen.systems.periodic_matter import PeriodicMatter


class ElectronGas(PeriodicMatter):
    r"""The homogeneous electron gas: n electrons in a periodic cube on a uniform positive background.

    $$H = -\tfrac12 \sum_i \nabla_i^2 + \sum_{i<j} v_E(r_{ij}) + \tfrac{n}{2} v_M, \qquad L = r_s (4 \pi n/3)^{1/3}$$

    Units: hbar = m = e = 1, energies in Hartree, lengths in Bohr radii; energies are those of all electrons. v_E is
    Ewald's sum with the mean 0, and $v_M = -2.837297479/L$ the energy of an electron with its own images. The terms are
    `coulomb`, and `kinetic` in `local_energy`.

    Args:
        n: number of electrons, in closed shells.
        r_s: radius of a sphere that holds one electron on average, in Bohr radii.
        polarised: whether all electrons have spin up.

    Raises:
        InputError: open shells, with a list of the closed ones, or an r_s that is not above zero.

    Sources: Shepherd, Booth and Alavi, Investigation of the full configuration interaction quantum Monte Carlo method
    using homogeneous electron gas models, arXiv:1201.4691; Fraser et al., Finite-size effects and Coulomb
    interactions in quantum Monte Carlo calculations for homogeneous systems with periodic boundary conditions,
    doi:10.1103/PhysRevB.53.1814.

    Example:
        >>> gas = ElectronGas(14, r_s=1.0)
        >>> round(gas.hartree_fock / gas.n, 6)
        0.606534
    """

    energy_unit, length_unit = "Ha", "$a_B$"

    symmetries = ("permutation", "reflection", "translation")

    def __init__(self, n: int = 14, r_s: float = 1.0, polarised: bool = False) -> None:
        self.r_s = check_scale("r_s", check_positive("r_s", r_s))
        self.polarised = bool(polarised)
        super().__init__(n, 3 / (4 * math.pi * self.r_s**3), self.polarised)

    @property
    def coulomb_coupling(self) -> float:
        """1."""
        return 1.0

    @property
    def energy_scale(self) -> float:
        """1/r_s^2, of the kinetic energies."""
        return self.r_s**-2

    @property
    def label(self) -> str:
        """Name such as `electron-gas-n14-rs1`; `polarised` follows where all spins are up."""
        return f"electron-gas-n{self.n}-rs{label_text(self.r_s)}" + ("-polarised" if self.polarised else "")

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `coulomb` `(*)` of `x` `(*, n, 3)`, the energies of electrons with their own images included."""
        return {"coulomb": ewald(x / self.side) / self.side}

    @property
    def plane_wave_potential(self) -> float:
        r"""$-\tfrac12 \sum_\sigma \sum_{k \neq k'} \tfrac{4 \pi}{L^3 |k - k'|^2} + \tfrac{n}{2} v_M$."""
        apart = (self.waves[:, None] - self.waves).square().sum(-1)
        apart.fill_diagonal_(torch.inf)
        exchange = -2 * math.pi / (self.space.volume * self.smallest_momentum**2) * float((1 / apart).sum())
        return len(self.spins) * exchange + self.n / 2 * MADELUNG / self.side
