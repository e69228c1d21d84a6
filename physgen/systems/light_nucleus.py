"""Nuclei of two to four nucleons."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check, check_choice, check_positive
from physgen.core.full_precision import full_precision
from physgen.observables.base import Observable
from physgen.observables.nuclear_radii import NuclearRadii
from physgen.observables.nucleon_density import NucleonDensity
from physgen.observables.pair_density import PairDensity
from physgen.spaces.relative import Relative
from physgen.systems.base import QuantumSystem, label_text
from physgen.systems.nuclear_forces import HBAR2_OVER_MASS, Force, LoPionless, ModelO, NuclearForces
from physgen.systems.references import Reference, closed_form, labelled
from physgen.systems.spin_isospin import SpinIsospin, spin_isospin
from physgen.systems.two_nucleons import TwoNucleonState, two_nucleons

#: nucleons, protons, spin and isospin
NUCLIDES = {"2H": (2, 1, 1, 0), "3H": (3, 1, 0.5, 0.5), "3He": (3, 2, 0.5, 0.5), "4He": (4, 2, 0, 0)}
HAMILTONIANS = ("lo_pionless", "model_o")


class LightNucleus(QuantumSystem):
    r"""A nucleus of two to four nucleons of equal mass.

    $$H = -\frac{\hbar^2}{2 m} \sum_i \nabla_i^2 + \sum_{i<j} V_{ij} + \sum_{i<j<k} V_{ijk} + \sum_{i<j}^{protons}
    \frac{\alpha \hbar c\, F(r_{ij})}{r_{ij}}$$

    Units: MeV and fm; $\hbar c$ = 197.327 MeV fm, m = 938.95 MeV. Configurations are orthonormal relative vectors
    `(batch, A - 1, 3)`: the centre of mass never appears. Forces act on spins and isospins, so a wavefunction is a
    vector of the components of `basis`, and all terms but the `kinetic` one, `two_body`, `three_body` and `coulomb`,
    are operators on it.

    Args:
        nuclide: `2H`, `3H`, `3He` or `4He`.
        hamiltonian: `lo_pionless` or `model_o`, see `LoPionless` and `ModelO`.
        cutoff: of lo_pionless in 1/fm; 2, 4 or 6.
        r3: range of the three-body force of model_o in fm; 1, 1.1, 1.5, 2 or 2.5.
        three_body: whether three nucleons feel a force of their own.
        coulomb: whether protons repel each other; as in published energies unless given: with model_o they do.

    Raises:
        InputError: unknown names, a cutoff or range without constants, or an argument without an effect.

    Sources: Adams, Carleo, Lovato and Rocco, arXiv:2007.14282; Gnech, Adams, Brawand, Carleo, Lovato and Rocco, Nuclei
    with up to A = 6 nucleons with artificial neural network wave functions, arXiv:2108.06836.

    Example:
        >>> LightNucleus("3H", cutoff=6).label
        'light-nucleus-3h-lo-pionless-cutoff6'
    """

    energy_unit, length_unit = "MeV", "fm"

    symmetries = ("permutation", "rotation", "reflection")
    statistics = "fermions"
    space: Relative

    def __init__(
        self,
        nuclide: str = "3H",
        hamiltonian: str = "lo_pionless",
        cutoff: float = 4.0,
        r3: float = 1.0,
        three_body: bool = True,
        coulomb: bool | None = None,
    ) -> None:
        self.nuclide = check_choice("nuclide", nuclide, tuple(NUCLIDES))
        self.hamiltonian = check_choice("hamiltonian", hamiltonian, HAMILTONIANS)
        self.cutoff, self.r3 = check_positive("cutoff", cutoff), check_positive("r3", r3)
        self.three_body = bool(three_body)
        nucleons, protons, spin, isospin = NUCLIDES[self.nuclide]
        forces = LoPionless(self.cutoff, three_body) if hamiltonian == "lo_pionless" else ModelO(self.r3, three_body)
        check(not coulomb or protons > 1, "coulomb", coulomb, f"false or none for {nuclide}: one proton feels none")
        self.forces: NuclearForces = forces
        self.coulomb = protons > 1 and (forces.with_coulomb if coulomb is None else bool(coulomb))
        acts = forces.acts_on_isospin
        #: what wavefunctions with correlations that act on spins are vectors in, and those without
        self.basis: SpinIsospin = spin_isospin(nucleons, protons, spin, isospin if acts else None)
        self.frozen: SpinIsospin = spin_isospin(nucleons, protons, spin, isospin, frozen=True)
        self.space = Relative(nucleons)
        self.named_forces = {b: forces.terms(b, self.coulomb) for b in (self.basis, self.frozen)}

    def without_effect(self) -> dict[str, str]:
        """Return arguments of the other Hamiltonian, and of a three-body force that does not act."""
        ignored = {"r3": "with lo_pionless"} if self.hamiltonian == "lo_pionless" else {"cutoff": "with model_o"}
        if self.basis.nucleons == 2:
            ignored |= {"three_body": "on two nucleons", "r3": "on two nucleons"}
        elif not self.three_body:
            ignored |= {"r3": "without three_body"}
        return ignored

    @property
    def label(self) -> str:
        """Name such as `light-nucleus-4he-lo-pionless-cutoff4`; what is not as in published energies follows."""
        return label_of(self)

    @property
    def spread(self) -> float:
        """Standard deviation of a coordinate of the relative vectors in a first guess, in fm."""
        return 1.2

    @property
    def energy_scale(self) -> float:
        """20 MeV, that of the kinetic energy of a nucleon."""
        return 20.0

    def basis_of(self, direction: Tensor) -> SpinIsospin:
        r"""Return the basis that $\Psi_c/|\Psi|$ `(*, components)` is a vector in: `basis`, or one state, `frozen`."""
        return self.frozen if direction.shape[-1] == 1 else self.basis

    @full_precision
    def images(self, direction: Tensor, laplacian: Tensor, x: Tensor) -> dict[str, Tensor]:
        r"""Return the parts of $(H \Psi)_c/|\Psi|$ by the names of their terms, `(batch, components)` each.

        Args:
            direction: $\Psi_c/|\Psi|$ `(batch, components)`.
            laplacian: $\nabla^2 \Psi_c/|\Psi|$ `(batch, components)`.
            x: relative vectors `(batch, A - 1, 3)`.
        """
        squares = self.space.square_distances(x)
        found = {"kinetic": -0.5 * HBAR2_OVER_MASS * laplacian}
        for name, forces in self.named_forces[self.basis_of(direction)].items():
            found[name] = torch.stack([force.on(squares, direction) for force in forces]).sum(0)
        return found

    def local_energy(self, wavefunction: Any, x: Tensor) -> dict[str, Tensor]:
        r"""Return $\sum_c \Psi_c (H_t \Psi)_c/|\Psi|^2$ of every term t and their `total`, `(batch,)` each.

        Args:
            wavefunction: gives `component_derivatives`.
            x: relative vectors `(batch, A - 1, 3)`.

        Raises:
            InputError: the wavefunction has no spin-isospin components.
        """
        known = hasattr(wavefunction, "component_derivatives")
        check(known, "wavefunction", wavefunction, "one with spin-isospin components, such as NuclearCorrelator")
        direction, _, laplacian = wavefunction.component_derivatives(x)
        images = self.images(direction, laplacian, x)
        terms = {name: (direction * image).sum(-1) for name, image in images.items()}
        return {**terms, "total": torch.stack(list(terms.values())).sum(0)}

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        r"""Return the potential energies in the antisymmetric state $\Phi$ of spins and isospins, `(*)` each."""
        flat = x.reshape(-1, *self.shape)
        state = flat.new_ones(len(flat), 1)
        images = self.images(state, 0 * state, flat)
        return {k: (state * image).sum(-1).view(x.shape[:-2]) for k, image in images.items() if k != "kinetic"}

    def observables(self) -> list[Observable]:
        """Return radii with the virial theorem, and the densities of pairs, of protons and of neutrons."""
        return [NuclearRadii(self.space), PairDensity(self.space, self.exact()), NucleonDensity(self.space)]

    def exact(self) -> TwoNucleonState | None:
        """Return the exact state of two nucleons, None for more."""
        if self.basis.nucleons > 2:
            return None
        forces = self.named_forces[self.frozen]["two_body"]

        return two_nucleons(functools.partial(total_potential, forces), (0,), HBAR2_OVER_MASS)

    def references(self) -> list[Reference]:
        """Return the exact energy and radius of two nucleons, and computed and published values, the best first."""
        state = self.exact()
        exact = []
        if state is not None:
            values = {"energy": state.energy, "rms_radius": state.radius}
            exact = closed_form(values, "physgen: radial equation on a Laguerre mesh")
        return exact + labelled(self.label)


def total_potential(forces: Sequence[Force], r: Any) -> Any:
    """Return the sum of the forces between two nucleons without spins, in MeV, at distances r in fm, as arrays."""
    squares = torch.as_tensor(r, dtype=torch.float64).square()[:, None]
    return torch.stack([force.on(squares, torch.ones_like(squares)) for force in forces]).sum(0).numpy()


def label_of(nucleus: LightNucleus) -> str:
    """Return the name of a nucleus; what is not as in published energies follows."""
    own = f"cutoff{label_text(nucleus.cutoff)}" if nucleus.hamiltonian == "lo_pionless" else ""
    if not own and nucleus.basis.nucleons > 2 and nucleus.three_body:
        own = f"r{label_text(nucleus.r3)}"
    parts = ["light-nucleus", nucleus.nuclide.lower(), nucleus.hamiltonian.replace("_", "-"), own]
    parts += ["two-body"] if nucleus.basis.nucleons > 2 and not nucleus.three_body else []
    if nucleus.basis.protons > 1 and nucleus.coulomb != nucleus.forces.with_coulomb:
        parts.append("coulomb" if nucleus.coulomb else "no-coulomb")
    return "-".join(part for part in parts if part)
