"""What orbitals of one particle give: values, and jets of them."""

from __future__ import annotations

from torch import Tensor, nn

from physgen.nn.forward_laplacian import Jet


class Orbitals(nn.Module):
    """Sets of `count` orbitals of one particle, a set for every determinant that a state needs."""

    count: int
    sets: int = 1

    def matrices(self, x: Tensor) -> Tensor:
        """Return the orbitals `(*, sets, n, count)` at `x` `(*, n, dim)`."""
        raise NotImplementedError

    def jets(self, x: Tensor) -> Tensor:
        """Return the stack `(2 + dim, batch, sets, n, count)` of their `own` jet at `x` `(batch, n, dim)`."""
        raise NotImplementedError


class ClosedShells(Orbitals):
    """One set of orbitals, a closed shell of them."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the orbitals `(*, count)` at `x` `(*, dim)`."""
        raise NotImplementedError

    def jet(self, x: Tensor) -> Jet:
        """Return the orbitals at `x` `(batch, n, dim)` as an `own` jet `(2 + dim, batch, n, count)`."""
        raise NotImplementedError

    def matrices(self, x: Tensor) -> Tensor:
        """Return the orbitals `(*, 1, n, count)` at `x` `(*, n, dim)`."""
        found: Tensor = self(x)
        return found.unsqueeze(-3)

    def jets(self, x: Tensor) -> Tensor:
        """Return the stack `(2 + dim, batch, 1, n, count)` of their `own` jet at `x` `(batch, n, dim)`."""
        return self.jet(x).stack.unsqueeze(2)
