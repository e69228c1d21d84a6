"""A family of quantum dots: one for every frequency of a range."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from physgen.core.errors import InputError, check, check_integer
from physgen.core.errors import scalar as plain_number
from physgen.nn.stretch import stretched_length
from physgen.observables.base import Observable
from physgen.observables.energy_curve import EnergyCurve
from physgen.spaces.labelled import Labelled
from physgen.systems.base import QuantumSystem, label_text
from physgen.systems.coulomb import (
    MOST_PARTICLES,
    check_coupling,
    check_dim,
    check_scale,
    coulomb_energy,
    gaussian_repulsion,
)
from physgen.systems.quantum_dot import QuantumDot
from physgen.systems.references import Reference, closed_form

#: nodes of the average over the range of exact energies of two electrons
NODES = 16
#: frequencies at which energies are quoted, where they lie in the range: those of published energies, and between
POINTS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.28, 0.37, 0.5, 0.7, 1.0, 2.0, 5.0)


class QuantumDots(QuantumSystem):
    r"""Quantum dots of all frequencies of a range, each walker in one of its own.

    A configuration `(batch, n + 1, dim)` holds electrons in units of the cloud's length at its frequency,
    $\ell(\omega)$, and the frequency in its last row; energies are in units of each walker's frequency. What is
    minimised is the mean of $E(\omega)/\omega$ over the range, uniform in $\ln \omega$, an upper bound as each of its
    members is one. A wavefunction of this system is one for every frequency: `model.at(omega=0.37)` is an ordinary
    wavefunction of that `QuantumDot`.

    $\ell = \omega^{-1/2} s$ stretches with the repulsion as the mean field of a Gaussian cloud does, see `stretch`, so
    that steps of one width serve all walkers.

    Args:
        n: number of electrons.
        dim: dimension of space, 2 or 3.
        omega: lowest and highest frequency, in effective Hartree.
        coupling: strength of the repulsion, see `QuantumDot`.

    Raises:
        InputError: an argument out of its range, or frequencies that are no range.

    Example:
        >>> QuantumDots(n=6, omega=(0.1, 1.0)).label
        'quantum-dots-2d-n6-omega0.1to1'
    """

    symmetries = ("permutation", "rotation", "reflection")
    statistics = "fermions"
    space: Labelled

    def __init__(self, n: int = 2, dim: int = 2, omega: Sequence[float] = (0.1, 1.0), coupling: float = 1.0) -> None:
        self.n = check_integer("n", n, 1, MOST_PARTICLES)
        self.dim = check_dim(dim)
        allowed = "two frequencies, the lowest and the highest"
        check(isinstance(omega, (list, tuple)) and len(omega) == 2, "omega", omega, allowed)
        low, high = (check_scale("omega", plain_number(value)) for value in omega)
        check(low < high, "omega", list(omega), allowed)
        self.omega = [low, high]
        self.coupling = check_coupling(coupling)
        self.n_up = (self.n + 1) // 2
        self.space = Labelled(self.n, self.dim, low, high)
        free = self.member(1.0).shell_energy()
        #: width of the cloud in units of its length, and its repulsion over its energy, both at omega = 1
        self.width = math.sqrt(free / (self.n * self.dim))
        self.repulsion = gaussian_repulsion(self.n, self.dim, self.coupling) / (self.width * free)

    def member(self, omega: float) -> QuantumDot:
        """Return the dot of one frequency.

        Raises:
            InputError: a frequency that a dot refuses.
        """
        return QuantumDot(self.n, self.dim, omega, self.coupling)

    @property
    def representative(self) -> QuantumDot:
        """The dot of the highest frequency."""
        return self.member(self.omega[1])

    @property
    def coulomb_coupling(self) -> float:
        """The coupling."""
        return self.coupling

    @property
    def points(self) -> list[float]:
        """Frequencies at which energies are quoted: the ends, and those in between that are published or asked for."""
        low, high = self.omega
        return sorted({low, high, *(omega for omega in POINTS if low < omega < high)})

    def lengths(self, omega: Tensor) -> Tensor:
        r"""Return $\ell(\omega)$ `(*)` of frequencies `(*)`."""
        return stretched_length(omega, self.repulsion)

    @property
    def spread(self) -> float:
        """Standard deviation of a coordinate in a first guess, in units of each walker's length."""
        return self.width

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `trap` and `coulomb` in units of omega, `(*)` each, of `x` `(*, n + 1, dim)`."""
        omega, places = self.space.labels(x), self.space.places(x)
        length = self.lengths(omega)
        trap = 0.5 * omega * length.square() * places.square().sum((-1, -2))
        return {"trap": trap, "coulomb": coulomb_energy(places, self.coupling) / (length * omega)}

    def local_kinetic(self, wavefunction: Any, x: Tensor) -> Tensor:
        """Return the local kinetic energy `(batch,)` in units of omega."""
        return super().local_kinetic(wavefunction, x) / self.quanta(x)

    def kinetic_by_gradient(self, gradient: Tensor, x: Tensor) -> Tensor:
        """Return the kinetic energy by the squared gradient `(batch,)` in units of omega."""
        return super().kinetic_by_gradient(gradient, x) / self.quanta(x)

    def quanta(self, x: Tensor) -> Tensor:
        r"""Return $\omega \ell^2$ `(batch,)`, by which derivatives in units of the length become energies."""
        omega = self.space.labels(x)
        return omega * self.lengths(omega).square()

    def virial(self, energies: Mapping[str, Tensor]) -> Tensor:
        """Return 2 kinetic - 2 trap + coulomb, whose mean vanishes at an eigenstate of every frequency."""
        return 2 * energies["kinetic"] - 2 * energies["trap"] + energies["coulomb"]

    @property
    def label(self) -> str:
        """Name such as `quantum-dots-2d-n6-omega0.1to1`."""
        low, high = self.omega
        label = f"quantum-dots-{self.dim}d-n{self.n}-omega{label_text(low)}to{label_text(high)}"
        return label + (f"-coupling{label_text(self.coupling)}" if self.coupling != 1 else "")

    def observables(self) -> list[Observable]:
        """Return the energy over the frequency."""
        return [EnergyCurve(self.space, self.points)]

    def references(self) -> list[Reference]:
        """Return the exact mean of two electrons, then the best known energies of members, such as `energy@0.5`."""
        found = []
        if self.n <= 2 or self.coupling == 0:
            nodes, weights = np.polynomial.legendre.leggauss(NODES)
            low, high = np.log(self.omega)
            omegas = np.exp(0.5 * (low + high) + 0.5 * (high - low) * nodes)
            known = [self.member(float(omega)).references() for omega in omegas]
            if all(rows and rows[0].exact for rows in known):
                ratio = [rows[0].value / omega for rows, omega in zip(known, omegas, strict=True)]
                mean = float(np.dot(weights, ratio) / 2)
                found = closed_form({"energy": mean}, f"physgen: mean of {NODES} exact energies over ln omega")
        for omega in self.points:
            best = next((row for row in self.member(omega).references() if row.quantity == "energy"), None)
            if best is not None:
                name = f"energy@{omega:g}"
                found.append(Reference(name, best.value, best.error, best.method, best.source, best.exact, best.note))
        return found

    def check_member(self, omega: float) -> float:
        """Return a frequency that a member can have.

        Raises:
            InputError: not a number above 0.
        """
        try:
            return check_scale("omega", plain_number(omega))
        except InputError as error:
            raise InputError(f"omega of a member: {error}") from None
