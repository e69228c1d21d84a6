"""What is typical of the values of a step over all ranks, and how many of them are not finite."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from physgen.core.ranks import gather, world_size


@dataclass(frozen=True)
class Typical:
    """What a guard looks at in a step; the same numbers on every rank.

    Args:
        value: median over the finite values of all ranks, NaN if there are none.
        spread: median of their absolute deviations from it.
        lost: share of the values of all ranks that are not finite.
        worst: the largest such share of one rank.
    """

    value: float = math.nan
    spread: float = math.nan
    lost: float = 0.0
    worst: float = 0.0

    def sound(self, lost_limit: float = 0.0) -> bool:
        """Return whether a step of these values can be followed, with at most this share of a rank's values lost."""
        return math.isfinite(self.value) and self.worst <= lost_limit


def typical(everywhere: Tensor) -> Typical:
    """Return what is typical of the values `(ranks * batch,)` of all ranks, in their order."""
    everywhere = everywhere.detach().double()
    sound = everywhere.isfinite()
    lost = (~sound).view(world_size(), -1).double().mean(1)
    finite = everywhere[sound]
    if not len(finite):
        return Typical(lost=1.0, worst=1.0)
    centre = finite.median()
    found = torch.stack([centre, (finite - centre).abs().median(), lost.mean(), lost.max()])
    return Typical(*found.tolist())


def typical_of(values: Tensor) -> Typical:
    """Return what is typical of the values of all ranks; of this rank are `values`, of any shape."""
    return typical(gather(values.detach().flatten()))
