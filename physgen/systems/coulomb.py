"""The Coulomb repulsion of particles in a trap: pair distances, energy, cusps and the width of the cloud."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from physgen.core.errors import check, check_number, is_real, scalar


def pair_distances(x: Tensor) -> Tensor:
    r"""Return the distances of all pairs, each once.

    $r_{ij} = |x_i - x_j|$ for $i < j$, in the order of `torch.triu_indices(n, n, 1)`.

    Args:
        x: configurations `(*, n, dim)`.

    Returns:
        distances `(*, n (n - 1) / 2)`; none for one particle.
    """
    # Made anew at each call, in microseconds: a tensor that was cached inside a functorch transform stays wrapped.
    first, second = torch.triu_indices(x.shape[-2], x.shape[-2], 1, device=x.device)
    return (x.index_select(-2, first) - x.index_select(-2, second)).square().sum(-1).sqrt()


def coulomb_energy(x: Tensor, coupling: float) -> Tensor:
    r"""Return the repulsion $\lambda \sum_{i<j} 1 / r_{ij}$, `(*)`, of configurations `x` `(*, n, dim)`.

    It is exactly zero for `coupling` 0, also where particles meet.
    """
    if coupling == 0:
        return torch.zeros_like(x[..., 0, 0])
    return coupling * pair_distances(x).reciprocal().sum(-1)


def cusp(dim: int, coupling: float = 1.0) -> tuple[float, float]:
    r"""Return the slopes of $\ln|\psi|$ in $r_{12} \to 0$ that keep the local energy finite.

    Antiparallel spins $\lambda / (d - 1)$, parallel spins $\lambda / (d + 1)$, in units with hbar = m = e = 1.

    Args:
        dim: dimension of space, 2 or 3.
        coupling: strength $\lambda$ of the repulsion $\lambda / r$.

    Returns:
        `(antiparallel, parallel)`.

    Raises:
        InputError: `dim` is not 2 or 3, or `coupling` is negative.

    Source: T. Kato, On the eigenfunctions of many-particle systems in quantum mechanics, doi:10.1002/cpa.3160100201.
    """
    check_dim(dim)
    coupling = check_coupling(coupling)
    return coupling / (dim - 1), coupling / (dim + 1)


def gaussian_repulsion(n: int, dim: int, coupling: float) -> float:
    r"""Return $\sigma$ times the mean repulsion of a Gaussian cloud, $\sigma$ the standard deviation of a coordinate.

    $\binom{n}{2} \lambda \Gamma((d-1)/2) / (2 \Gamma(d/2))$; first guesses of the size of a cloud come from it.
    """
    return n * (n - 1) / 2 * coupling * math.gamma((dim - 1) / 2) / (2 * math.gamma(dim / 2))


def positive_root(coefficients: list[float]) -> float:
    """Return the largest real root of a polynomial, highest power first; a balance of sizes has exactly one above 0."""
    roots = np.roots(coefficients)
    return float(roots.real[abs(roots.imag) <= 1e-9 * abs(roots)].max())


#: more particles than any machine holds the pairs of
MOST_PARTICLES = 1_000_000


def check_dim(dim: int) -> int:
    """Return `dim` if it is 2 or 3, else raise `InputError`: in one dimension 1/r has no finite mean."""
    found = scalar(dim)
    check(type(found) is int and found in (2, 3), "dim", dim, "2 or 3")
    return int(found)


#: scales beyond these leave no room for their squares and cubes beside 1 in single precision
SMALLEST_SCALE, LARGEST_SCALE = 1e-15, 1e15


def check_scale(name: str, value: float) -> float:
    """Return `value` as a float if it is a number from 1e-15 to 1e15, else raise `InputError`."""
    return check_number(name, value, SMALLEST_SCALE, LARGEST_SCALE, "a finite number > 0, from 1e-15 to 1e15")


def check_coupling(coupling: float) -> float:
    """Return `coupling` as a float if it is 0 or a number from 1e-15 to 1e15, else raise `InputError`."""
    found = scalar(coupling)
    real = is_real(found) and (found == 0 or SMALLEST_SCALE <= found <= LARGEST_SCALE)
    check(real, "coupling", coupling, "a finite number >= 0, 0 or from 1e-15 to 1e15")
    return float(found)
