"""Whether reference Monte Carlo can treat a system: it moves particles by the gradient of a confining energy."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check
from physgen.systems import ClassicalSystem

#: first guesses that are looked at, and how much wider than them the cloud is where it must have paid for it
GUESSES, FAR = 8, 1e4
#: largest difference between the gradient and that of finite differences, relative to the latter's size
TOLERANCE = 1e-3


def check_suitable(system: Any) -> None:
    """Look at the energy of a few first guesses.

    Raises:
        InputError: not a classical system, one of whole numbers, an energy without a sound gradient, or one that does
            not hold its particles, so that exp(-beta H) cannot be normalised.
    """
    kind = type(system).__name__
    check(isinstance(system, ClassicalSystem), "system", kind, "a classical system (ClassicalDot, QuarticWell, ...)")
    allowed = "one whose particles move in space: Monte Carlo follows the gradient of the energy"
    check(system.continuous, "system", f"{kind} of whole numbers", allowed)
    x = system.initial(GUESSES, torch.Generator().manual_seed(0), torch.float64)
    gradient = energy_gradient(system, x)
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)
    direction /= direction.square().sum((-1, -2), keepdim=True).sqrt()
    step = 1e-5 * system.spread
    with torch.no_grad():
        energies = [system.energy(x + sign * step * direction) for sign in (1, -1)]
        rise = (system.energy(FAR * x) - system.energy(x)) * system.beta
    slope, expected = (gradient * direction).sum((-1, -2)), (energies[0] - energies[1]) / (2 * step)
    off = (slope - expected).abs() / expected.abs().mean().clamp_min(1e-6 / step)
    if not bool((off <= TOLERANCE).sum() > GUESSES // 2):  # a few may stand at an edge
        raise InputError(f"system must have an energy with a gradient, got {kind}: it differs from finite differences")
    if not bool((rise > system.n * system.dim * math.log(FAR)).all()):
        raise InputError(f"system must hold its particles, got {kind}: far out exp(-beta H) does not fall off")


def energy_gradient(system: ClassicalSystem, x: Tensor) -> Tensor:
    """Return the gradient of the energy at `x` `(batch, n, dim)`, or raise `InputError` where there is none."""
    with torch.enable_grad():
        leaf = x.clone().requires_grad_(True)
        energy = system.energy(leaf)
        known = energy.requires_grad and bool(energy.isfinite().all())
        check(known, "system", type(system).__name__, "of a finite energy that autograd can follow")
        (gradient,) = torch.autograd.grad(energy.sum(), leaf, allow_unused=True)
    depends = gradient is not None and bool(gradient.any())
    check(depends, "system", type(system).__name__, "of an energy with a gradient that is not zero everywhere")
    return gradient
