"""What samplers of spins ask of a density: the bonds between neighbours on a lattice."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError


def bonds_of(name: str, log_density: Any) -> Tensor:
    """Return beta J `(2, rows, columns)` of every site with the next one in its row, then in its column.

    Raises:
        InputError: the density is not that of spins with couplings of neighbours alone.
    """
    bonds: Tensor | None = getattr(log_density, "bonds", None)
    if bonds is None:
        raise InputError(
            f"sampler {name} needs exp(-beta H) of spins that couple to their neighbours on a lattice; use SpinFlip "
            "for any other density of spins"
        )
    return bonds


def local_fields(x: Tensor, bonds: Tensor) -> Tensor:
    """Return the sum of beta J s over the neighbours of every site, `(batch, rows, columns)`."""
    across, down = bonds.to(x).unbind(0)
    right, below = across * x.roll(-1, 2), down * x.roll(-1, 1)
    left, above = (across * x).roll(1, 2), (down * x).roll(1, 1)
    return right + left + below + above


def sublattices(shape: tuple[int, int], bonds: Tensor) -> Tensor:
    """Return masks `(2, rows, columns)` of sites none of which couples to another of its own mask.

    Raises:
        InputError: an odd side that is closed to a ring, which no two such masks cover.
    """
    across, down = bonds
    for side, seam in ((shape[1], across[:, -1]), (shape[0], down[-1])):
        if side % 2 and bool(seam.any()):
            raise InputError(f"sampler Checkerboard needs sides that are even where they are periodic, got {side}")
    rows, columns = (torch.arange(side, device=bonds.device) for side in shape)
    even = (rows[:, None] + columns) % 2 == 0
    return torch.stack([even, ~even])
