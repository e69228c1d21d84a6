"""Oscillator states of the relative motion of identical particles in two dimensions, sorted by symmetry."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from physgen.nn.oscillator.jacobi_vectors import transpositions
from physgen.nn.oscillator.shells import rotated, shell, turned


@dataclass(frozen=True)
class Block:
    r"""States of one angular momentum $|m|$, which an invariant Hamiltonian does not mix with others.

    Args:
        m: angular momentum; of m > 0 both signs are here, as real functions even and odd in y.
        quanta: `(count,)` of every state, rising.
        even: coefficients `(even products, count)` of functions even in y, None if there are none.
        odd: coefficients `(odd products, count)` of their partners, odd in y; alone where m = 0.
    """

    m: int
    quanta: np.ndarray
    even: np.ndarray | None
    odd: np.ndarray | None


@dataclass(frozen=True)
class SymmetricStates:
    """All states of a permutation symmetry up to a number of quanta, the centre of mass left out.

    Args:
        even: numbers of quanta `(even products, 2 (n - 1))` of products of functions even in y, shell by shell.
        odd: those of products odd in y.
        lowest: quanta of the lowest state.
        blocks: states by symmetry.
    """

    even: np.ndarray
    odd: np.ndarray
    lowest: int
    blocks: tuple[Block, ...]

    @property
    def count(self) -> int:
        """Number of states, of both signs of m."""
        return sum(len(b.quanta) * ((b.even is not None) + (b.odd is not None)) for b in self.blocks)


def lowest_quanta(n: int, sign: int) -> int:
    """Return the least quanta of n particles: of fermions of one spin those of filled shells."""
    levels = [q for q in range(n) for _ in range(q + 1)]
    return 0 if sign > 0 else sum(levels[:n])


@lru_cache(maxsize=16)
def symmetric_states(n: int, sign: int, above: int) -> SymmetricStates:
    """Return the relative states of n particles, symmetric (sign 1) or antisymmetric (-1) under all exchanges.

    They are common eigenvectors of exchanges of neighbours, in products of oscillator functions of Jacobi vectors, then
    of the angular momentum and of the reflection y -> -y.

    Args:
        n: number of particles, at least 2.
        sign: 1 or -1.
        above: quanta above the lowest state.
    """
    size, lowest = 2 * (n - 1), lowest_quanta(n, sign)
    exchanges = [turned(np.kron(matrix, np.eye(2)), lowest + above) for matrix in transpositions(n)]
    planes = [(2 * k, 2 * k + 1) for k in range(n - 1)]
    rows: dict[str, list[np.ndarray]] = {"even": [], "odd": []}
    found: dict[tuple[int, bool], list[tuple[int, dict[str, np.ndarray]]]] = defaultdict(list)
    for quanta in range(lowest, lowest + above + 1):
        index = shell(quanta, size)
        is_even = index[:, 1::2].sum(1) % 2 == 0
        total = sign * np.sum([matrices[quanta] for matrices in exchanges], axis=0)
        for name, mask in (("even", is_even), ("odd", ~is_even)):
            states = eigenspace(total, mask, n - 1)
            if states.shape[1] == 0:
                continue
            for m, vectors in momenta(states, quanta, planes):
                if name == "even":
                    parts = {"even": vectors[is_even]}
                    if m:
                        parts["odd"] = (rotated(vectors, quanta, planes) / m)[~is_even]
                    found[m, True].append((quanta, parts))
                elif m == 0:
                    found[m, False].append((quanta, {"odd": vectors[~is_even]}))
        if any(q == quanta for parts in found.values() for q, _ in parts):
            rows["even"].append(index[is_even])
            rows["odd"].append(index[~is_even])
    kept = {name: np.concatenate(parts) for name, parts in rows.items()}
    blocks = tuple(assembled(m, parts, kept, size) for (m, _), parts in sorted(found.items(), key=lambda i: i[0][0]))
    return SymmetricStates(kept["even"], kept["odd"], lowest, blocks)


def eigenspace(total: np.ndarray, mask: np.ndarray, value: int) -> np.ndarray:
    """Return the eigenvectors `(count, states)` of a matrix, within the rows of a mask, that have this eigenvalue."""
    rows = np.flatnonzero(mask)
    if len(rows) == 0:
        return np.zeros((len(mask), 0))
    values, vectors = np.linalg.eigh(total[np.ix_(rows, rows)])
    found = np.zeros((len(mask), int((values > value - 0.5).sum())))
    found[rows] = vectors[:, values > value - 0.5]
    return found


def momenta(states: np.ndarray, quanta: int, planes: list[tuple[int, int]]) -> list[tuple[int, np.ndarray]]:
    """Return combinations of orthonormal states `(count, states)` of a shell by their angular momentum |m|."""
    image = rotated(states, quanta, planes)
    squares, vectors = np.linalg.eigh(image.T @ image)
    m = np.rint(np.sqrt(np.maximum(squares, 0))).astype(int)
    return [(int(value), states @ vectors[:, m == value]) for value in np.unique(m)]


def assembled(m: int, parts: list[tuple[int, dict[str, np.ndarray]]], kept: dict[str, np.ndarray], size: int) -> Block:
    """Return a block of the states of all shells, with coefficients of all products of their parity."""
    quanta = np.concatenate([np.full(next(iter(p.values())).shape[1], q) for q, p in parts])
    made: dict[str, np.ndarray | None] = {"even": None, "odd": None}
    for name in parts[0][1]:
        matrix, start = np.zeros((len(kept[name]), len(quanta))), 0
        totals = kept[name].sum(1)
        for q, part in parts:
            stop = start + part[name].shape[1]
            matrix[totals == q, start:stop] = part[name]
            start = stop
        made[name] = matrix
    return Block(m, quanta, made["even"], made["odd"])
