"""Gradient, curvature and metric of the free energy of a sector by the numbers of its flow."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from physgen.models.ensemble_sector import SectorEnsemble
from physgen.models.sector_states import Points


@dataclass
class FlowStep:
    """What a step of the flow of a sector needs, and what it shows.

    Args:
        gradient: `(P,)`.
        curvature: `(P, P)`.
        metric: `(P, P)`.
        values: samples of F of the core `(batch,)`, in units of omega.
    """

    gradient: Tensor
    curvature: Tensor
    metric: Tensor
    values: Tensor


def flow_step(sector: SectorEnsemble, at: Points, above: int) -> FlowStep:
    r"""Rotate the lowest states by what they show at fresh draws, and return the step of the flow for them.

    With weights p and rotation of the moment, a state changes with a number c of the flow by
    $\delta_c \psi_k$, see `PairGradientFlow.tangents`, and

    $$g_c = 2 \sum_k p_k \langle \delta_c \psi_k | (H - E_k) \psi_k \rangle, \qquad
      S_{cd} = \sum_k p_k \langle \delta_c \psi_k | \delta_d \psi_k \rangle;$$

    the gradient has no variance at eigenstates. The curvature is that of
    $\sum_k p_k (\tfrac12 |\nabla \psi_k|^2 + V \psi_k^2)$ at the same draws.

    Args:
        sector: which is rotated.
        at: fresh draws.
        above: quanta of the states above the lowest: few, so that only the flow can make a cusp.
    """
    with torch.no_grad():
        parts = sector.parts(at, above, gradients=True)
        sector.rotate(sector.measured(parts, at.density))
        energies = torch.cat([sector.held("energy", p.block)[: p.value.shape[1]] for p in parts])
        log_z = torch.logsumexp(-sector.t * energies, 0)
        values = torch.zeros_like(at.density) - log_z / sector.t
        density, along, residual = (torch.zeros_like(at.density) for _ in range(3))
        push, slope, stress = torch.zeros_like(at.x), torch.zeros_like(at.x), torch.zeros_like(at.jacobian)
        for part in (sector.rotated(part) for part in parts):
            assert part.gradient is not None
            e = sector.held("energy", part.block)[: part.value.shape[1]]
            p = torch.exp(-sector.t * e - log_z) / at.density[:, None]
            off = (part.image - e * part.value) * p
            weighed = part.value * p
            values = values + (part.value * off).sum(1)
            residual = residual + (part.value * off).sum(1)
            density = density + (part.value * weighed).sum(1)
            push = push + torch.einsum("bdk,bk->bd", part.gradient, off)
            slope = slope + torch.einsum("bdk,bk->bd", part.gradient, weighed)
            stress = stress + torch.einsum("bdk,bek->bde", part.gradient, part.gradient * p[:, None])
        u, divergence = sector.flow.tangents(at.x)
        along = torch.einsum("bpd,bd->bp", u, push) + 0.5 * divergence * residual[:, None]
        moved = u @ stress @ u.mT
        mixed = torch.einsum("bpd,bd->bp", u, slope)[:, :, None] * divergence[:, None]
        squares = density[:, None, None] * divergence[:, :, None] * divergence[:, None]
        metric = (moved + 0.5 * (mixed + mixed.mT) + 0.25 * squares).mean(0)
    curvature = energy_curvature(sector, at, stress, slope, density)
    return FlowStep(-2 * along.mean(0), curvature, metric, values)


def energy_curvature(sector: SectorEnsemble, at: Points, stress: Tensor, slope: Tensor, density: Tensor) -> Tensor:
    r"""Return the second derivatives `(P, P)` of the energy, its kinetic part by squared gradients.

    $\tfrac12 (B : A - (B w) \cdot b + \tfrac14 \rho\, w B w) + V \rho$ with $A = \sum p \nabla\Phi \nabla\Phi^T$,
    $b = \sum p \Phi \nabla\Phi$ and $\rho = \sum p \Phi^2$, over the density of the draws.
    """
    numbers = [p for p in sector.flow.parameters() if p.numel()]
    with torch.enable_grad():
        image, _, inverse, w = sector.flow.with_slope(at.x)
        second = inverse @ inverse
        bent = torch.einsum("bde,be->bd", second, w)
        kinetic = (second * stress).sum((1, 2)) - (bent * slope).sum(1) + 0.25 * density * (bent * w).sum(1)
        energy = (0.5 * kinetic + sector.potential(image) * density).mean()
        first = torch.cat(torch.autograd.grad(energy, numbers, create_graph=True))
        rows = [torch.cat(torch.autograd.grad(value, numbers, retain_graph=True)) for value in first]
    return torch.stack(rows).detach()
