"""A wavefunction as guide of diffusion Monte Carlo."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from physgen.errors import InputError
from physgen.samplers.diffusion import Guide
from physgen.systems import QuantumSystem
from physgen.systems.base import Wavefunction


class Evaluated:
    """A wavefunction whose derivatives at one set of configurations are known; what a local energy asks for."""

    def __init__(self, wavefunction: Wavefunction, x: Tensor) -> None:
        self.psi = wavefunction.log_psi(x)
        self.found = wavefunction.derivatives(x)

    def log_psi(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi|."""
        return self.psi

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient and Laplacian of ln|psi|."""
        return self.found


def guide_of(wavefunction: Wavefunction, system: QuantumSystem) -> Guide:
    """Return what moves the walkers: sign, ln|psi|, gradient, local energy, its terms and r^2 at `(batch, n, dim)`."""

    def guide(x: Tensor) -> dict[str, Tensor]:
        known = Evaluated(wavefunction, x)
        terms = system.local_energy(known, x)
        sign, log_psi = known.psi
        moving = {"sign": sign, "log_psi": log_psi, "gradient": known.found[0], "energy": terms.pop("total")}
        return {**moving, **terms, "square_radius": x.square().sum((-1, -2))}

    return guide


def check_guide(model: Any, system: Any) -> None:
    """Raise `InputError` unless the model's nodes are those of fermions, and it has a local energy."""
    name = type(model).__name__
    if not isinstance(system, QuantumSystem) or not hasattr(model, "derivatives"):
        raise InputError(f"dmc needs a wavefunction with a local energy as guide, got {name}, a density")
    if max(system.n_up, system.n - system.n_up) > 1 and not model.antisymmetric:
        raise InputError(
            f"dmc needs an antisymmetric guide for n_up = {system.n_up} of n = {system.n} electrons, got {name}, "
            "which is not antisymmetric"
        )
