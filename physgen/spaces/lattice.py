"""Sites of a lattice, each of which takes one of a few values."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from physgen.core.errors import check
from physgen.spaces.sites import Sites


class Lattice(Sites):
    """A lattice of sites that each hold one of `values`; configurations have the shape of the lattice.

    Args:
        shape: sites along every direction, such as `(16, 16)`.
        values: what a site may hold, as numbers; `(-1.0, 1.0)` for spins.
        periodic: whether opposite edges are neighbours.

    Raises:
        InputError: no direction, a side that is no positive integer, or fewer than two different values.
    """

    continuous = False

    def __init__(self, shape: Sequence[int], values: Sequence[float] = (-1.0, 1.0), periodic: bool = True) -> None:
        super().__init__(shape, periodic)
        check(len(set(values)) == len(values) >= 2, "values", values, "at least two different numbers")
        self.values = tuple(float(value) for value in values)

    def initial(
        self, num: int, scale: float, generator: torch.Generator | None, dtype: torch.dtype | None, device: torch.device
    ) -> Tensor:
        """Return `(num, *shape)` with every site drawn from `values` alike; `scale` has no meaning here."""
        index = torch.randint(len(self.values), (num, *self.shape), generator=generator, device=device)
        return torch.tensor(self.values, dtype=dtype, device=device)[index]

    def check(self, x: Tensor, name: str = "x") -> None:
        """Raise `InputError` unless every site of `x` `(batch, *shape)` holds one of the values."""
        super().check(x, name)
        known = torch.isin(x, torch.tensor(self.values, dtype=x.dtype, device=x.device))
        check(bool(known.all()), name, float(x[~known][:1].sum()), f"one of {', '.join(f'{v:g}' for v in self.values)}")
