"""The relative momentum of a pair."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.spaces.base import Space


class Momenta(Space):
    """Absolute values of the relative momentum of two particles; configurations have the shape `(1,)`.

    Args:
        largest: largest momentum.
    """

    def __init__(self, largest: float) -> None:
        super().__init__((1,), 2, 3)
        self.largest = largest

    def initial(
        self, num: int, scale: float, generator: torch.Generator | None, dtype: torch.dtype | None, device: torch.device
    ) -> Tensor:
        """Return `(num, 1)` evenly from 0 on, of standard deviation `scale`, at most the largest."""
        draws = 12**0.5 * scale * torch.rand(num, 1, generator=generator, dtype=dtype, device=device)
        return draws.clamp_max(self.largest)
