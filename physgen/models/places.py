"""What antisymmetric wavefunctions are made of where their particles live: a trap, or a periodic box."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from torch import nn

from physgen.core.errors import InputError, check, check_choice
from physgen.nn.determinants.determinant_network import shell_network
from physgen.nn.determinants.dressed_waves import DressedWaves
from physgen.nn.determinants.factor import Factor
from physgen.nn.determinants.family_network import FamilyNetwork
from physgen.nn.determinants.message_passing import MessagePassing
from physgen.nn.determinants.oscillator import check_closed_shells
from physgen.nn.determinants.pade_jastrow import PadeJastrow
from physgen.nn.determinants.pairing import PairingHead, SlaterHead, pairing_orbitals
from physgen.nn.determinants.periodic_jastrow import JastrowProduct, PeriodicCosines, PeriodicCusps, PeriodicWell
from physgen.nn.determinants.periodic_messages import PeriodicMessages
from physgen.nn.determinants.periodic_network import PeriodicNetwork
from physgen.nn.determinants.periodic_pair_state import PeriodicPairState
from physgen.nn.determinants.plane_waves import PlaneWaves, check_closed_box
from physgen.nn.determinants.shell_filling import ShellFilling
from physgen.nn.determinants.shell_product import Norm, ShellProduct, trapped_product
from physgen.nn.determinants.spline_jastrow import SplineJastrow
from physgen.objectives import FamilyEnergy, VariationalEnergy
from physgen.observables import Observable
from physgen.observables.angular_momentum import AngularMomentum
from physgen.spaces import Free, Labelled, PeriodicBox, Space


class Place(ABC):
    """Orbitals, Jastrow factors and networks of particles in a space.

    Args:
        system: where and how many they are.
    """

    jastrows: tuple[str, ...]
    #: whether a training may be kept to a total spin by a penalty
    penalises_spin = True

    def __init__(self, system: Any) -> None:
        self.system = system

    def objective(self, clip: float | None) -> VariationalEnergy:
        """Return what a training lowers."""
        return VariationalEnergy(clip)

    def observables(self) -> list[Observable]:
        """Return what is measured of these particles beside what is measured of all."""
        return []

    @abstractmethod
    def check_shells(self) -> None:
        """Raise `InputError` unless the particles of each spin fill shells, with a list of numbers that do."""

    def cusped(self, kind: str) -> bool:
        """Return whether a Jastrow factor has the cusps that the system declares."""
        return kind != "none"

    @abstractmethod
    def jastrow(self, kind: str, strength: float) -> Factor:
        """Return the pair correlation with fixed cusps, one of `jastrows`.

        Args:
            kind: its name.
            strength: of the repulsion, in units of the system's length and energy scale.
        """

    @abstractmethod
    def product(self, jastrow: str, strength: float) -> nn.Module:
        """Return the determinants of the lowest orbitals times a Jastrow factor that is trained."""

    @abstractmethod
    def network(self, jastrow: str, strength: float, **sizes: Any) -> nn.Module:
        """Return the determinants of neural orbitals times a Jastrow factor.

        Args:
            jastrow: kind of the factor.
            strength: of the repulsion.
            sizes: `width`, `pair_width`, `layers`, `determinants`, `activation` and `pairing`, see `NeuralBackflow`.
        """


class Trap(Place):
    """Oscillator orbitals without their Gaussian, which envelops them all."""

    jastrows: tuple[str, ...] = ("pade", "spline")

    @property
    def filling(self) -> ShellFilling:
        """The shells that the particles fill."""
        s = self.system
        return ShellFilling(s.n, s.dim, s.n_up, getattr(s, "angular_momentum", None))

    def observables(self) -> list[Observable]:
        """Return the angular momentum of open shells in two dimensions."""
        filling = self.filling
        is_open = filling.dim == 2 and any(size and filling.is_open(spin) for spin, size in enumerate(filling.sizes))
        return [AngularMomentum(filling.angular_momentum)] if is_open else []

    def check_shells(self) -> None:
        """Raise `InputError` where open shells are none that determinants are made of."""
        _ = self.filling  # made, or refused

    def jastrow(self, kind: str, strength: float) -> Factor:
        """Return `pade` or `spline`; denominators start with b ~ sqrt(strength)/2, the width of the correlation hole
        at strong coupling.
        """
        check_choice("jastrow", kind, self.jastrows)
        s = self.system
        arguments = (s.n, s.dim, s.n_up, strength, 0.5 * max(strength, 1.0) ** 0.5)
        return SplineJastrow(*arguments) if kind == "spline" else PadeJastrow(*arguments)

    def product(self, jastrow: str, strength: float) -> nn.Module:
        """Return oscillator shells times a Jastrow factor."""
        return trapped_product(self.filling, self.jastrow(jastrow, strength))

    def network(self, jastrow: str, strength: float, **sizes: Any) -> nn.Module:
        """Return determinants of oscillator orbitals with corrections by messages."""
        s, width = self.system, sizes["width"]
        allowed = "false or none in a trap"
        check(not sizes["pairing"], "pairing", sizes["pairing"], allowed)
        body = MessagePassing(s.n, s.dim, s.n_up, width, sizes["pair_width"], sizes["layers"], sizes["activation"])
        factor = self.jastrow(jastrow, strength)
        return shell_network(self.filling, body, width, sizes["determinants"], factor)


class TrapFamily(Trap):
    """Traps of every frequency of a range, by layers that see each walker's own."""

    jastrows = ("pade",)
    penalises_spin = False

    def observables(self) -> list[Observable]:
        """Return nothing: shells are closed."""
        return []

    def check_shells(self) -> None:
        """Raise `InputError` unless each spin fills closed shells of the oscillator."""
        check_closed_shells(self.system.n, self.system.n_up, self.system.dim)

    def objective(self, clip: float | None) -> VariationalEnergy:
        """Return the mean of the members' energies."""
        return FamilyEnergy(clip)

    def product(self, jastrow: str, strength: float) -> nn.Module:
        """Raise `InputError`: only a network sees the frequency."""
        allowed = "one trap for this model, or NeuralBackflow for a range of frequencies"
        raise InputError(f"system must be {allowed}, got {self.system.label}")

    def network(self, jastrow: str, strength: float, **sizes: Any) -> nn.Module:
        """Return determinants of oscillator orbitals with corrections by messages, for every frequency."""
        check(jastrow in self.jastrows, "jastrow", jastrow, "pade for a range of frequencies")
        check(not sizes["pairing"], "pairing", sizes["pairing"], "false or none in a trap")
        s = self.system
        shape = (s.n, s.dim, s.n_up, *s.omega, strength, s.repulsion)
        named = (sizes[k] for k in ("width", "pair_width", "layers", "determinants", "activation"))
        return FamilyNetwork(*shape, *named)


