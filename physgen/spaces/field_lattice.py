"""Sites of a lattice, each of which holds a real number: a scalar field."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.spaces.sites import Sites


class FieldLattice(Sites):
    """A real number at every site of a lattice; configurations have the shape of the lattice.

    Args:
        shape: sites along every direction, such as `(16, 16)`.
        periodic: whether opposite edges are neighbours.

    Raises:
        InputError: no direction, or a side that is no positive integer.
    """

    def initial(
        self, num: int, scale: float, generator: torch.Generator | None, dtype: torch.dtype | None, device: torch.device
    ) -> Tensor:
        """Return normal draws `(num, *shape)` of standard deviation `scale`, independent at every site."""
        return scale * torch.randn(num, *self.shape, generator=generator, dtype=dtype, device=device)
