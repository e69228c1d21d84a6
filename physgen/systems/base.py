"""What is simulated: Hamiltonians as sums of named terms."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from physgen.core.errors import InputError, check, check_real, said
from physgen.core.registry import Registered, plain
from physgen.core.shapes import Components, Points, Values
from physgen.observables.base import Observable
from physgen.spaces import Free, Space
from physgen.systems.at import refuse_complex
from physgen.systems.configurations import OF_CONFIGURATIONS, check_draws, counted, takes_configurations
from physgen.systems.inheritance import forget
from physgen.systems.references import Reference

#: letters of a text in a label
LONGEST = 40


class Wavefunction(Protocol):
    """What a system may ask of a wavefunction: log abs psi and its derivatives."""

    def log_psi(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and log abs psi, `(batch,)` each, of configurations `(batch, n, dim)`."""

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of log abs psi."""


class System(Registered, ABC):
    """A Hamiltonian, a sum of named terms, of configurations in a space.

    Subclasses define `terms`, and either `n` and `dim`, particles in a space without walls, or another `space`; their
    constructor arguments are plain values, kept in `init_args`.
    """

    abstract = True
    n: int
    dim: int
    #: where configurations live; particles in a space without walls unless a system names another one
    space: Space
    #: configurations whose energy was asked for in this process
    evaluations = 0
    #: inverse temperature, None at temperature zero
    beta: float | None = None
    #: names of the discrete and continuous symmetries of the Hamiltonian: "permutation", "rotation", "reflection", ...
    symmetries: ClassVar[tuple[str, ...]] = ()
    #: identical particles, `fermions` or `bosons`; None where particles, or the spins of a lattice, can be told apart
    statistics: ClassVar[str | None] = None
    #: units on the axes of figures; empty where the Hamiltonian sets them
    energy_unit: ClassVar[str] = ""
    length_unit: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name, place in OF_CONFIGURATIONS.items():
            if name in cls.__dict__:
                method = cls.__dict__[name]
                if name == "terms" and not hasattr(method, "of_fitting"):
                    method = counted(method)
                setattr(cls, name, takes_configurations(method, place))
        forget(cls, System)

    def __init__(self) -> None:
        """Take no arguments, as systems without a constructor of their own do."""

    def complete(self) -> None:
        """Let the space follow from n and dim, or n and dim from the space.

        Raises:
            InputError: the system states neither.
        """
        if not hasattr(self, "space"):
            for name in ("n", "dim"):
                allowed = f"stated by {type(self).__name__}, or by a space of its own"
                check(hasattr(self, name), name, "nothing", allowed)
            self.space = Free(self.n, self.dim, getattr(self, "n_up", None))
        for name, value in (("n", self.space.particles), ("dim", self.space.dim)):
            if not hasattr(self, name):
                setattr(self, name, value)
        # an attribute of an argument's name is its checked value, so that equal systems have equal records
        self.init_args.update({k: v for k, v in self.__dict__.items() if k in self.init_args})

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one configuration."""
        return self.space.shape if hasattr(self, "space") else (self.n, self.dim)

    def observables(self) -> list[Observable]:
        """Return what is measured of this system beside its energies and what its space measures."""
        return []

    @property
    def continuous(self) -> bool:
        """Whether configurations move in steps of any size: not where all first guesses are whole numbers."""
        if not self.space.continuous:
            return False
        x = self.initial(4, torch.Generator().manual_seed(0))
        return x.is_floating_point() and not bool((x == x.round()).all())

    @property
    def coulomb_coupling(self) -> float | None:
        r"""Strength $\lambda$ of the repulsion $\lambda / r$ of every pair of particles; None where it is not declared.

        The cusps of wavefunctions are made from it: a system of charges must declare it, and one without may say 0.
        """
        return None

    @abstractmethod
    def terms(self, x: Points) -> dict[str, Values]:
        """Return the named terms of the potential energy, `(batch,)` each, of `x` `(batch, n, dim)`."""

    def references(self) -> list[Reference]:
        """Return exact and published values for this system, the best first."""
        return []

    @property
    def length(self) -> float:
        """Natural length of the system; step widths and networks measure distances in it."""
        return 1.0

    @property
    def spread(self) -> float:
        """Standard deviation of a coordinate in a first guess of the cloud."""
        return self.length

    def initial(
        self,
        num: int,
        generator: torch.Generator | None = None,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> Points:
        """Return first guesses `(num, n, dim)` for a sampler; without walls normal draws as wide as the `spread`.

        Args:
            num: number of configurations.
            generator: source of the draws; its device is taken unless `device` is given.
            dtype: type of the result, torch's default unless given.
            device: where the result lives.

        Raises:
            InputError: `num` is not an integer of at least 0 or more than the memory holds, or another argument is of
                no use.
        """
        num, place = check_draws(num, 8 * self.space.size, generator, dtype, device)
        return self.space.initial(num, self.spread, generator, dtype, place)

    def check_kept(self, name: str, value: Any) -> None:
        """Raise `InputError` where an argument of a system that was made would get another value."""
        if "_made" in self.__dict__ and name in ("n", "dim", "n_up", "beta", "space", *self.init_args):
            raise InputError(
                f"{name} of {type(self).__name__} must stay as it was made, got {said(value)}; what was made of the "
                "system would not follow, make a new one"
            )

    def __setattr__(self, name: str, value: Any) -> None:
        self.check_kept(name, value)
        object.__setattr__(self, name, value)

    @property
    def label(self) -> str:
        """Name of the system in entries and run folders, such as `quantum-dot-2d-n2-omega1`.

        Here class and arguments in letters, digits, dots and dashes, so that systems which differ in an argument have
        different labels; a subclass has this one unless it defines its own.
        """
        values = (re.sub(r"[^a-z0-9]", "", k.lower()) + label_text(v) for k, v in self.init_args.items())
        return "-".join((re.sub(r"[^a-z0-9]", "", type(self).__name__.lower()), *values))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, System) and self.spec() == other.spec()

    def __hash__(self) -> int:
        return hash(repr(self.spec()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.init_args.items())})"


