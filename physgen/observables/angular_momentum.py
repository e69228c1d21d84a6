"""The angular momentum of a wavefunction about the axis of its trap."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from physgen.observables.base import Findings, Observable
from physgen.observables.psi_ratios import psi_ratios
from physgen.stats import with_error

#: angles over which rotated wavefunctions are averaged: |m| that differ by their number are not told apart
ANGLES = 12
#: share of other angular momenta above which a state is not the one that was asked for
FOREIGN = 0.05


class AngularMomentum(Observable):
    r"""`angular_momentum_share`, the probability that a measurement of $L_z$ gives $\pm M$, in two dimensions.

    $$p_M = \frac{2 - \delta_{M0}}{K} \sum_{k=0}^{K-1} \cos\frac{2\pi k M}{K} \left\langle
    \frac{\psi(R_k x)}{\psi(x)} \right\rangle$$

    with $R_k$ a rotation of all particles by $2\pi k/K$. It is 1 for an eigenstate of $L_z^2$, and its local value
    has a variance below $(2 - \delta_{M0})^2$ wherever nodes lie, unlike that of derivatives. Some walkers measure it.

    Args:
        momentum: M >= 0, in units of hbar.
    """

    def __init__(self, momentum: int) -> None:
        self.momentum = momentum

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Return `angular_momentum_share` of some walkers."""
        x = at.x[: max(2, len(at.x) // ANGLES)]
        angles = torch.arange(1, ANGLES, device=x.device, dtype=x.dtype) * (2 * math.pi / ANGLES)
        cos, sin = angles.cos(), angles.sin()
        rotations = torch.stack([torch.stack([cos, sin], -1), torch.stack([-sin, cos], -1)], -2)  # (m, 2, 2)
        ratios = psi_ratios(at.log_psi, x, x.unsqueeze(1) @ rotations)
        weights = (self.momentum * angles).cos()
        return {"angular_momentum_share": (1 + ratios @ weights) * ((2 if self.momentum else 1) / ANGLES)}

    def finish(self, found: Findings) -> None:
        """Say if psi has other angular momenta."""
        mean = found.means["angular_momentum_share"]
        share, error = float(mean["mean"]), float(mean["error"])
        if share < 1 - FOREIGN - 3 * error:
            whole = f"{with_error(share, error)} of psi has the angular momentum {self.momentum}"
            found.notes.append(f"{whole}, the rest another one")
