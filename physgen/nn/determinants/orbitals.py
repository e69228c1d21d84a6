"""What orbitals of one particle give: values, and jets of them."""

from __future__ import annotations

from torch import Tensor, nn

from physgen.nn.forward_laplacian import Jet


class Orbitals(nn.Module):
    """A closed shell of `count` orbitals of one particle."""

    count: int

    def forward(self, x: Tensor) -> Tensor:
        """Return the orbitals `(*, count)` at `x` `(*, dim)`."""
        raise NotImplementedError

    def jet(self, x: Tensor) -> Jet:
        """Return the orbitals at `x` `(batch, n, dim)` as an `own` jet `(2 + dim, batch, n, count)`."""
        raise NotImplementedError
