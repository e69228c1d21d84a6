"""Slater determinants of orbitals that see all electrons through messages."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from physgen.core.errors import check, check_choice, check_integer
from physgen.models.fermions import FermionModel
from physgen.nn.forward_laplacian import ACTIVATIONS
from physgen.spaces import Free, Labelled, PeriodicBox, Space
from physgen.systems import QuantumDots, System

log = logging.getLogger("physgen")


class NeuralBackflow(FermionModel):
    r"""Sum of determinants of orbitals with neural backflow, times Jastrow factors.

    In a trap, with the orbitals of the oscillator,

    $\psi = e^{-a r^2/2 + U + \sum_i u(h_i)} \sum_k w_k \det[M^k_\uparrow] \det[M^k_\downarrow]$,
    $M^k_{ij} = \phi_j(r_i) + (V h_i)_{kj}$

    The features $h_i$ come from streams of particles and of pairs that exchange messages (`MessagePassing`); U has the
    exact cusps and everything else is smooth. It starts near the determinant of the non-interacting particles times
    the Jastrow factor: V and u start as small random numbers, which tell the determinants apart. The local energy is
    computed by the forward Laplacian.

    In a periodic box the orbitals are plane waves times complex factors of the features (`DressedWaves`), features see
    differences of positions alone (`PeriodicMessages`), and |psi| does not change when all particles move together or
    turn their spins. Where particles attract each other one determinant of singlet pairs, which contains the product
    of Slater determinants, takes their place (`PairingHead`).

    Of `QuantumDots` one set of weights is a wavefunction for every frequency of a range (`FamilyNetwork`), and
    `at(omega=0.37)` one of them.

    Sources: Pfau, Spencer, Matthews and Foulkes, "Ab-Initio Solution of the Many-Electron Schroedinger Equation with
    Deep Neural Networks", arXiv:1909.02487; Li et al., "A computational framework for neural network-based variational
    Monte Carlo with Forward Laplacian", arXiv:2307.08214; Kim et al., "Neural-network quantum states for ultra-cold
    Fermi gases", arXiv:2305.08831.

    Args:
        system: a quantum system whose particles fill shells in each spin; in a trap the last may be open.
        width: features of a particle.
        pair_width: features of a pair.
        layers: exchanges of messages.
        determinants: products of determinants that are summed.
        jastrow: `pade` or, in a trap, `spline`, or, in a box, `none` or, of a `FermiGas`, `pair`, the state of two
            particles.
        activation: smooth nonlinearity, `tanh`, `silu` or `softplus`.
        pairing: in a box, whether determinants are of pairs; None for yes where the system attracts.
        **kwargs: arguments of the training, see `FermionModel` and `WavefunctionModel`.

    Raises:
        InputError: shells that must not stay open, or an argument out of its range.
    """

    spaces: ClassVar[tuple[type[Space], ...]] = (Free, PeriodicBox, Labelled)

    def __init__(
        self,
        system: System,
        width: int = 32,
        pair_width: int = 16,
        layers: int = 2,
        determinants: int = 4,
        jastrow: str = "pade",
        activation: str = "tanh",
        pairing: bool | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(system, **kwargs)
        check_integer("width", width, 1)
        check_integer("pair_width", pair_width, 1)
        check_integer("layers", layers, 1)
        check_integer("determinants", determinants, 1)
        check_choice("activation", activation, ACTIVATIONS)
        check(pairing is None or isinstance(pairing, bool), "pairing", pairing, "true, false or none")
        self.note_cusps(self.place.cusped(jastrow))
        sizes: dict[str, Any] = {"width": width, "pair_width": pair_width, "layers": layers}
        sizes |= {"determinants": determinants, "activation": activation, "pairing": pairing}
        self.net = self.place.network(jastrow, self.scaled_coupling, **sizes)

    def at(self, omega: float) -> NeuralBackflow:
        """Return the wavefunction of one frequency, by the same weights: an ordinary model of that `QuantumDot`.

        Args:
            omega: frequency, in effective Hartree; outside of the trained range a warning is logged.

        Raises:
            InputError: a model of a single system, or a frequency that a dot refuses.
        """
        dots: Any = self.system
        check(isinstance(dots, QuantumDots), "system", dots.label, "a family such as QuantumDots, for `at`")
        value = dots.check_member(omega)
        low, high = dots.omega
        if not low <= value <= high:
            log.warning(
                "omega %g lies outside of %g to %g, for which %s was trained: look at the virial theorem",
                *(value, low, high, dots.label),
            )
        arguments = {**self.spec()["init_args"], "system": dots.member(value), "omega": dots.omega}
        member: Any = self.of({"class_path": "FamilyMember", "init_args": arguments})
        member.to(next(self.parameters())).net.family.load_state_dict(self.net.state_dict())
        made: NeuralBackflow = member.train(self.training)
        return made
