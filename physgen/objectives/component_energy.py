"""Gradient of the variational energy of a wavefunction with several components, summed exactly."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from physgen.core.ranks import gather, summed
from physgen.objectives.variational_energy import LocalEnergies, VariationalEnergy

#: numbers of per-sample gradients that are made at once
JACOBIAN_NUMBERS = 20_000_000


def component_jacobian(net: nn.Module, x: Tensor, numbers: int) -> Tensor:
    r"""Return $\partial \Psi_c / |\Psi|$ `(batch, components, P)`, columns in the order of the trained parameters.

    Args:
        net: `forward(x)` gives $\Psi/|\Psi|$ `(batch, components)` and $\ln|\Psi|$ `(batch,)`.
        x: configurations.
        numbers: entries that are made at once, at most.
    """
    trained = {k: p for k, p in net.named_parameters() if p.requires_grad}
    rest = {k: p for k, p in net.named_parameters() if not p.requires_grad} | dict(net.named_buffers())

    def relative(parameters: dict[str, Tensor], one: Tensor) -> Tensor:
        direction, log = functional_call(net, {**parameters, **rest}, (one[None],))
        found: Tensor = direction[0] + direction[0].detach() * log[0]
        return found

    size = sum(p.numel() for p in trained.values())
    found = []
    for part in x.split(max(1, numbers // max(size, 1))):
        slopes = vmap(jacrev(relative), in_dims=(None, 0))(trained, part)
        found.append(torch.cat([slopes[k].flatten(2) for k in trained], -1).detach())
    return torch.cat(found)


def component_rows(
    jacobian: Tensor, direction: Tensor, image: Tensor, clip: float | None
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
    rows = (jacobian - direction.unsqueeze(-1) * mean) * samples**-0.5
    return rows.flatten(0, 1), residual.flatten() * samples**-0.5, share


class ComponentEnergy(VariationalEnergy):
    """The energy of a wavefunction with components: rows and residuals for each sample and component.

    The model gives `component_derivatives(x)`, its system `images(direction, laplacian, x)`.
    """

    def rows(self, model: Any, x: Tensor, measured: LocalEnergies) -> tuple[Tensor, Tensor]:
        """Return rows `(batch components, P)` and residuals `(batch components,)`, finished over all ranks."""
        direction, _, laplacian = model.component_derivatives(x)
        image = sum(model.system.images(direction, laplacian, x).values()) / model.system.energy_scale
        jacobian = component_jacobian(model.net, x, JACOBIAN_NUMBERS)
        rows, residuals, _ = component_rows(jacobian, direction, image, self.clip)
        return rows, residuals
