"""The size of a cloud of particles."""

from __future__ import annotations

from torch import Tensor

from physgen.observables.base import Findings, Observable, View
from physgen.stats.estimate import Estimate


class SquareRadius(Observable):
    r"""`square_radius`, $\sum_i r_i^2$ about the origin, and `rms_radius`, $\sqrt{\langle r^2 \rangle}$ of a particle.

    Args:
        n: number of particles.
    """

    def __init__(self, n: int) -> None:
        self.n = n

    def measure(self, at: View) -> dict[str, Tensor]:
        """Return `square_radius` `(batch,)`."""
        return {"square_radius": at.x.square().sum((-1, -2))}

    def finish(self, found: Findings) -> None:
        """Add `rms_radius` of one particle."""
        square = found.estimates["square_radius"]
        rms = (square.value / self.n) ** 0.5
        found.estimates["rms_radius"] = Estimate(rms, square.error / (2 * self.n * rms))
