"""Variational energy of a wavefunction and its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from physgen.core.quantity import ENERGY
from physgen.core.ranks import gather, summed, world_size
from physgen.objectives.base import Objective, Step
from physgen.objectives.typical import Typical, typical


@dataclass
class LocalEnergies:
    """Local energies of a batch, and the weights that their gradient takes.

    Args:
        terms: named terms and `total`, `(batch,)` each, in the system's units.
        weights: centred and clipped local energies `(batch,)`, in units of the system's energy scale.
        centre: median over the finite local energies of all ranks, NaN if there are none.
        clipped: fraction of the batch, over all ranks, whose weight was clipped.
        typical: median, spread and share of local energies that are not finite, over all ranks.
    """

    terms: dict[str, Tensor]
    weights: Tensor
    centre: Tensor
    clipped: float
    typical: Typical


def local_energies(model: Any, x: Tensor, clip: float | None = 5.0) -> LocalEnergies:
    r"""Measure local energies at walkers `x` `(batch, n, dim)` drawn from |psi|^2, and weigh them for the gradient.

    d<H>/d theta = 2 < (E_L - <E_L>) d ln|psi|/d theta >,  E_L = sum of the system's terms.

    The weights E_L - <E_L> are limited to `clip` mean absolute deviations about the median over all ranks, so that one
    walker near a node or an uncured cusp cannot carry a step; what is reported is never clipped.

    Args:
        model: gives `local_energy(x)` and `system.energy_scale`.
        x: walkers `(batch, n, dim)`.
        clip: limit in mean absolute deviations, or None.
    """
    with torch.no_grad():
        terms = model.local_energy(x)
        energy = terms["total"]
        everywhere = gather(energy)
        finite, found = everywhere[everywhere.isfinite()], typical(everywhere)
        if not len(finite):
            return LocalEnergies(terms, torch.zeros_like(energy), energy.new_tensor(torch.nan), 1.0, found)
        centre = finite.median()
        limit = centre.new_tensor(torch.inf) if clip is None else clip * (finite - centre).abs().mean()

        def limited(values: Tensor) -> Tensor:
            inside = (values - centre).clamp(-limit, limit)
            return torch.where(inside.isfinite(), inside, 0.0)  # no weight for NaN, nor for infinity without a limit

        own = limited(energy) - limited(everywhere).mean()
        clipped = float(((everywhere - centre).abs() > limit).double().mean())
    return LocalEnergies(terms, own / model.system.energy_scale, centre, clipped, found)


def centred_rows(gradients: Tensor, weights: Tensor, in_place: bool = False) -> tuple[Tensor, Tensor]:
    r"""Return rows $O = (d\ln|\psi|/d\theta - \text{mean})/\sqrt{B}$ and residuals $e = (E_L - \text{mean})/\sqrt{B}$.

    Means run over all ranks. The gradient of <H> is 2 O^T e, and O^T O the quantum geometric tensor. Fewer parameters
    than samples are centred in float64; of more, the rounding lies far below the damping.

    Args:
        gradients: of ln|psi| for each sample `(batch, P)`.
        weights: local energies `(batch,)`, clipped or not, in units of the energy scale.
        in_place: whether the gradients may be overwritten.

    Returns:
        `(batch, P)` and `(batch,)`, for `StochasticReconfiguration`.
    """
    samples = len(gradients) * world_size()
    scale = samples**-0.5
    gradients = gradients.double() if gradients.shape[1] <= samples else gradients
    # as a product, many times faster than a sum over the first axis
    mean = summed(gradients.new_ones(len(gradients)) @ gradients) / samples
    weights = weights.double()
    rows = torch.add(-scale * mean, gradients, alpha=scale, out=gradients if in_place else None)
    return rows, (weights - summed(weights.sum()) / samples) * scale


def energy_loss(log_psi: Tensor, weights: Tensor) -> Tensor:
    """Return the surrogate whose gradient is that of <H> in units of the energy scale: 2 <weights ln|psi|>."""
    return 2 * (weights.to(log_psi.dtype) * log_psi).mean()


class VariationalEnergy(Objective):
    r"""The energy <H> of a wavefunction, in units of the system's energy scale.

    $\nabla\langle H\rangle = 2\, \langle (E_L - \langle E_L\rangle)\, \nabla \ln|\psi| \rangle$

    Args:
        clip: limit of the weights in mean absolute deviations about the median, or None.
    """

    quantity = ENERGY

    def __init__(self, clip: float | None = 5.0) -> None:
        self.clip = clip

    def step(self, model: Any, batch: Tensor) -> Step:
        """Return the step of walkers `(batch, *shape)` drawn from |psi|^2."""
        measured = self.measure(model, batch)
        if not measured.typical.sound(model.lost_limit):
            return Step(measured.typical)
        x, terms = batch, measured.terms
        if measured.typical.lost > 0:
            # few enough to go on: without weight, at the place of a sound one, and left out of what is recorded
            sound = terms["total"].isfinite()
            x = torch.where(sound.view(-1, *[1] * (x.ndim - 1)), x, x[sound][0])
            terms = {k: v[sound] for k, v in terms.items()}
        records = {
            **{k: v.mean() for k, v in terms.items() if k != "total"},
            "energy": terms["total"].mean(),
            "variance": terms["total"].var(),
            "clipped": measured.clipped,
            **self.constrain(model, x, measured),
        }
        return Step(
            measured.typical,
            lambda: energy_loss(model.log_psi(x)[1], measured.weights),
            lambda: self.rows(model, x, measured),
            records,
        )

    def measure(self, model: Any, x: Tensor) -> LocalEnergies:
        """Return local energies at walkers `(batch, *shape)` and the weights that their gradient takes."""
        return local_energies(model, x, self.clip)

    def constrain(self, model: Any, x: Tensor, measured: LocalEnergies) -> dict[str, Any]:
        """Add to the weights of the gradient what a constraint beside the energy asks for, and return its records."""
        return {}

    def rows(self, model: Any, x: Tensor, measured: LocalEnergies) -> tuple[Tensor, Tensor]:
        """Return rows `(R, P)` and residuals `(R,)`, finished over all ranks: here one row a sample."""
        return centred_rows(model.kept_jacobian(x), measured.weights, in_place=True)
