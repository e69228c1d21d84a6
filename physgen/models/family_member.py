"""One member of a family of wavefunctions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from physgen.core.errors import check
from physgen.models.neural_backflow import NeuralBackflow
from physgen.nn.determinants.family_network import FamilyNetwork, MemberNetwork
from physgen.spaces import Free
from physgen.systems import QuantumDot, QuantumDots, System


class FamilyMember(NeuralBackflow):
    """The wavefunction of one dot by the weights of a `NeuralBackflow` of `QuantumDots`, as `at` makes it.

    It samples, is measured, checked and followed by diffusion Monte Carlo like any other wavefunction, and a training
    goes on at its frequency alone.

    Args:
        system: a `QuantumDot` with as many spins up as down, or one more.
        omega: lowest and highest frequency of the family.
        **kwargs: arguments of the network and the training, see `NeuralBackflow`.

    Raises:
        InputError: another system, or an argument out of its range.
    """

    system: QuantumDot
    spaces = (Free,)

    def __init__(self, system: System, omega: Sequence[float] = (0.1, 1.0), **kwargs: Any) -> None:
        super().__init__(system, **kwargs)
        dot = self.system
        allowed = "a QuantumDot with half of the electrons up"
        check(isinstance(dot, QuantumDot) and dot.n_up == (dot.n + 1) // 2, "system", dot.label, allowed)
        family = NeuralBackflow(QuantumDots(dot.n, dot.dim, omega, dot.coupling), **kwargs)
        assert isinstance(family.net, FamilyNetwork)
        self.net = MemberNetwork(family.net, dot.omega)
