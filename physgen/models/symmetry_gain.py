"""What the average of a density over a group gains, and whether the inverse map found every image."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from physgen.core.ranks import summed
from physgen.runs.result import Estimate, Result
from physgen.stats import BlockedMean


class SymmetryGain:
    r"""The mean of $(\ln p - \ln p_{sym})/\beta$ over draws, by which the free energy falls.

    Args:
        beta: inverse temperature.
        device: where draws live.
    """

    def __init__(self, beta: float, device: torch.device) -> None:
        self.beta, self.device = beta, device
        self.mean = BlockedMean().to(device)
        self.counts = torch.zeros(2, dtype=torch.long)

    def update(self, gain: Tensor, missed: Tensor) -> None:
        """Take a batch of draws.

        Args:
            gain: ln p - ln p_sym `(batch,)`.
            missed: whether the inverse map did not find the density that they were drawn with `(batch,)`.
        """
        self.mean.update(gain.double() / self.beta)
        self.counts += torch.tensor([int(missed.sum()), len(missed)])

    def tell(self, result: Result, group: str, order: int, watched: bool) -> None:
        """Add the gain and the free energy of the plain density to a result.

        Args:
            result: of the average.
            group: its name.
            order: its number of elements.
            watched: whether the inverse map is looked at too.
        """
        found = self.mean.compute()
        gain = Estimate(float(found["mean"]), float(found["error"]))
        free = result.estimates["free_energy"]
        result.estimates["symmetry_gain"] = gain
        error = math.hypot(free.error, gain.error)
        result.estimates["free_energy_plain"] = Estimate(free.value + gain.value, error, free.note)
        most = math.log(order) / self.beta
        result.diagnostics["symmetry_gain_bound"] = most
        result.notes.append(f"the average over {group} lowers F by {gain}, of at most ln|G|/beta = {most:.4f}")
        if not watched:
            return
        missed, total = summed(self.counts.to(self.device)).tolist()
        result.diagnostics["density_missed"] = missed / total
        if missed:
            result.guarantee = "violated"
            note = (
                f"NOT A BOUND: for {missed} of {total} draws the inverse map did not find the density that they "
                "were drawn with, or det dx/dz has the other sign"
            )
        else:
            note = f"the inverse map found the density of all {total} draws, and det dx/dz has one sign"
        result.notes.insert(0, note)
