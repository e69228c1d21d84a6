"""Determinants of singlet pairs: what takes the place of Slater determinants where particles attract each other."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import linear

from physgen.nn.determinants.plane_waves import box_momenta, closed_box_shells
from physgen.nn.forward_laplacian import Jet, Values


def pairing_orbitals(occupied: int) -> int:
    """Return a closed shell of plane waves of at least four times the occupied ones: 33 of 7."""
    return next(count for count in closed_box_shells() if count >= 4 * occupied)


class PairingHead(nn.Module):
    r"""Matrices $\Phi_{ij} = \sum_k c_k A_k(i) A_k(j) + \chi(g_{ij}) + \chi(g_{ji})$ of i up and j down.

    Their determinant is a state of pairs with spins up and down; with c = 1 on the Fermi sea, 0 elsewhere and chi = 0
    it is the product of both Slater determinants. k and -k share a coefficient. Outside the sea c starts small.

    Source: Kim et al., "Neural-network quantum states for ultra-cold Fermi gases", arXiv:2305.08831: of as many
    particles up as down the Pfaffian of opposite spins is this determinant.

    Args:
        occupied: pairs n.
        count: orbitals A, a closed shell.
        dim: dimensions.
        pair_width: features of a pair.
        copies: matrices.
        seed: c just outside the sea, to start with.
    """

    def __init__(
        self, occupied: int, count: int, dim: int, pair_width: int, copies: int = 1, seed: float = 0.2
    ) -> None:
        super().__init__()
        self.occupied = occupied
        square = torch.cat([torch.zeros(1), box_momenta(count, dim).square().sum(-1).float()])
        filled = float(square[(occupied - 1) // 2])
        start = torch.where(square <= filled, 1.0, seed * torch.exp(-0.7 * (square - filled - 1)))
        self.amplitudes = nn.Parameter(start.repeat(copies, 1))
        self.pair = nn.Parameter(torch.zeros(copies, pair_width))

    def forward(self, orbitals: Values, g: Values) -> list[Values]:
        """Return one matrix `(*, copies, n, n)`.

        Args:
            orbitals: `(*, copies, 2 n, count)`, or a jet of all coordinates.
            g: features of pairs `(*, 2 n, 2 n, pair_width)`, or a `pair` jet.
        """
        n = self.occupied
        weight = torch.cat([self.amplitudes, self.amplitudes[:, 1:]], -1).unsqueeze(-2)
        if not isinstance(orbitals, Jet):
            up, down = orbitals.split(n, -2)
            crossed = [part.split(n, -2) for part in g.split(n, -3)]
            chi = linear(crossed[0][1] + crossed[1][0].transpose(-2, -3), self.pair).movedim(-1, -3)
            return [(up * weight) @ down.mT + chi]
        # (batch, copies, particles, orbitals, 2 + rows): all derivatives of an orbital beside each other
        up, down = orbitals.stack.permute(1, 2, 3, 4, 0).split(n, 2)
        right = weight.unsqueeze(-1) * down
        found = right[..., 0].unsqueeze(2) @ up  # of each up with all down
        other = (up[..., 0].unsqueeze(2) @ right).transpose(2, 3)
        found[..., 1:] += other[..., 1:]
        right[..., :2] = 0
        found[..., 1] += 2 * (up.flatten(3) @ right.flatten(3).mT)
        stack = found.permute(4, 0, 1, 2, 3)
        here = linear(g.stack[:, :, :n, n:], self.pair).movedim(-1, 2)  # (2 + dim, batch, copies, n, n)
        there = linear(g.stack[:, :, n:, :n], self.pair).movedim(-1, 2).mT
        dim = len(here) - 2
        stack[0] += here[0] + there[0]
        stack[1] += 2 * (here[1] + there[1])
        change = here[2:] - there[2:]  # with r_up - r_down
        rows = stack[2:].unflatten(0, (2 * n, dim))
        rows[:n].diagonal(dim1=0, dim2=4).add_(change.transpose(-1, -2))
        rows[n:].diagonal(dim1=0, dim2=5).sub_(change)
        return [Jet(stack)]


class SlaterHead(nn.Module):
    """Matrices of one spin each: orbitals of the particles up, then of those down.

    Args:
        sizes: numbers of particles of each spin.
    """

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.sizes = sizes

    def forward(self, orbitals: Values, g: Values) -> list[Values]:
        """Return one matrix `(*, copies, m, m)` a spin, of orbitals `(*, copies, n, m)` or a jet of them."""
        if not isinstance(orbitals, Jet):
            return list(orbitals.split(self.sizes, -2))
        return [Jet(part) for part in orbitals.stack.split(self.sizes, -2)]