class Box(Place):
    """Plane waves, and functions of the sines and cosines of differences."""

    jastrows = ("pade", "none")

    def check_shells(self) -> None:
        """Raise `InputError` unless each spin fills shells of plane waves."""
        check_closed_box(self.system.n, self.system.n_up, self.system.dim)

    def cusped(self, kind: str) -> bool:
        """Return whether a Jastrow factor has cusps: not where the interaction has none."""
        return kind != "none" and bool(self.system.coulomb_coupling)

    def jastrow(self, kind: str, strength: float) -> JastrowProduct:
        """Return the factor of short distances: the cusps of charges, the s wave in a deep well, or 1.

        `pair` is the state of two particles where the system knows it, as `pair_decay`.
        """
        s = self.system
        momentum, decay = getattr(s, "well_momentum", None), getattr(s, "pair_decay", None)
        kinds = self.jastrows if decay is None else (*self.jastrows, "pair")
        check(kind in kinds, "jastrow", kind, f"one of {', '.join(kinds)} in a periodic box with {type(s).__name__}")
        if kind == "none" or s.n == 1:
            return JastrowProduct([])
        if kind == "pair":
            return JastrowProduct([PeriodicPairState(s.n, s.n_up, s.mu * s.length, decay * s.length)])
        if momentum is not None:
            return JastrowProduct([PeriodicWell(s.n, s.n_up, momentum * s.length)])
        coupling = (s.coulomb_coupling or 0.0) * s.length
        return JastrowProduct([PeriodicCusps(s.n, s.n_up, coupling)] if coupling else [])

    def product(self, jastrow: str, strength: float) -> nn.Module:
        """Return plane waves times the factor of short distances and cosines of larger ones; `none` is Hartree-Fock."""
        s, factor = self.system, self.jastrow(jastrow, strength)
        if jastrow != "none":
            factor.factors.append(PeriodicCosines(s.n, s.n_up, dim=s.dim))
        orbitals = [PlaneWaves(count, s.dim) for count in (s.n_up, s.n - s.n_up) if count]
        return ShellProduct(orbitals, {"norm": Norm(), "jastrow": factor})

    def network(self, jastrow: str, strength: float, **sizes: Any) -> nn.Module:
        """Return determinants of plane waves with complex factors by messages, of each spin or of pairs."""
        s, copies, width, pair_width = self.system, sizes["determinants"], sizes["width"], sizes["pair_width"]
        pairing = sizes["pairing"]
        if pairing is None:
            pairing = bool(getattr(s, "paired", False))
        check(not pairing or 2 * s.n_up == s.n, "pairing", pairing, "false where not as many spins are down as up")
        body = PeriodicMessages(s.n, s.dim, s.n_up, width, pair_width, sizes["layers"], sizes["activation"])
        count = pairing_orbitals(s.n_up) if pairing else s.n_up
        # several determinants must be told apart
        orbitals = DressedWaves(count, s.dim, width, copies, gain=0.02 if copies == 1 else 0.1)
        head = PairingHead(s.n_up, count, s.dim, pair_width, copies) if pairing else SlaterHead(body.sizes)
        return PeriodicNetwork(body, orbitals, head, self.jastrow(jastrow, strength))


#: what stands for wavefunctions in a space, the most special space first
PLACES: dict[type[Space], type[Place]] = {PeriodicBox: Box, Labelled: TrapFamily, Free: Trap}


def place_of(system: Any) -> Place:
    """Return the place where the particles of `system` live."""
    return next(place for space, place in PLACES.items() if isinstance(system.space, space))(system)
