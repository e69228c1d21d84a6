"""Products of one-dimensional oscillator functions, shell by shell, and what turns of their coordinates do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np


@lru_cache(maxsize=64)
def shell(quanta: int, size: int) -> np.ndarray:
    """Return all `(count, size)` numbers of quanta whose sum is `quanta`, in lexical order."""
    if size == 1:
        return np.array([[quanta]])
    parts = [np.insert(shell(quanta - first, size - 1), 0, first, axis=1) for first in range(quanta, -1, -1)]
    return np.concatenate(parts)


@lru_cache(maxsize=64)
def raised(quanta: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    r"""Return where $a_d^\dagger$ takes the functions of a shell to in the next one, and its factors.

    $a_d^\dagger |n\rangle = \sqrt{n_d + 1} |n + e_d\rangle$.

    Returns:
        places in the next shell and factors, `(size, count)` each.
    """
    own, places = shell(quanta, size), {tuple(row): i for i, row in enumerate(shell(quanta + 1, size).tolist())}
    one = np.eye(size, dtype=int)
    found = np.array([[places[tuple(row)] for row in (own + one[d]).tolist()] for d in range(size)])
    return found, np.sqrt(own.T + 1.0)


def turned(matrix: np.ndarray, most: int) -> list[np.ndarray]:
    r"""Return the matrices of an orthogonal map of the coordinates in all shells up to `most` quanta.

    $U a_d^\dagger U^\dagger = \sum_e R_{ed} a_e^\dagger$, so that a shell follows from the one below.

    Args:
        matrix: R `(size, size)`.
        most: highest shell.
    """
    size = len(matrix)
    found = [np.ones((1, 1))]
    for quanta in range(1, most + 1):
        below, (places, factors) = found[-1], raised(quanta - 1, size)
        own = shell(quanta, size)
        first = (own > 0).argmax(1)
        made = np.zeros((len(own), len(own)))
        for d in range(size):
            columns = np.flatnonzero(first == d)
            origin = np.argsort(places[d])[np.searchsorted(np.sort(places[d]), columns)]
            part = below[:, origin] / np.sqrt(own[columns, d])
            for e in np.flatnonzero(matrix[:, d]):
                made[np.ix_(places[e], columns)] += matrix[e, d] * factors[e][:, None] * part
        found.append(made)
    return found


def rotated(vectors: np.ndarray, quanta: int, planes: Sequence[tuple[int, int]]) -> np.ndarray:
    r"""Return $\sum_{(x, y)} (a_x^\dagger a_y - a_y^\dagger a_x)$ of combinations `(count, columns)` of a shell.

    It is i times the angular momentum in these planes, real, antisymmetric and conserving the quanta.
    """
    size = shell(quanta, 2 * len(planes)).shape[1]
    if quanta == 0:
        return np.zeros_like(vectors)
    places, factors = raised(quanta - 1, size)
    found = np.zeros_like(vectors)
    for x, y in planes:
        # lowering is the transpose of raising
        for up, down, sign in ((x, y, 1.0), (y, x, -1.0)):
            low = factors[down][:, None] * vectors[places[down]]
            found[places[up]] += sign * factors[up][:, None] * low
    return found
