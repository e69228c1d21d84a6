"""The V-score: how far a wavefunction is from an eigenstate, comparable between systems."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.core.errors import check_integer


def v_score(energy: Tensor | float, variance: Tensor | float, n: int, zero: float = 0.0) -> Tensor:
    """Return the V-score, a number without unit that vanishes for every exact eigenstate.

        V = n Var(H) / (E - E_inf)^2

    `E_inf` is the energy at infinite temperature, from which energies are measured; it makes V independent of a shift
    of H. Quantum dots have none, since their spectrum is unbounded above: there the zero of energy (particles at rest
    without trap and repulsion) is used as `E_inf`, so compare dots with dots.

    Source: D. Wu et al., "Variational benchmarks for quantum many-body problems", Science 386, 296 (2024),
    arXiv:2302.04919.

    Args:
        energy: variational energy, any shape, unit of H.
        variance: variance of the local energy over |psi|^2 (not of its mean), same shape, unit squared.
        n: number of degrees of freedom: particles, or sites of a lattice.
        zero: `E_inf`, unit of H.

    Returns:
        The shape of `energy`; `inf` where `energy == zero`.

    Raises:
        InputError: `n` is no integer above zero.
    """
    check_integer("n", n, 1)
    energy, variance = (
        x if isinstance(x, Tensor) else torch.tensor(x, dtype=torch.float64) for x in (energy, variance)
    )
    return n * variance / (energy - zero).square()
