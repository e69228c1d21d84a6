"""Gradient of the variational energy of a wavefunction with several components, summed exactly."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.ranks import gather, summed
from physgen.objectives.variational_energy import LocalEnergies, VariationalEnergy


def component_values(given: tuple[Tensor, Tensor]) -> Tensor:
    r"""Return $\Psi_c$, whose derivatives are divided by $|\Psi|$, of what a network gives for one configuration."""
    direction, log = given[0][0], given[1][0]
    return direction + direction.detach() * log


def component_rows(
    jacobian: Tensor, direction: Tensor, image: Tensor, clip: float | None, in_place: bool = False
) -> tuple[Tensor, Tensor, float]:
    r"""Return rows O `(batch components, P)`, residuals e `(batch components,)` and the share of clipped energies.

    The density $|\Psi|^2$ is summed over the components, and so are, with $v = \Psi/|\Psi|$,

    $O_c = \frac{\partial \Psi_c}{|\Psi|} - v_c \Big\langle \sum_{c'} v_{c'} \frac{\partial \Psi_{c'}}{|\Psi|}
    \Big\rangle, \quad e_c = \frac{(H \Psi)_c - E \Psi_c}{|\Psi|}, \quad \partial E = 2 \Big\langle \sum_c O_c e_c
    \Big\rangle$

    The gradient of a scalar, $\langle (E_L - E)\, \partial \ln|\Psi| \rangle$, would miss the part of e across v. Both
    parts are limited: along v to `clip` mean absolute deviations about the median, across v to `clip` mean lengths.
    Rows and residuals are divided by the root of the number of samples, over all ranks.

    Args:
        jacobian: $\partial \Psi_c / |\Psi|$ `(batch, components, P)`.
        direction: v `(batch, components)`.
        image: $(H \Psi)_c / |\Psi|$ `(batch, components)`.
        clip: limit of the residuals, or None.
        in_place: whether the Jacobian may be overwritten.
    """
    energy = (direction * image).sum(-1)
    across = image - energy.unsqueeze(-1) * direction
    everywhere = gather(energy)
    share = 0.0
    if clip is not None:
        centre = everywhere.median()
        limit = clip * (everywhere - centre).abs().mean()
        share = float(((everywhere - centre).abs() > limit).double().mean())
        everywhere, energy = (v.clamp(centre - limit, centre + limit) for v in (everywhere, energy))
        length = across.norm(dim=-1, keepdim=True)
        across = across * (clip * gather(length).mean() / length.clamp_min(torch.finfo(length.dtype).tiny)).clamp_max(1)
    residual = across + (energy - everywhere.mean()).unsqueeze(-1) * direction
    samples = len(everywhere)
    mean = summed(torch.einsum("bc,bcp->p", direction, jacobian)) / samples
    rows = jacobian if in_place else jacobian.clone()
    rows.addcmul_(direction.unsqueeze(-1), mean, value=-1).mul_(samples**-0.5)
    return rows.flatten(0, 1), residual.flatten() * samples**-0.5, share


class ComponentEnergy(VariationalEnergy):
    """The energy of a wavefunction with components: rows and residuals for each sample and component.

    The model gives `component_derivatives(x)` and `kept_component_jacobian(x)`, its system
    `images(direction, laplacian, x)`.
    """

    def rows(self, model: Any, x: Tensor, measured: LocalEnergies) -> tuple[Tensor, Tensor]:
        """Return rows `(batch components, P)` and residuals `(batch components,)`, finished over all ranks."""
        direction, _, laplacian = model.component_derivatives(x)
        image = sum(model.system.images(direction, laplacian, x).values()) / model.system.energy_scale
        jacobian = model.kept_component_jacobian(x)
        rows, residuals, _ = component_rows(jacobian, direction, image, self.clip, in_place=True)
        return rows, residuals
