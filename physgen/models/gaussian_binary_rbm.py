"""Gaussian-binary restricted Boltzmann machine as a wavefunction."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from physgen.core.errors import check, check_choice, check_integer
from physgen.models.wavefunction import WavefunctionModel
from physgen.nn.determinants.factor import Factor
from physgen.nn.determinants.pade_jastrow import PadeJastrow
from physgen.nn.machines.gaussian_binary import GaussianBinary
from physgen.observables import Observable
from physgen.observables.exchange_defect import ExchangeDefect
from physgen.spaces import Free
from physgen.systems import System


class PositiveMarginal(nn.Module):
    """F^c J > 0: the marginal of a Boltzmann machine, which holds the Gaussian, times, if any, a Jastrow factor.

    Args:
        machine: F^c.
        jastrow: J.
    """

    def __init__(self, machine: GaussianBinary, jastrow: Factor | None) -> None:
        super().__init__()
        self.machine, self.jastrow = machine, jastrow

    def log(self, x: Tensor) -> Tensor:
        """Return the logarithm `(batch,)` of `x` `(batch, n, dim)`."""
        log: Tensor = self.machine(x)
        return log if self.jastrow is None else log + self.jastrow(x)

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of the logarithm in closed form."""
        gradient, laplacian = self.machine.derivatives(x)
        if self.jastrow is not None:
            more, curvature = self.jastrow.derivatives(x)
            gradient, laplacian = gradient + more, laplacian + curvature
        return gradient, laplacian


class PositiveProduct(PositiveMarginal):
    """A positive wavefunction psi = F^c J."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the sign, always 1, and ln psi, `(batch,)` each, of `x` `(batch, n, dim)`."""
        log_psi = self.log(x)
        return torch.ones_like(log_psi), log_psi

    def draw_hidden(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Draw hidden units from p(h|x)."""
        return self.machine.draw_hidden(x, generator)

    def draw_visible(self, hidden: Tensor, generator: torch.Generator | None) -> Tensor:
        """Draw x from p(x|h)."""
        return self.machine.draw_visible(hidden, generator)


class GaussianBinaryRBM(WavefunctionModel):
    r"""Marginal of a Gaussian-binary restricted Boltzmann machine as wavefunction, optionally times a Jastrow factor.

    psi = F(x)^c J(x),  F = exp(-|x - a|^2/(2 s^2)) prod_j (1 + exp(b_j + (x W)_j/s^2)),  c = 1 or 1/2

    with x in units of the system's length. psi is positive, so it describes bosons or the singlet of two electrons,
    and its energy bounds the bosonic ground state. Weights are tied so that psi is symmetric under exchange of
    particles; the plain machine, `symmetric=False`, is not: its defect 1 - <psi|P_12|psi> is measured and reported.
    Without a Jastrow factor psi has no electron-electron cusp: in two dimensions the local energy then diverges as
    1/r and its variance does not exist, so errors are taken over independent chains.

    Sources: Carleo and Troyer, "Solving the quantum many-body problem with artificial neural networks",
    arXiv:1606.02318; Nordhagen, Kim, Fore, Lovato and Hjorth-Jensen, "Efficient solutions of fermionic systems using
    artificial neural networks", arXiv:2210.00365.

    Args:
        system: a quantum system.
        hidden: hidden units; with `symmetric` orbits of n units each.
        form: `marginal` for psi = F, `sqrt` for psi = sqrt(F).
        jastrow: whether a Pade-Jastrow factor with the exact cusp multiplies psi.
        train_sigma: whether the width s is trained.
        symmetric: whether weights are tied so that psi is symmetric under exchange of particles.
        **kwargs: arguments of the training, see `WavefunctionModel`.

    Raises:
        InputError: an argument out of its range, or a Gibbs sampler for any but the plain `sqrt` form.
    """

    spaces = (Free,)

    def __init__(
        self,
        system: System,
        hidden: int = 8,
        form: str = "marginal",
        jastrow: bool = False,
        train_sigma: bool = True,
        symmetric: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(system, **kwargs)
        check_integer("hidden", hidden, 1)
        check_choice("form", form, ("marginal", "sqrt"))
        for name, flag in {"jastrow": jastrow, "train_sigma": train_sigma, "symmetric": symmetric}.items():
            check(isinstance(flag, bool), name, flag, "true or false")
        momentum = getattr(self.system, "angular_momentum", None)
        allowed = "none for a wavefunction without orbitals"
        check(momentum is None, "angular_momentum of the system", momentum, allowed)
        n, dim = self.system.n, self.system.dim
        factor = None
        if jastrow:
            factor = PadeJastrow(n, dim, self.system.n_up, self.scaled_coupling)
        power = 1.0 if form == "marginal" else 0.5
        self.net = PositiveProduct(GaussianBinary(n, dim, hidden, power, train_sigma, symmetric), factor)
        self.has_conditionals = form == "sqrt" and not jastrow
        self.check_sampler()
        if n > 1 and not symmetric:
            self.notes.append("psi is not symmetric under exchange of particles; exchange_defect says by how much")
        if n > 2:
            self.notes.append("psi is positive, not antisymmetric: its energy bounds the bosonic ground state")
        self.note_cusps(jastrow)
        if n > 1 and dim == 2 and not jastrow and self.scaled_coupling > 0:
            self.notes.append(
                "psi has no cusp: in two dimensions the variance of the local energy diverges; the error is over "
                "independent chains and heavy-tailed"
            )

    def observables(self) -> list[Observable]:
        """Return the exchange defect of two particles besides."""
        return [*super().observables(), *[ExchangeDefect()] * (self.system.n > 1)]
