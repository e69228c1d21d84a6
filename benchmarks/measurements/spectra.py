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
        found = []
        for sector in self.sectors:
            parts = [part[np.ix_(sector, sector)] for part in self.parts]
            if step == 0:
                found.append(np.linalg.eigvalsh(sum(parts)))
                continue
            unitary = np.eye(len(sector), dtype=complex)
            for part in parts:
                values, vectors = np.linalg.eigh(part)
                unitary = unitary @ (vectors * np.exp(-1j * step * values)) @ vectors.conj().T
            found.append(-np.angle(np.linalg.eigvals(unitary)) / step)
        return np.sort(np.concatenate(found))[:levels]


def lipkin(xi: float, spins: int = 1000, alpha: float = -0.6) -> tuple[Real, float]:
    r"""Return the two lowest energies and <n> = <S + S_z> in the ground state of the anharmonic Lipkin model.

    H = (1 - xi)(S + S_z) + alpha/(2S) (S + S_z)(S + S_z + 1) + (2 xi/S)(S^2 - S_x^2), S = spins/2, all per spin.

    Source: P. Cook et al., "Parametric Matrix Models", arXiv:2401.11694, its Lipkin-Meshkov-Glick example.
    """
    s = spins / 2
    m = np.arange(-s, s + 1)
    n = s + m
    ladder = np.sqrt(s * (s + 1) - m[:-1] * (m[:-1] + 1)) / 2  # <m + 1|S_x|m>
    x = np.diag(ladder, 1) + np.diag(ladder, -1)
    matrix = np.diag((1 - xi) * n + alpha / (2 * s) * n * (n + 1)) + (2 * xi / s) * (s**2 * np.eye(len(m)) - x @ x)
    energies, vectors = np.linalg.eigh(matrix)
    return energies[:2] / spins, float(vectors[:, 0] ** 2 @ n) / spins
