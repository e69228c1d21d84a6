"""A penalty on the total spin of a wavefunction."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.ranks import gather
from physgen.objectives.variational_energy import LocalEnergies, VariationalEnergy
from physgen.observables.spin import spin_square, spin_walkers


@torch.no_grad()
def spin_penalty(
    model: Any, x: Tensor, strength: float, clip: float | None = 5.0, part: int | None = None
) -> tuple[Tensor, Tensor]:
    r"""Return what a penalty on <S^2> adds to the weights of the energy's gradient, and the mean of S^2.

    The training then minimises <H>/scale + strength <S^2>: S^2 is an operator like H, with the local value
    S^2 psi/psi, and d<S^2>/d theta = 2 < (S^2_L - <S^2>) d ln|psi|/d theta >. H and S^2 commute, so the ground state of
    a singlet is that of the sum too, where the penalty and its noise vanish.

    Args:
        model: gives `log_psi` and `spins`.
        x: walkers `(batch, n, dim)` drawn from |psi|^2.
        strength: penalty of one unit of S^2, in units of the system's energy scale.
        clip: limit of the weights in mean absolute deviations about the median, or None.
        part: walkers, the first ones, that measure S^2 and weigh more instead; all of them for few electrons unless
            given.

    Returns:
        weights `(batch,)` and <S^2> over all ranks.
    """
    part = spin_walkers(len(x), model.spins) if part is None else part
    local = spin_square(model.log_psi, x[:part], model.spins)
    everywhere = gather(local)
    finite = everywhere[everywhere.isfinite()]
    if not len(finite):
        return torch.zeros_like(x[:, 0, 0]), everywhere.mean()
    centre = finite.median()
    limit = centre.new_tensor(torch.inf) if clip is None else clip * (finite - centre).abs().mean()
    inside = (local - centre).clamp(-limit, limit).nan_to_num(0.0)
    weights = torch.zeros_like(x[:, 0, 0])
    weights[:part] = strength * (inside - gather(inside).mean()) * (len(x) / part)
    return weights, finite.mean()


class EnergyAndSpin(VariationalEnergy):
    """The energy and a penalty on the total spin, <H>/scale + strength <S^2>; recorded energies are without it.

    Args:
        clip: limit of both weights in mean absolute deviations, or None.
        strength: penalty of one unit of S^2, in units of the energy scale.
    """

    def __init__(self, clip: float | None, strength: float) -> None:
        super().__init__(clip)
        self.strength = strength

    def constrain(self, model: Any, x: Tensor, measured: LocalEnergies) -> dict[str, Any]:
        """Add the penalty to the weights of the gradient, and return <S^2>."""
        weights, square = spin_penalty(model, x, self.strength, self.clip)
        measured.weights += weights
        return {"spin_square": square}
