"""Spin and isospin of a few nucleons: coupled bases, exchange operators and the antisymmetric state."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

#: eigenvalues and singular values below it are zero
ZERO = 1e-8


class SpinIsospin:
    r"""Spin-isospin states of A nucleons that a wavefunction with scalar correlations and total spin S reaches.

    The antisymmetric state $\Phi$ of spins (and isospins) and all $\sigma_i \cdot \sigma_j \Phi$ span the basis, the
    first state of which is $\Phi$. States of good S (and T) are found by diagonalising the squares of the total spin
    and isospin in the products of single states, $S^2 = \tfrac34 A + \tfrac12 \sum_{i<j} \sigma_i \cdot \sigma_j$.
    Exchanges give all operators: $\sigma_i \cdot \sigma_j = 2 P^\sigma_{ij} - 1$, $\tau_i \cdot \tau_j = 2 P^\tau_{ij}
    - 1$.

    Without isospins the first Z nucleons are protons, and $\Phi$ is antisymmetric within each kind: enough, and
    smaller, for forces that do not act on isospins.

    Args:
        nucleons: A.
        protons: Z.
        spin: S, whose projection is S too.
        isospin: T, or None for nucleons with a label.
        frozen: whether the antisymmetric state is the only one; operators are then their expectation values in it.
    """

    def __init__(self, nucleons: int, protons: int, spin: float, isospin: float | None, frozen: bool = False) -> None:
        self.nucleons, self.protons, self.spin, self.isospin = nucleons, protons, spin, isospin
        self.pairs = list(itertools.combinations(range(nucleons), 2))
        ups = round(nucleons / 2 + spin)
        spins = [s for s in itertools.product((1, 0), repeat=nucleons) if sum(s) == ups]
        first = tuple(int(i < protons) for i in range(nucleons))
        charges = [t for t in itertools.product((1, 0), repeat=nucleons) if sum(t) == protons]
        self.products = [(s, t) for s in spins for t in ([first] if isospin is None else charges)]
        coupled = self._coupled()
        start = coupled @ self._antisymmetric(coupled)
        start = start * torch.sign(start[start.abs().argmax()])
        reached = torch.stack([start] + [2 * self.spin_exchange(i, j) @ start - start for i, j in self.pairs], 1)
        #: orthonormal states of the basis in the products `(products, components)`
        self.states = _span(reached[:, :1] if frozen else reached)

    @property
    def components(self) -> int:
        """Number C of states."""
        return self.states.shape[1]

    @property
    def first(self) -> Tensor:
        r"""The antisymmetric state $\Phi$ `(components,)`: the first unit vector."""
        return torch.eye(self.components, dtype=torch.float64)[0]

    def spin_exchange(self, i: int, j: int) -> Tensor:
        """Return the exchange of the spins of nucleons i and j among the products `(products, products)`."""
        return self._permutation(lambda s, t: (_swapped(s, i, j), t))

    def isospin_exchange(self, i: int, j: int) -> Tensor:
        """Return the exchange of the isospins of nucleons i and j among the products `(products, products)`."""
        return self._permutation(lambda s, t: (s, _swapped(t, i, j)))

    @cached_property
    def spin_exchanges(self) -> Tensor:
        r"""$P^\sigma_{ij}$ of every pair in the basis `(pairs, components, components)`."""
        return torch.stack([self._within(self.spin_exchange(i, j)) for i, j in self.pairs])

    @cached_property
    def isospin_exchanges(self) -> Tensor:
        r"""$P^\tau_{ij}$ of every pair in the basis `(pairs, components, components)`."""
        return torch.stack([self._within(self.isospin_exchange(i, j)) for i, j in self.pairs])

    @cached_property
    def exchanges(self) -> Tensor:
        r"""$P^\sigma_{ij} P^\tau_{ij}$ of every pair in the basis: of the product, not a product of projections."""
        both = [self.spin_exchange(i, j) @ self.isospin_exchange(i, j) for i, j in self.pairs]
        return torch.stack([self._within(matrix) for matrix in both])

    @cached_property
    def proton(self) -> Tensor:
        """Whether nucleon i is a proton, as operators in the basis `(A, components, components)`."""
        flags = torch.tensor([t for _, t in self.products], dtype=torch.float64).T
        return torch.stack([self._within(torch.diag(flag)) for flag in flags])

    @cached_property
    def proton_pair(self) -> Tensor:
        """Whether both nucleons of a pair are protons, as operators in the basis `(pairs, components, components)`."""
        flags = torch.tensor([t for _, t in self.products], dtype=torch.float64).T
        return torch.stack([self._within(torch.diag(flags[i] * flags[j])) for i, j in self.pairs])

    def _permutation(self, moved: Callable[[Any, Any], Any]) -> Tensor:
        place = {state: k for k, state in enumerate(self.products)}
        matrix = torch.zeros(len(place), len(place), dtype=torch.float64)
        for (s, t), k in place.items():
            matrix[place[moved(s, t)], k] = 1
        return matrix

    def _within(self, matrix: Tensor) -> Tensor:
        return self.states.T @ matrix @ self.states

    def _coupled(self) -> Tensor:
        """Return the states of good S, and of good T where there are isospins, in the products."""
        squares = [(self.spin_exchange, self.spin)]
        if self.isospin is not None:
            squares.append((self.isospin_exchange, self.isospin))
        unit = torch.eye(len(self.products), dtype=torch.float64)
        off = 0 * unit
        for exchange, total in squares:
            dots = sum((2 * exchange(i, j) - unit for i, j in self.pairs), 0 * unit)
            square = 0.75 * self.nucleons * unit + 0.5 * dots - total * (total + 1) * unit
            off = off + square @ square
        return _kernel(off)

    def _antisymmetric(self, coupled: Tensor) -> Tensor:
        """Return the one combination of `coupled` that changes sign when two identical nucleons are exchanged."""
        off = torch.zeros(2 * (coupled.shape[1],), dtype=torch.float64)
        unit = torch.eye(coupled.shape[1], dtype=torch.float64)
        for i, j in self.pairs:
            exchange = self.spin_exchange(i, j)
            if self.isospin is not None:
                exchange = exchange @ self.isospin_exchange(i, j)
            elif (i < self.protons) != (j < self.protons):
                continue
            kept = coupled.T @ exchange @ coupled + unit
            off = off + kept.T @ kept
        found = _kernel(off)
        if found.shape[1] != 1:
            raise ValueError(f"{found.shape[1]} antisymmetric states of spin {self.spin}, isospin {self.isospin}")
        return found[:, 0]


@lru_cache(16)
def spin_isospin(nucleons: int, protons: int, spin: float, isospin: float | None, frozen: bool = False) -> SpinIsospin:
    """Return a basis, made once."""
    return SpinIsospin(nucleons, protons, spin, isospin, frozen)


def _swapped(values: tuple[int, ...], i: int, j: int) -> tuple[int, ...]:
    out = list(values)
    out[i], out[j] = out[j], out[i]
    return tuple(out)


def _kernel(matrix: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    kernel: Tensor = vectors[:, values.abs() < ZERO]
    return kernel


def _span(vectors: Tensor) -> Tensor:
    """Return orthonormal columns that span those of `vectors`, the first of which is a unit vector and stays."""
    kept: list[Tensor] = []
    for vector in vectors.T:
        rest = vector
        for _ in range(2):  # twice is enough for full precision
            rest = rest - sum((state * (state @ rest) for state in kept), 0 * rest)
        if rest.norm() > ZERO:
            kept.append(rest / rest.norm())
    return torch.stack(kept, 1)