def total(terms: Mapping[str, Tensor]) -> Tensor:
    """Return the sum of named terms, in their order."""
    first, *rest = terms.values()
    return sum(rest, first)


def label_text(value: Any) -> str:
    """Return an argument as letters, digits, dots and dashes, different for different values.

    Floats have as many digits as tell them from others; what can't be written so ends in a digest of it.
    """
    text = f"{value:g}" if isinstance(value, float) else str(plain(value))
    if isinstance(value, float) and float(text) != value:
        text = repr(value)
    if isinstance(value, (bool, int, float)) or value is None:
        return text.lower().replace("e+", "e")
    short = re.sub(r"[^a-z0-9.]", "", text.lower())[:LONGEST]
    return short if short == text else f"{short}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


class QuantumSystem(System):
    """A system with a kinetic energy -1/2 laplacian, hbar = m = 1 by default; its ground state minimises <H>."""

    abstract = True
    n_up: int
    #: hbar^2/m in the system's units
    hbar2_over_mass: float = 1.0
    #: whether the interaction is a function of positions; one that exchanges spins, at fixed spins, is not
    diagonal = True

    def potential(self, x: Points) -> Values:
        """Return the potential energy `(batch,)` of `x` `(batch, n, dim)`."""
        return total(self.terms(x))

    @property
    def energy_scale(self) -> float:
        """Natural energy of the system; optimisers measure energies in it."""
        return 1.0

    def local_energy(self, wavefunction: Wavefunction, x: Points) -> dict[str, Components]:
        r"""Return the terms of the local energy and their `total`.

        E_L = -1/2 (laplacian ln|psi| + |grad ln|psi||^2) + V(x)

        Args:
            wavefunction: gives `derivatives` of log abs psi.
            x: configurations `(batch, n, dim)`.

        Returns:
            `kinetic`, every term of the potential and `total`, `(batch,)` each.

        Raises:
            InputError: psi is complex; the gradient of its phase is not known here.
        """
        terms = {"kinetic": self.local_kinetic(wavefunction, x), **self.terms(x)}
        return {**terms, "total": torch.stack(list(terms.values())).sum(0)}

    def local_kinetic(self, wavefunction: Wavefunction, x: Tensor) -> Tensor:
        r"""Return $-\tfrac{\hbar^2}{2m} (\nabla^2 \ln|\psi| + |\nabla \ln|\psi||^2)$ `(batch,)`, see `local_energy`."""
        known = hasattr(wavefunction, "derivatives")
        check(known, "wavefunction", wavefunction, "an object that gives log_psi and derivatives")
        refuse_complex(wavefunction, x)
        gradient, laplacian = wavefunction.derivatives(x)
        check_real(type(wavefunction).__name__, gradient, laplacian)
        return -0.5 * self.hbar2_over_mass * (laplacian + gradient.square().sum((-1, -2)))

    def kinetic_by_gradient(self, gradient: Tensor, x: Tensor) -> Tensor:
        r"""Return $\tfrac{\hbar^2}{2m} |\nabla \ln|\psi||^2$ `(batch,)`, whose mean is the kinetic energy's.

        Args:
            gradient: of ln abs psi `(batch, *shape)`.
            x: configurations `(batch, *shape)`.
        """
        return 0.5 * self.hbar2_over_mass * gradient.square().sum((-1, -2))

    @property
    def representative(self) -> System:
        """A system of one Hamiltonian with the singularities of this one: itself, or a member of a family."""
        return self

    def virial(self, energies: Mapping[str, Tensor]) -> Tensor | None:
        """Return the samples `(batch,)` whose mean vanishes at an eigenstate by the virial theorem, if one is known."""
        return None


class ClassicalSystem(System):
    """A system in thermal equilibrium at inverse temperature beta; its density is exp(-beta H)/Z."""

    abstract = True
    beta: float

    @property
    def thermal_width(self) -> float:
        """Standard deviation of a coordinate of one particle about its place in the cloud."""
        return self.spread

    def energy(self, x: Points) -> Values:
        """Return H `(batch,)` of configurations `x` `(batch, n, dim)`."""
        return total(self.terms(x))

    def virial(self, terms: Mapping[str, Tensor]) -> Tensor | None:
        """Return the samples `(batch,)` whose mean vanishes in equilibrium by the virial theorem, if one is known."""
        return None
