"""Slater determinants of orbitals that see all electrons through self-attention."""

from __future__ import annotations

from typing import Any

from physgen.core.errors import check, check_choice, check_integer
from physgen.models.fermions import FermionModel
from physgen.nn.determinants.determinant_network import shell_network
from physgen.nn.determinants.self_attention import SelfAttention
from physgen.nn.forward_laplacian import ACTIVATIONS
from physgen.systems import System


class TransformerWavefunction(FermionModel):
    r"""Sum of Slater determinants of oscillator orbitals with corrections by self-attention, times Jastrow factors.

    $\psi = e^{-a r^2/2 + U + \sum_i u(h_i)} \sum_k w_k \det[M^k_\uparrow] \det[M^k_\downarrow]$,
    $M^k_{ij} = \phi_j(r_i) + (V h_i)_{kj}$

    The features $h_i$ come from layers of self-attention over the electrons (`SelfAttention`), of the type of the
    Psiformer; pairs enter by attention alone and by the Jastrow factor U with the exact cusps.

    Source: von Glehn, Spencer and Pfau, "A Self-Attention Ansatz for Ab-initio Quantum Chemistry", arXiv:2211.13672.

    Args:
        system: a quantum system whose electrons fill shells in each spin; in a trap the last may be open.
        width: features of an electron; `heads` divides it.
        heads: heads of the attention.
        layers: layers of attention and perceptron.
        determinants: products of determinants that are summed.
        jastrow: `pade` or `spline`.
        activation: smooth nonlinearity, `tanh`, `silu` or `softplus`.
        normalise: whether features are normalised before attention and perceptron.
        **kwargs: arguments of the training, see `FermionModel` and `WavefunctionModel`.

    Raises:
        InputError: shells that must not stay open, or an argument out of its range.
    """

    def __init__(
        self,
        system: System,
        width: int = 32,
        heads: int = 4,
        layers: int = 2,
        determinants: int = 4,
        jastrow: str = "pade",
        activation: str = "tanh",
        normalise: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(system, **kwargs)
        check_integer("width", width, 1)
        check_integer("heads", heads, 1)
        check(width % heads == 0, "heads", heads, f"a divisor of width = {width}")
        check_integer("layers", layers, 1)
        check_integer("determinants", determinants, 1)
        check_choice("activation", activation, ACTIVATIONS)
        check(isinstance(normalise, bool), "normalise", normalise, "true or false")
        n, dim, n_up = self.system.n, self.system.dim, self.system.n_up
        body = SelfAttention(n, dim, n_up, width, heads, layers, activation, normalise)
        self.net = shell_network(self.filling, body, width, determinants, self.jastrow_factor(jastrow))
