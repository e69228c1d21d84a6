"""Spectra that parametric matrix models are tried on: a spin chain in time steps and the Lipkin model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]

#: strengths of the field, of the exchange and of the antisymmetric exchange
FIELD, EXCHANGE, TWIST = 4.0, 8.0, 2.6


class Chain:
    r"""A ring of spins S = sigma/2 in fields r_i and the parts of its Hamiltonian that a time step takes in turn,

    H = B sum_i r_i S^z_i + J sum_i S_i.S_{i+1} + D sum_i (S^x_i S^y_{i+1} - S^y_i S^x_{i+1}):

    the field, then exchange and antisymmetric exchange on even and on odd bonds. All conserve S^z, so that matrices are
    those of its sectors.

    Source: P. Cook et al., "Parametric Matrix Models", arXiv:2401.11694.

    Args:
        fields: r of every spin, an even number of them.
    """

    def __init__(self, fields: Real) -> None:
        n = len(fields)
        states = np.arange(2**n)
        up = (states[:, None] >> np.arange(n)) & 1
        self.sectors = [states[up.sum(1) == k] for k in range(n + 1)]
        self.parts = [self.field(up, fields)]
        bonds = [[(i, (i + 1) % n) for i in range(first, n, 2)] for first in (0, 1)]
        self.parts += [self.bond(up, pairs, exchange) for exchange in (True, False) for pairs in bonds]
        self.known: dict[int, list[tuple[Real, Complex]]] = {}

    @staticmethod
    def field(up: NDArray[np.int64], fields: Real) -> Complex:
        """Return B sum r_i S^z_i."""
        return np.diag(FIELD * ((up - 0.5) @ fields)).astype(complex)

    @staticmethod
    def bond(up: NDArray[np.int64], pairs: list[tuple[int, int]], exchange: bool) -> Complex:
        """Return the sum over bonds of J S_i.S_j, or of D (S^x_i S^y_j - S^y_i S^x_j) = D (i/2)(S^+_i S^-_j - h.c.)."""
        matrix = np.zeros((len(up), len(up)), dtype=complex)
        states = np.arange(len(up))
        for i, j in pairs:
            if exchange:
                matrix[states, states] += EXCHANGE * (up[:, i] - 0.5) * (up[:, j] - 0.5)
            raised = states[(up[:, i] == 0) & (up[:, j] == 1)]  # S^+_i S^-_j acts on these
            flipped = raised ^ ((1 << i) | (1 << j))
            value = 0.5 * EXCHANGE if exchange else 0.5j * TWIST
            matrix[flipped, raised] += value
            matrix[raised, flipped] += np.conj(value)
        return matrix

    def energies(self, step: float, levels: int = 3) -> Real:
        """Return the lowest energies of a product of exponentials exp(-i step H_l), at step 0 those of H."""
        found = [self.sector_energies(sector, step) for sector in range(len(self.sectors))]
        return np.sort(np.concatenate(found))[:levels]

    def sector_energies(self, sector: int, step: float) -> Real:
        r"""Return the energies of a sector of S^z, from below.

        Phases theta of U = exp(-i theta) come in order from the Hermitian i (U - 1)/(U + 1), of eigenvalues
        tan(theta/2).
        """
        if step == 0:
            found: Real = np.linalg.eigvalsh(self.hamiltonian(sector))
            return found
        unitary = np.eye(len(self.sectors[sector]), dtype=complex)
        for values, vectors in self.diagonal(sector):
            unitary = ((unitary @ vectors) * np.exp(-1j * step * values)) @ vectors.conj().T
        one = np.eye(len(unitary))
        turned = 1j * np.linalg.solve((unitary + one).T, (unitary - one).T).T
        tangents = np.linalg.eigvalsh((turned + turned.conj().T) / 2)
        ordered: Real = np.sort(2 * np.arctan(tangents) / step)
        return ordered

    def lowest(self, levels: int = 3) -> dict[int, list[int]]:
        """Return the sectors of the lowest energies of H, and which of these, counted from 0, lie in each."""
        found = [(energy, k) for k in range(len(self.sectors)) for energy in self.sector_energies(k, 0)[:levels]]
        places: dict[int, list[int]] = {}
        for level, (_, sector) in enumerate(sorted(found)[:levels]):
            places.setdefault(sector, []).append(level)
        return places

    def hamiltonian(self, sector: int) -> Complex:
        """Return H in a sector."""
        states = self.sectors[sector]
        return np.sum([part[np.ix_(states, states)] for part in self.parts], 0)

    def diagonal(self, sector: int) -> list[tuple[Real, Complex]]:
        """Return eigenvalues and eigenvectors of all parts in a sector, found once."""
        if sector not in self.known:
            states = self.sectors[sector]
            self.known[sector] = [np.linalg.eigh(part[np.ix_(states, states)]) for part in self.parts]
        return self.known[sector]


def lipkin(xi: float, spins: int = 1000, alpha: float = -0.6) -> tuple[Real, float]:
    r"""Return the lowest energies of even and of odd n = S + S_z, and <n> in the even one, of the Lipkin model.

    H = (1 - xi)(S + S_z) + alpha/(2S) (S + S_z)(S + S_z + 1) + (2 xi/S)(S^2 - S_x^2), S = spins/2, all per spin.

    S_x^2 changes n by two, so that the parity of n is conserved; the ground state is even, the next one odd, and beyond
    the transition both are degenerate.

    Source: P. Cook et al., "Parametric Matrix Models", arXiv:2401.11694, its Lipkin-Meshkov-Glick example.
    """
    s = spins / 2
    m = np.arange(-s, s + 1)
    n = s + m
    ladder = np.sqrt(s * (s + 1) - m[:-1] * (m[:-1] + 1)) / 2  # <m + 1|S_x|m>
    x = np.diag(ladder, 1) + np.diag(ladder, -1)
    matrix = np.diag((1 - xi) * n + alpha / (2 * s) * n * (n + 1)) + (2 * xi / s) * (s**2 * np.eye(len(m)) - x @ x)
    (even, vectors), (odd, _) = (np.linalg.eigh(matrix[parity::2, parity::2]) for parity in (0, 1))
    return np.array([even[0], odd[0]]) / spins, float(vectors[:, 0] ** 2 @ n[::2]) / spins
