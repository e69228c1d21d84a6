"""How far a wavefunction is from the symmetry of identical particles."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.observables.base import Observable


class ExchangeDefect(Observable):
    r"""`exchange_defect` $1 \mp \psi(P x)/\psi(x)$, whose mean $1 \mp \langle\psi|P|\psi\rangle$ is 0 for identical
    particles.

    Args:
        first: one of the two particles that P exchanges, the next one is the other.
        antisymmetric: whether psi should change its sign.
    """

    def __init__(self, first: int = 0, antisymmetric: bool = False) -> None:
        self.first, self.antisymmetric = first, antisymmetric

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Return `exchange_defect` `(batch,)`."""
        return {"exchange_defect": self.defect(at.log_psi, at.x)}

    def defect(self, log_psi: Any, x: Tensor) -> Tensor:
        """Return the defect `(batch,)` of the wavefunction whose sign and ln|psi| `log_psi` gives, at `x`."""
        i, j = self.first, self.first + 1
        swapped = x.clone()
        swapped[:, [i, j]] = x[:, [j, i]]
        (sign, log), (other, swapped_log) = log_psi(x), log_psi(swapped)
        ratio: Tensor = sign * other * torch.exp(swapped_log - log)
        return 1 + ratio if self.antisymmetric else 1 - ratio
