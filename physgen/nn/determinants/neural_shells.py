"""Shells of the oscillator with a network's corrections."""

from __future__ import annotations

from torch import nn

from physgen.nn.determinants.message_passing import normal
from physgen.nn.determinants.oscillator import OscillatorOrbitals, check_closed_shells
from physgen.nn.forward_laplacian import Jet, Values, linear
from physgen.nn.parts import Parts


class NeuralShells(nn.Module):
    r"""Orbitals $M^{ks}_{ij} = \phi_j(r_i) + (V_s h_i)_{kj}$ of the features $h_i$, which see all electrons (backflow).

    Both spins share V if equally many.

    Args:
        n: electrons; the first `n_up` have spin up.
        dim: dimensions.
        n_up: electrons with spin up; each spin fills closed shells.
        width: features of an electron.
        copies: number K of sets of orbitals.

    Raises:
        InputError: open shells.
    """

    def __init__(self, n: int, dim: int, n_up: int, width: int, copies: int) -> None:
        super().__init__()
        check_closed_shells(n, n_up, dim)
        self.n, self.dim, self.copies = n, dim, copies
        self.spins = [(a, b) for a, b in [(0, n_up), (n_up, n)] if b > a]
        self.shells = Parts([OscillatorOrbitals(b - a, dim) for a, b in self.spins])
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
                found.append(change + self.shells[index](x[..., a:b, :]).unsqueeze(-3))
                continue
            stack = linear(Jet(h.stack[:, :, a:b]), weight).stack.unflatten(-1, (k, m)).transpose(-2, -3)
            orbitals = self.shells[index].jet(x.value[:, a:b]).stack.unsqueeze(2)
            stack[:2] += orbitals[:2]
            by_particle = stack[2:].unflatten(0, (self.n, self.dim))[a:b]
            diagonal = by_particle.diagonal(dim1=0, dim2=4)  # (dim, batch, k, orbital, particle)
            diagonal += orbitals[2:].transpose(-1, -2)
            found.append(Jet(stack))
        return found
