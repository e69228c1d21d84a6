"""Orthonormal relative vectors of identical particles, and what permutations do to them."""

from __future__ import annotations

import itertools

import numpy as np


def jacobi_vectors(n: int) -> np.ndarray:
    r"""Return the matrix `(n - 1, n)` of orthonormal relative vectors, all orthogonal to the centre of mass.

    $\xi_k = (z_1 + \ldots + z_k - k z_{k+1}) / \sqrt{k (k + 1)}$.
    """
    rows = np.zeros((n - 1, n))
    for k in range(1, n):
        rows[k - 1, :k], rows[k - 1, k] = 1, -k
        rows[k - 1] /= (k * (k + 1)) ** 0.5
    return rows


def permutation_matrices(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what all permutations do to relative vectors, `(n!, n - 1, n - 1)`, and their signs `(n!,)`."""
    vectors, one = jacobi_vectors(n), np.eye(n)
    orders = list(itertools.permutations(range(n)))
    matrices = np.stack([vectors @ one[list(order)] @ vectors.T for order in orders])
    return matrices, np.array([round(np.linalg.det(one[list(order)])) for order in orders])


def transpositions(n: int) -> list[np.ndarray]:
    """Return the matrices `(n - 1, n - 1)` of the n - 1 exchanges of neighbours, which generate all permutations."""
    vectors, found = jacobi_vectors(n), []
    for i in range(n - 1):
        order = list(range(n))
        order[i], order[i + 1] = order[i + 1], order[i]
        found.append(vectors @ np.eye(n)[order] @ vectors.T)
    return found
