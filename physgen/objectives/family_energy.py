"""Variational energies of a family, each walker with a label of its own."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.ranks import gather, rank, summed, world_size
from physgen.objectives.typical import typical
from physgen.objectives.variational_energy import LocalEnergies, VariationalEnergy

#: Chebyshev polynomials of the labels' logarithm that are projected out
GAUGE = 5
#: rounds in which the smooth centre of local energies and its limits find each other
ROUNDS = 3


def gauge(labels: Tensor) -> Tensor:
    r"""Return an orthonormal basis Q `(batch, GAUGE)` of smooth functions of the labels of all ranks, float64.

    $\psi(x; \omega)$ may be multiplied by any $c(\omega)$: what such a factor adds to rows and residuals, smooth
    functions of the label, is no change of a state. With one label Q is the constant, whose projection is the mean.

    Args:
        labels: of the walkers of this rank `(batch,)`, above 0.
    """
    everywhere = gather(labels.double()).log()
    low, high = everywhere.min(), everywhere.max()
    terms = GAUGE if bool(high > low) else 1
    s = (2 * everywhere - low - high) / (high - low).clamp_min(torch.finfo(torch.float64).tiny)
    angle = s.clamp(-1, 1).arccos().unsqueeze(-1)
    basis = torch.cos(angle * torch.arange(terms, dtype=torch.float64, device=s.device))
    found: Tensor = torch.linalg.qr(basis).Q
    return found[rank() * len(labels) : (rank() + 1) * len(labels)]


def projected(values: Tensor, basis: Tensor) -> Tensor:
    """Return the part `(batch, *)` of `values` that is orthogonal to the columns of `basis`, over all ranks."""
    basis = basis.to(values.dtype)
    return values - basis @ summed(basis.mT @ values)


class FamilyEnergy(VariationalEnergy):
    r"""The mean over the walkers' members of their energies, in units that the system measures each member's by.

    $\nabla \langle E \rangle = 2 \langle (E_L - \bar E(\omega))\, \nabla \ln|\psi| \rangle$ with a smooth centre
    $\bar E(\omega)$ in place of the mean: residuals and rows are projected on what is orthogonal to smooth functions of
    the label, see `gauge`. Local energies are limited about that centre, which their own limits refine.

    Args:
        clip: limit of the weights in mean absolute deviations about the centre, or None.
    """

    def measure(self, model: Any, x: Tensor) -> LocalEnergies:
        """Return local energies of walkers `x` `(batch, *shape)` and their weights."""
        with torch.no_grad():
            terms = model.local_energy(x)
            energy = terms["total"].double()
            everywhere = gather(energy)
            sound = energy.isfinite()
            found = typical(everywhere)
            if not bool(everywhere.isfinite().any()):
                return LocalEnergies(terms, torch.zeros_like(energy), energy.new_tensor(torch.nan), 1.0, found)
            median = everywhere[everywhere.isfinite()].median()
            energy = torch.where(sound, energy, median)
            basis = gauge(model.system.space.labels(x))
            inside, off, limit = energy, energy - median, energy.new_tensor(torch.inf)
            for _ in range(ROUNDS):
                centre = inside - projected(inside, basis)
                off = energy - centre
                if self.clip is not None:
                    limit = self.clip * summed(off.abs().sum()) / (len(off) * world_size())
                inside = centre + off.clamp(-limit, limit)
            weights = projected(torch.where(sound, off.clamp(-limit, limit), 0.0), basis)
            clipped = float(summed((off.abs() > limit).double().sum()) / (len(off) * world_size()))
            self.variance = summed(off.square().sum()) / (len(off) * world_size())
        return LocalEnergies(terms, weights / model.system.energy_scale, median, clipped, found)

    def constrain(self, model: Any, x: Tensor, measured: LocalEnergies) -> dict[str, Any]:
        """Return the variance about the smooth centre, which replaces that of all members together."""
        return {"variance": self.variance}

    def rows(self, model: Any, x: Tensor, measured: LocalEnergies) -> tuple[Tensor, Tensor]:
        """Return rows `(batch, P)` and residuals `(batch,)`, orthogonal to smooth functions of the label."""
        scale = (len(x) * world_size()) ** -0.5
        gradients = projected(model.kept_jacobian(x), gauge(model.system.space.labels(x)))
        return gradients.mul_(scale), measured.weights * scale
