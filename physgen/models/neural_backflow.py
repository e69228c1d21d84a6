"""Slater determinants of orbitals that see all electrons through messages."""

from __future__ import annotations

from typing import Any

from physgen.core.errors import check_choice, check_integer
from physgen.models.fermions import FermionModel
from physgen.nn.determinant_network import DeterminantNetwork
from physgen.nn.forward_laplacian import ACTIVATIONS
from physgen.nn.message_passing import MessagePassing
from physgen.systems import System


class NeuralBackflow(FermionModel):
    r"""Sum of Slater determinants of oscillator orbitals with neural backflow, times Jastrow factors.

    $\psi = e^{-a r^2/2 + U + \sum_i u(h_i)} \sum_k w_k \det[M^k_\uparrow] \det[M^k_\downarrow]$,
    $M^k_{ij} = \phi_j(r_i) + (V h_i)_{kj}$

    The features $h_i$ come from streams of electrons and of pairs that exchange messages (`MessagePassing`); U has the
    exact cusps and everything else is smooth. It starts near the determinant of the non-interacting electrons times
    the Jastrow factor: V and u start as small random numbers, which tell the determinants
    apart. The local energy is computed by the forward Laplacian.

    Sources: Pfau, Spencer, Matthews and Foulkes, "Ab-Initio Solution of the Many-Electron Schroedinger Equation with
    Deep Neural Networks", arXiv:1909.02487; Li et al., "A computational framework for neural network-based variational
    Monte Carlo with Forward Laplacian", arXiv:2307.08214.

    Args:
        system: a quantum system whose electrons fill closed shells in each spin.
        width: features of an electron.
        pair_width: features of a pair.
        layers: exchanges of messages.
        determinants: products of determinants that are summed.
        jastrow: `pade` or `spline`.
        activation: smooth nonlinearity, `tanh`, `silu` or `softplus`.
        **kwargs: arguments of the training, see `FermionModel` and `WavefunctionModel`.

    Raises:
        InputError: open shells, or an argument out of its range.
    """

    def __init__(
        self,
        system: System,
        width: int = 32,
        pair_width: int = 16,
        layers: int = 2,
        determinants: int = 4,
        jastrow: str = "pade",
        activation: str = "tanh",
        **kwargs: Any,
    ) -> None:
        super().__init__(system, **kwargs)
        check_integer("width", width, 1)
        check_integer("pair_width", pair_width, 1)
        check_integer("layers", layers, 1)
        check_integer("determinants", determinants, 1)
        check_choice("activation", activation, ACTIVATIONS)
        n, dim, n_up = self.system.n, self.system.dim, self.system.n_up
        body = MessagePassing(n, dim, n_up, width, pair_width, layers, activation)
        self.net = DeterminantNetwork(n, dim, n_up, body, width, determinants, self.jastrow_factor(jastrow))
