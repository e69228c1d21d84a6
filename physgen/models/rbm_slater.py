"""Gaussian-binary restricted Boltzmann machine times Slater determinants."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check, check_choice, check_integer, check_positive
from physgen.models.fermions import JASTROWS, FermionModel
from physgen.models.gaussian_binary_rbm import PositiveMarginal
from physgen.nn.determinants.factor import Factor
from physgen.nn.determinants.shell_product import shell_product
from physgen.nn.determinants.simple_jastrow import SimpleJastrow
from physgen.nn.machines.gaussian_binary import GaussianBinary
from physgen.observables import Observable
from physgen.observables.exchange_defect import ExchangeDefect
from physgen.systems import System


class PositiveFactor(PositiveMarginal, Factor):
    """The marginal of a Boltzmann machine, which holds the Gaussian, times a Jastrow factor, by its logarithm alone."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ln `(*)` of `x` `(*, n, dim)`."""
        return self.log(x)


class RBMSlater(FermionModel):
    r"""Gaussian-binary restricted Boltzmann machine times Slater determinants, optionally times a Jastrow factor.

    $\psi = \det[\phi_j(r_i)]_\uparrow \det[\phi_j(r_i)]_\downarrow\, F(x)\, J(x)$ with oscillator orbitals without
    their Gaussian and the machine $F = e^{-|x - a|^2/(2 s^2)} \prod_j (1 + e^{b_j + (x W)_j/s^2})$

    A machine whose weights are not tied breaks the exchange symmetry of F, and psi is not antisymmetric: its energy is
    no bound on that of fermions, and the defect <psi|1 + P|psi> of electrons of one spin is measured. `symmetric` ties
    the weights, so that psi is antisymmetric. Jastrow factors: `none`; `simple`, exp(sum b_ij r_ij), whose slopes are
    tied by kind of pair if `symmetric`; `pade` and `spline` with the exact cusps. Without the cusps the variance of the
    local energy diverges in two dimensions.

    Source: Nordhagen, Kim, Fore, Lovato and Hjorth-Jensen, "Efficient solutions of fermionic systems using artificial
    neural networks", arXiv:2210.00365.

    Args:
        system: a quantum system whose electrons fill shells in each spin; in a trap the last may be open.
        hidden: hidden units, as many as electrons unless given; with `symmetric` orbits of n units each.
        jastrow: `none`, `simple`, `pade` or `spline`.
        symmetric: whether weights are tied so that psi is antisymmetric.
        weight_scale: standard deviation of the weights to start with; small ones start close to the other factors,
            which many electrons need.
        **kwargs: arguments of the training, see `FermionModel` and `WavefunctionModel`.

    Raises:
        InputError: shells that must not stay open, or an argument out of its range.
    """

    def __init__(
        self,
        system: System,
        hidden: int | None = None,
        jastrow: str = "pade",
        symmetric: bool = True,
        weight_scale: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(system, **kwargs)
        check_choice("jastrow", jastrow, ("none", "simple", *JASTROWS))
        weight_scale = check_positive("weight_scale", weight_scale)
        check(isinstance(symmetric, bool), "symmetric", symmetric, "true or false")
        n, dim, n_up = self.system.n, self.system.dim, self.system.n_up
        units = n if hidden is None else check_integer("hidden", hidden, 1)
        if hidden is None and symmetric:
            units = 1 if n == 1 else 2  # orbits
        self.antisymmetric = symmetric
        check(symmetric or not self.spin_penalty, "spin_penalty", self.spin_penalty, "0 without symmetric")
        factor: Factor | None = None
        if jastrow == "simple":
            factor = SimpleJastrow(n, n_up, tied=symmetric)
        elif jastrow != "none":
            factor = self.jastrow_factor(jastrow)
        if jastrow in ("none", "simple"):
            self.note_cusps(False)
        machine = GaussianBinary(n, dim, units, 1.0, True, symmetric, weight_scale)
        self.net = shell_product(self.filling, {"positive": PositiveFactor(machine, factor)})
        if not symmetric and max(n_up, n - n_up) > 1:
            self.notes.append(
                "psi is not antisymmetric, its energy is no bound on that of fermions; exchange_defect says how far"
            )
        if n > 1 and dim == 2 and jastrow in ("none", "simple") and self.scaled_coupling > 0:
            self.notes.append("psi has no cusp: in two dimensions the variance of the local energy diverges")

    @property
    def exchange(self) -> ExchangeDefect:
        """The exchange of the first two electrons of one spin, under which psi should change its sign."""
        return ExchangeDefect(0 if self.system.n_up > 1 else self.system.n_up, antisymmetric=True)

    def observables(self) -> list[Observable]:
        """Return the exchange defect besides where two electrons have one spin."""
        return [*super().observables(), *[self.exchange] * self.alike]

    @torch.no_grad()
    def on_train_epoch_start(self) -> None:
        """Let the step width follow, and log the exchange defect."""
        super().on_train_epoch_start()
        x = self.sampler.x
        if not self.antisymmetric and self.alike and x is not None:
            defect = self.exchange.defect(self.log_psi, x).mean()
            self._records["exchange_defect"].append(defect)  # goes with the next record
