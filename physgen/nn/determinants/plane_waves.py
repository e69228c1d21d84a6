"""Closed shells of plane waves in a periodic cube."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor

from physgen.core.errors import InputError
from physgen.nn.determinants.orbitals import ClosedShells
from physgen.nn.forward_laplacian import Jet

#: largest square of an integer vector whose shell is known
LARGEST = 12


def _vectors(dim: int) -> list[tuple[int, ...]]:
    """Return integer vectors by their length, then in a fixed order."""
    side = math.isqrt(LARGEST)
    every = itertools.product(range(-side, side + 1), repeat=dim)
    inside = [v for v in every if sum(c * c for c in v) <= LARGEST]
    return sorted(inside, key=lambda v: (sum(c * c for c in v), tuple(-c for c in v)))


def closed_box_shells(dim: int = 3) -> list[int]:
    """Return the numbers of particles of one spin that fill shells of plane waves: 1, 7, 19, 27, 33, ... in 3D."""
    squares = [sum(c * c for c in v) for v in _vectors(dim)]
    return [i + 1 for i, square in enumerate(squares) if i + 1 == len(squares) or squares[i + 1] > square]


def check_closed_box(n: int, n_up: int, dim: int = 3) -> None:
    """Raise `InputError` unless the particles of each spin fill shells of plane waves, with the numbers that do."""
    closed = closed_box_shells(dim)
    if n_up in (0, *closed) and n - n_up in (0, *closed):
        return
    polarised = n_up in (0, n)
    near = [count if polarised else 2 * count for count in closed[:5]]
    kind = "of one spin" if polarised else "of both spins"
    split = "" if polarised or 2 * n_up == n else f" with n_up = {n_up}"
    raise InputError(
        f"system.n must fill closed shells of plane waves {kind}, {', '.join(map(str, near))}, got {n}{split}"
    )


def box_momenta(count: int, dim: int = 3) -> Tensor:
    """Return integer vectors k `((count - 1)/2, dim)`, one of each pair k and -k, whose waves and 1 fill shells.

    Args:
        count: number of plane waves, a closed shell.
        dim: dimensions.

    Raises:
        InputError: an open shell.
    """
    check_closed_box(count, count, dim)
    # of each pair the one whose first component that is not 0 is above it
    half = [v for v in _vectors(dim)[:count] if v > (0,) * dim]
    return torch.tensor(half, dtype=torch.float64).view(-1, dim)


class PlaneWaves(ClosedShells):
    r"""The lowest plane waves of a periodic cube of side 1: $1, \cos 2\pi k r, \sin 2\pi k r$.

    Args:
        count: number of waves, a closed shell.
        dim: dimensions.

    Raises:
        InputError: an open shell.
    """

    k: Tensor

    def __init__(self, count: int, dim: int = 3) -> None:
        super().__init__()
        self.count = count
        # as whole numbers, which stay exact when the module is widened
        self.register_buffer("k", box_momenta(count, dim).to(torch.get_default_dtype()), persistent=False)

    @property
    def momenta(self) -> Tensor:
        """Wave vectors 2 pi k `(pairs, dim)`."""
        return 2 * math.pi * self.k

    def phases(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return $\cos kr$ and $\sin kr$, `(*, pairs)` each, of `x` `(*, dim)`."""
        phase = 2 * math.pi * (x @ self.k.T)
        return phase.cos(), phase.sin()

    def forward(self, x: Tensor) -> Tensor:
        """Return the waves `(*, count)` at `x` `(*, dim)`."""
        cosine, sine = self.phases(x)
        return torch.cat([torch.ones_like(x[..., :1]), cosine, sine], -1)

    def jet(self, x: Tensor) -> Jet:
        """Return the waves at `x` `(batch, n, dim)` as an `own` jet `(2 + dim, batch, n, count)`."""
        cosine, sine = self.phases(x)
        square = self.momenta.square().sum(-1)
        constant = torch.zeros_like(x[..., :1])
        value = torch.cat([constant + 1, cosine, sine], -1)
        laplacian = torch.cat([constant, -square * cosine, -square * sine], -1)
        rows = [torch.cat([constant, -k * sine, k * cosine], -1) for k in self.momenta.T]
        return Jet(torch.stack([value, laplacian, *rows]))
