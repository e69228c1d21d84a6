"""The energy of a state with components that is kept orthogonal to a lower one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check_positive
from physgen.core.ranks import world_size
from physgen.objectives.component_energy import ComponentEnergy
from physgen.objectives.lower_state import LowerState
from physgen.objectives.variational_energy import LocalEnergies


class OrthogonalEnergy(ComponentEnergy):
    r"""The energy of $H + \lambda\, |\Phi\rangle\langle\Phi|/\langle\Phi|\Phi\rangle$ with a fixed lower state $\Phi$.

    $\langle H \rangle + \lambda s^2$ in units of the energy scale, s the overlap of both states, see `LowerState`. For
    the exact ground state $\Phi$ the lowest state of this operator is the first excited one of its symmetry if lambda
    is above the distance of the two energies; then the penalty and its noise vanish there. To the rows of
    `ComponentEnergy` comes one, $\sqrt\lambda\, \partial s$ with the residual $\sqrt\lambda\, s$: twice their product
    is the gradient of $\lambda s^2$, and a step of unit length would undo the overlap. Recorded energies are without
    the penalty; `overlap_square` stands beside them.

    Sources: Pathak, Busemeyer, Rodrigues and Wagner, "Excited states in variational Monte Carlo using a penalty
    method", arXiv:2009.12556; Choo, Carleo, Regnault and Neupert, "Symmetries and many-body excitations with
    neural-network quantum states", arXiv:1807.03325.

    Args:
        clip: limit of the residuals of the energy in mean absolute deviations, or None.
        state: the lower state.
        strength: lambda, in units of the energy scale.

    Raises:
        InputError: a strength that is not above 0.
    """

    excited = True

    def __init__(self, clip: float | None, state: LowerState, strength: float = 3.0) -> None:
        super().__init__(clip)
        self.state, self.strength = state, check_positive("overlap_penalty", strength)

    def constrain(self, model: Any, x: Tensor, measured: LocalEnergies) -> dict[str, Any]:
        """Return the square of the overlap; the weights of a scalar psi are not asked for."""
        with torch.no_grad():
            return {"overlap_square": self.state.overlap(model.log_psi, x).square()}

    def rows(self, model: Any, x: Tensor, measured: LocalEnergies) -> tuple[Tensor, Tensor]:
        """Return rows `(batch components + 1, P)` and residuals, finished over all ranks."""
        rows, residuals = super().rows(model, x, measured)
        trained = [p for p in model.net.parameters() if p.requires_grad]
        with torch.inference_mode(False), torch.enable_grad():
            overlap = self.state.overlap(model.log_psi, x.detach().clone())
            slopes = torch.autograd.grad(overlap, trained)
        weight = (self.strength / world_size()) ** 0.5
        row = weight * torch.cat([slope.flatten() for slope in slopes])
        return torch.cat([rows, row.to(rows)[None]]), torch.cat(
            [residuals, weight * overlap.detach().to(residuals)[None]]
        )
