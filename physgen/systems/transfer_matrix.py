"""Exact thermodynamics of spins on narrow lattices with any couplings of neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.core.enumeration import MOST_UNITS, every_state
from physgen.core.errors import InputError, check
from physgen.systems.kaufman import IsingThermodynamics

#: log weight of what cannot be; infinity minus infinity would be NaN
NEVER = -1e30


def transfer_matrix(couplings: Tensor, beta: float) -> IsingThermodynamics:
    r"""Return the exact thermodynamics of $H = -\sum_{ij} J_{ij} s_i s_j$ on a lattice of rows x columns spins.

    Spins enter one by one; ln of the summed Boltzmann weights and the mean of -H are kept for every state of the last
    spin of each column. On a torus they are kept for every state of the first row besides.

    Source: H. A. Kramers and G. H. Wannier, "Statistics of the Two-Dimensional Ferromagnet. Part I",
    doi:10.1103/PhysRev.60.252.

    Args:
        couplings: J `(2, rows, columns)`: of every site with the next one in its row, then with the next one in its
            column; the last site's next one is the first. 0 where there is no bond.
        beta: inverse temperature.

    Raises:
        InputError: another shape, or more than 2^20 states: 20 columns with open rows, 10 on a torus.
    """
    right = couplings.ndim == 3 and len(couplings) == 2
    check(right, "couplings", tuple(couplings.shape), "of the shape (2, rows, columns)")
    kept = kept_spins(couplings)
    if kept > MOST_UNITS:
        raise InputError(f"couplings must need at most 2^{MOST_UNITS} states in a transfer matrix, got 2^{kept}")
    across, down = _turned(couplings.double().cpu())
    rows, columns = across.shape
    spins = every_state(columns, (-1.0, 1.0)).T  # (columns, states)
    torus = bool(down[-1].any())
    first = 2**columns if torus else 1
    log = torch.full((first, 2**columns), NEVER if torus else 0.0, dtype=torch.float64)
    if torus:
        log.fill_diagonal_(0.0)
    mean = torch.zeros_like(log)
    for r in range(rows):
        for c in range(columns if r else 0):
            log, mean = _replace(log, mean, beta, float(down[r - 1, c]), c)
        bonds = sum(across[r, c] * spins[c] * spins[(c + 1) % columns] for c in range(columns))
        log, mean = log + beta * bonds, mean + bonds
    if torus:
        bonds = torch.einsum("c,ca,cb->ab", down[-1], spins, spins)
        log, mean = log + beta * bonds, mean + bonds
    weight = torch.softmax(log.flatten(), 0)
    log_z, slope = float(log.flatten().logsumexp(0)), float(weight @ mean.flatten())
    return IsingThermodynamics.of(log_z, slope, beta, rows * columns)


def kept_spins(couplings: Tensor) -> int:
    """Return the number of spins whose states a transfer matrix keeps apart."""
    return _kept(_turned(couplings)[1])


def _kept(down: Tensor) -> int:
    return down.shape[1] * (2 if bool(down[-1].any()) else 1)


def _turned(couplings: Tensor) -> tuple[Tensor, Tensor]:
    """Return couplings in rows and columns, those of the lattice on its side where that needs fewer states."""
    upright, turned = tuple(couplings), (couplings[1].T, couplings[0].T)
    return min(upright, turned, key=lambda pair: _kept(pair[1]))


def _replace(log: Tensor, mean: Tensor, beta: float, coupling: float, column: int) -> tuple[Tensor, Tensor]:
    """Sum over the last spin of a column, coupled to the next one, which takes its place."""
    shape = (len(log), log.shape[1] // 2 ** (column + 1), 2, 2**column)
    (log_down, log_up), (mean_down, mean_up) = (t.view(shape).unbind(2) for t in (log, mean))
    new_log, new_mean = log.new_empty(shape), mean.new_empty(shape)
    for index, bond in enumerate((coupling, -coupling)):  # of a new spin down, then up, with the old one down
        one, other = log_down + beta * bond, log_up - beta * bond
        torch.logaddexp(one, other, out=new_log[:, :, index])
        share = torch.sigmoid(one - other)
        new_mean[:, :, index] = mean_up - bond + share * (mean_down - mean_up + 2 * bond)
    return new_log.flatten(1), new_mean.flatten(1)
