"""Where a potential diverges as c / r: what a system says of its pairs, compared with its terms."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from physgen.systems.base import System

#: distances at which a potential is looked at, in units of the system's length, and how many configurations
NEAR, LOOKS = (1e-4, 1e-5, 1e-6), 3
#: largest difference between a declared and a measured strength, relative to the larger
TOLERANCE = 0.01
#: strength below which a potential counts as finite, in units of energy times length
NOTHING = 1e-3


def cusp_notes(system: System, cusped: bool) -> list[str]:
    """Return what must be known of a wavefunction's cusps on this system, nothing where all is as declared.

    Args:
        system: the system; one of whole numbers has no cusps.
        cusped: whether the wavefunction has a factor with the cusp that the system declares.
    """
    if not system.continuous:
        return []
    declared, notes = (system.coulomb_coupling if system.n > 1 else 0.0), []
    found = pair_strength(system) if system.n > 1 else 0.0
    if found is not None and abs(found - (declared or 0.0)) > TOLERANCE * max(
        abs(found), abs(declared or 0.0), NOTHING
    ):
        said = "declares none" if declared is None else f"declares {declared:g}"
        notes.append(
            f"terms of {type(system).__name__} diverge as {found:.3g}/r where two particles meet, but its "
            f"coulomb_coupling {said}: {'the Jastrow factor has the wrong cusp' if cusped else 'psi has no cusp'}"
        )
    elif declared is None and cusped:
        notes.append(
            "this system declares no Coulomb repulsion between its particles (coulomb_coupling): the Jastrow factor "
            "has no cusp"
        )
    centre = centre_strength(system)
    if centre is not None and abs(centre) > NOTHING * system.n:
        notes.append(f"the potential diverges as {centre:.3g}/r at the origin: psi has no nuclear cusp")
    return notes


def pair_strength(system: System) -> float | None:
    """Return c of the divergence c / r where two particles meet, the one of largest size over a few pairs.

    It is 0 for a finite potential, and None where the divergence is not of this kind or not known.
    """
    last = system.n - 1

    def approached(x: Tensor, step: Tensor, look: int) -> Tensor:
        first, second = [(0, last), (0, 1), (max(last - 1, 0), last)][look % 3]
        moved = x.clone()
        moved[second] = x[first] + step
        return moved

    return strength(system, approached)


def centre_strength(system: System) -> float | None:
    """Return c of the divergence c / r of the first particle at the origin, 0 for a finite potential."""

    def approached(x: Tensor, step: Tensor, look: int) -> Tensor:
        moved = x.clone()
        moved[0] = step
        return moved

    return strength(system, approached)


def strength(system: System, approached: Callable[[Tensor, Tensor, int], Tensor]) -> float | None:
    """Return c of V = c / r + ... for small r, None where V behaves in another way or cannot be had."""
    generator, scale = torch.Generator().manual_seed(0), system.length
    start = system.initial(LOOKS, generator, torch.float64)
    found = []
    for look, x in enumerate(start):
        direction = torch.randn(system.dim, generator=generator, dtype=torch.float64)
        direction /= direction.norm()
        points = torch.stack([approached(x, r * scale * direction, look) for r in NEAR])
        try:
            with torch.no_grad():
                energy = torch.stack(list(system.terms(points).values())).sum(0).double()
        except Exception:  # a system of one's own may refuse such configurations in any way
            return None
        slopes = [float((energy[k + 1] - energy[k]) / (1 / NEAR[k + 1] - 1 / NEAR[k])) * scale for k in (0, 1)]
        if not all(map(math.isfinite, slopes)) or abs(slopes[1] - slopes[0]) > TOLERANCE * max(map(abs, slopes)) > 0:
            # a finite potential may do what it likes at this size, a stronger divergence is another kind
            if not all(map(math.isfinite, slopes)) or max(map(abs, slopes)) > NOTHING:
                return None
            slopes = [0.0, 0.0]
        found.append(slopes[1])
    return max(found, key=abs)
