"""Sizes of nuclei: radii of nucleons, protons and charge, and the virial theorem."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.func import jvp

from physgen.observables.base import Findings, Observable
from physgen.stats.estimate import Estimate

#: squared charge radii of proton and neutron and the Darwin-Foldy term, in fm^2
PROTON, NEUTRON, DARWIN_FOLDY = 0.770, -0.116, 0.033


class NuclearRadii(Observable):
    r"""rms radii about the centre of mass in fm, and the virial theorem of a nucleus.

    `rms_radius` of all nucleons, `proton_radius` of protons as points, and `charge_radius`,
    $r_{ch}^2 = r_p^2 + 0.770 + \tfrac{N}{Z} (-0.116) + 0.033$ fm^2, with the charges of the nucleons and the
    Darwin-Foldy term. `virial` is $2 \langle T \rangle - \langle \sum_i r_i \cdot \nabla_i V \rangle$, which vanishes
    at an eigenstate. Tails carry little energy but much of a radius: radii converge after energies, and need longer
    chains.

    Source of the charge radius: Gnech et al., arXiv:2108.06836.

    Args:
        space: gives `positions`.
    """

    def __init__(self, space: Any) -> None:
        self.space = space
        self.nucleons = self.protons = 1

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Return squared radii of nucleons and protons, and what stands beside 2 T in the virial theorem."""
        direction, _ = at.log_psi(at.x)
        basis = at.system.basis_of(direction)
        self.nucleons, self.protons = basis.nucleons, basis.protons
        squares = self.space.positions(at.x).square().sum(-1)
        flags = torch.einsum("bc,icd,bd->bi", direction, basis.proton.to(direction), direction)
        return {
            "square_radius": squares.mean(-1),
            "square_proton_radius": (flags * squares).sum(-1) / self.protons,
            "dilation": self.dilation(at, direction),
        }

    def dilation(self, at: Any, direction: Tensor) -> Tensor:
        r"""Return $\sum_i r_i \cdot \nabla_i V$ `(batch,)`, the change of V as all lengths grow."""
        images = at.system.images

        def potential(scale: Tensor) -> Tensor:
            parts = images(direction, 0 * direction, at.x * scale)
            found: Tensor = (direction * (sum(parts.values()) - parts["kinetic"])).sum(-1)
            return found

        one = torch.ones((), dtype=at.x.dtype, device=at.x.device)
        change: Tensor = jvp(potential, (one,), (one,))[1]
        return change

    def finish(self, found: Findings) -> None:
        """Add the radii and the virial residual."""
        for name in ("rms_radius", "proton_radius"):
            square = found.estimates[{"rms_radius": "square_radius"}.get(name, f"square_{name}")]
            root = math.sqrt(square.value)
            found.estimates[name] = Estimate(root, square.error / (2 * root))
        square = found.estimates["square_proton_radius"]
        cloud = PROTON + (self.nucleons - self.protons) / self.protons * NEUTRON + DARWIN_FOLDY
        charge = math.sqrt(square.value + cloud)
        found.estimates["charge_radius"] = Estimate(charge, square.error / (2 * charge))
        kinetic, dilation = found.estimates["kinetic"], found.estimates["dilation"]
        # measured at the same places: errors may add up
        error = 2 * kinetic.error + dilation.error
        found.estimates["virial"] = Estimate(2 * kinetic.value - dilation.value, error)
