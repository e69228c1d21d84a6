"""How far particles are displaced, and at how many walkers: off-diagonal density matrices ask for psi there."""

from __future__ import annotations

import torch
from torch import Tensor

#: displaced configurations that psi is asked for, per walker, before only some walkers of a batch measure
FORWARDS = 4.0
#: seed of the displacements
SEED = 20_240_229


def displacements(shape: tuple[int, ...], side: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """Return vectors of this shape, even in the cube, of the type of `like`."""
    return side * torch.rand(shape, generator=generator, dtype=like.dtype, device=like.device)


def measuring(batch: int, each: int, forwards: float) -> int:
    """Return how many walkers of a batch measure, an even number: `each` displaced places a walker cost `forwards`."""
    return min(batch - batch % 2, max(4, 2 * round(batch * forwards / (2 * each))))
