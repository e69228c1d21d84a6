"""Shells of the oscillator with a network's corrections."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.message_passing import normal
from physgen.nn.determinants.open_shells import filled_orbitals
from physgen.nn.determinants.shell_filling import ShellFilling
from physgen.nn.forward_laplacian import Jet, Values, linear
from physgen.nn.parts import Parts


class NeuralShells(nn.Module):
    r"""Orbitals $M^{ks}_{ij} = \phi_j(r_i) + (V_s h_i)_{kj}$ of the features $h_i$, which see all electrons (backflow).

    Both spins share V if equally many. A state of open shells that is a sum of R products of determinants has R sets
    of orbitals for each of `determinants`.

    Args:
        filling: shells that the electrons of both spins fill; those with spin up come first.
        width: features of an electron.
        determinants: sets of orbitals beside those that the state needs.
    """

    def __init__(self, filling: ShellFilling, width: int, determinants: int) -> None:
        super().__init__()
        n, n_up = filling.n, filling.n_up
        shells, weights = filled_orbitals(filling)
        #: of the products of determinants to start with; their sizes add up to 1
        self.weights = (weights / weights.abs().sum()).repeat(determinants) / determinants
        self.n, self.dim, self.copies = n, filling.dim, len(self.weights)
        copies = self.copies
        self.spins = [(a, b) for a, b in [(0, n_up), (n_up, n)] if b > a]
        self.shells = Parts(shells)
        rows = [copies * (b - a) for a, b in self.spins[: 1 if 2 * n_up == n else 2]]
        self.correction = nn.ParameterList([normal(r, width, gain=0.1) for r in rows])

    def forward(self, h: Values, x: Values) -> list[Values]:
        """Return the orbitals of each spin, `(*, K, m, m)`, particles by orbitals.

        Args:
            h: features `(*, n, width)`, plain or a jet of all coordinates, which gives jets.
            x: coordinates `(*, n, dim)`, or an `own` jet of them.
        """
        found = []
        for index, (a, b) in enumerate(self.spins):
            weight, k, m = self.correction[min(index, len(self.correction) - 1)], self.copies, b - a
            if not isinstance(h, Jet):
                change = linear(h[..., a:b, :], weight).unflatten(-1, (k, m)).transpose(-2, -3)
                found.append(change + self.repeated(self.shells[index].matrices(x[..., a:b, :]), -3))
                continue
            stack = linear(Jet(h.stack[:, :, a:b]), weight).stack.unflatten(-1, (k, m)).transpose(-2, -3)
            orbitals = self.repeated(self.shells[index].jets(x.value[:, a:b]), 2)
            stack[:2] += orbitals[:2]
            by_particle = stack[2:].unflatten(0, (self.n, self.dim))[a:b]
            diagonal = by_particle.diagonal(dim1=0, dim2=4)  # (dim, batch, k, orbital, particle)
            diagonal += orbitals[2:].transpose(-1, -2)
            found.append(Jet(stack))
        return found

    def repeated(self, sets: Tensor, dim: int) -> Tensor:
        """Return several sets of orbitals once for each determinant; a single one is for all."""
        size = sets.shape[dim]
        return sets if size == 1 else torch.cat([sets] * (self.copies // size), dim)
