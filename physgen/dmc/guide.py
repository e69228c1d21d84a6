"""A wavefunction as guide of diffusion Monte Carlo."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check
from physgen.dmc.walkers import Guide
from physgen.systems import At, QuantumSystem
from physgen.systems.base import Wavefunction


def guide_of(wavefunction: Wavefunction, system: QuantumSystem) -> Guide:
    """Return what moves the walkers, and what is averaged, at `(batch, n, dim)`.

    Sign, ln|psi|, gradient, local energy and its terms, and what the space averages, such as r^2.
    """

    def guide(x: Tensor) -> dict[str, Tensor]:
        at = At(wavefunction, x)
        # a model's own local energy may differ from that of its system
        terms = dict(at.local_energy(x) if hasattr(at, "local_energy") else system.local_energy(at, x))
        sign, log_psi = at.log_psi(x)
        moving = {"sign": sign, "log_psi": log_psi, "gradient": at.derivatives(x)[0], "energy": terms.pop("total")}
        return {**moving, **terms, **system.space.averages(x)}

    return guide


def check_guide(model: Any, system: Any) -> None:
    """Raise `InputError` unless the model's nodes are those of its system, and it has a local energy."""
    name = type(model).__name__
    if not isinstance(system, QuantumSystem) or not hasattr(model, "derivatives"):
        raise InputError(f"dmc needs a wavefunction with a local energy as guide, got {name}, a density")
    if not system.continuous:
        raise InputError(f"dmc needs a system whose particles move in space, got {system!r} of whole numbers")
    check(not system.space.still, "dmc: system", system.label, "one system: of a family a member, by `at`")
    check(system.diagonal, "dmc: interaction", system.label, "a function of positions, not one that exchanges spins")
    check(system.hbar2_over_mass == 1, "dmc: hbar2_over_mass", system.hbar2_over_mass, "1, by which walkers diffuse")
    with torch.no_grad():
        guess = system.initial(1, dtype=getattr(model, "dtype", None), device=getattr(model, "device", None))
        sign, _ = model.log_psi(guess)
    # also a vector of one component: its system has masses and operators that walkers would not follow
    components = "none" if sign.ndim == 1 else sign[0].numel()
    check(sign.ndim == 1, "dmc: components of psi", components, "none, their densities do not branch by one weight")
    n_up = getattr(system, "n_up", system.n)
    if system.statistics == "bosons" or max(n_up, system.n - n_up) <= 1 or model.antisymmetric:
        return
    if system.statistics == "fermions":
        raise InputError(
            f"dmc needs an antisymmetric guide for n_up = {n_up} of n = {system.n} electrons, got {name}, "
            "which is not antisymmetric"
        )
    raise InputError(
        f"dmc needs an antisymmetric guide, or a system with statistics = 'bosons', got {name} for {system!r}"
    )
