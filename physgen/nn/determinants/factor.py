"""What positive factors of a wavefunction give: envelopes, Jastrow factors, wells."""

from __future__ import annotations

from torch import Tensor, nn


class Factor(nn.Module):
    """A factor F > 0 of a wavefunction, known by its logarithm."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ln F `(*)` of `x` `(*, n, dim)`."""
        raise NotImplementedError

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln F in closed form."""
        raise NotImplementedError
