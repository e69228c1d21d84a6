"""Full configuration interaction of a few electrons in a two-dimensional dot: what open shells are compared with.

    python -m benchmarks full_ci                 # every state of docs/quantum-dots.md, minutes of one core
    python -m benchmarks full_ci --states 3-up2 --shells 4 6 8

All states of the lowest oscillator shells, with the plain repulsion; its matrix elements are quadratures of
1/r = (2/sqrt(pi)) int_0^inf ds exp(-s^2 r^2), whose integrand is a product of one-dimensional integrals. The lowest
state is found by Lanczos from the product of the shells, whose symmetries it keeps. Energies fall slowly towards the
exact one, for the cusps are missing from every finite number R of shells; what is left of the last step is taken to be
the share that two electrons of such spins, whose energy is known, have left there. The error is the difference from the
same of the step before. Rows are kept in `benchmarks/results/full_ci.csv`.
"""

from __future__ import annotations

import argparse
import itertools
import math
import re
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import keep
from physgen.nn.determinants.shell_filling import ShellFilling
from physgen.systems.two_electrons import two_electrons

Real = NDArray[np.float64]

STATES = {"3-up2": (6, 8, 10), "3-up3": (6, 8, 10), "4-up3": (5, 6, 7)}
FIELDS = ("state", "omega", "shells", "energies", "continued", "error", "cpu_seconds")
#: nodes of the quadrature over s
NODES = 48


def oscillator(count: int, x: Real) -> Real:
    """Return the oscillator's functions `(count, *)` without their Gaussian, orthonormal with it."""
    found = [np.full_like(x, math.pi**-0.25), 2**0.5 * x * math.pi**-0.25]
    for k in range(1, count - 1):
        found.append((2 / (k + 1)) ** 0.5 * x * found[k] - (k / (k + 1)) ** 0.5 * found[k - 1])
    return np.stack(found[:count])


def line_integrals(count: int, s: float) -> Real:
    """Return <a b| exp(-s^2 (x - y)^2) |c d> in one dimension as a matrix `(a b, c d)`, exact for these functions."""
    nodes, weights = np.polynomial.hermite.hermgauss(2 * count)
    narrow = (1 + 2 * s * s) ** -0.5  # u = (x - y)/sqrt(2) has the Gaussian exp(-u^2 (1 + 2 s^2))
    u, v = np.meshgrid(narrow * nodes, nodes, indexing="ij")
    share = narrow * np.outer(weights, weights).ravel()
    x, y = (oscillator(count, ((v + sign * u) / 2**0.5).ravel()) for sign in (1, -1))
    first = (x[:, None] * x[None]).reshape(count**2, -1) * share
    second = (y[:, None] * y[None]).reshape(count**2, -1)
    pairs = (first @ second.T).reshape((count,) * 4)  # a c, b d
    return pairs.transpose(0, 2, 1, 3).reshape(count**2, count**2)


def orbitals(shells: int) -> list[tuple[int, int]]:
    """Return the quanta in x and y of all orbitals of the lowest shells."""
    return [(k - b, b) for k in range(shells) for b in range(k + 1)]


def repulsion(shells: int) -> Real:
    """Return <a b| 1/r |c d> `(a b, c d)` of all pairs of orbitals, at omega = 1."""
    t, weights = np.polynomial.legendre.leggauss(NODES)
    t = (t + 1) / 2
    x, y = np.array(orbitals(shells)).T
    of_x, of_y = ((c[:, None] * shells + c[None]).ravel() for c in (x, y))
    total = np.zeros((len(of_x), len(of_x)))
    for s, weight in zip(t / (1 - t), weights / 2 / (1 - t) ** 2, strict=True):
        line = line_integrals(shells, s)
        total += 2 / math.pi**0.5 * weight * line[np.ix_(of_x, of_x)] * line[np.ix_(of_y, of_y)]
    return total


def first_state(filling: ShellFilling, shells: int) -> Real:
    """Return the product of both spins' determinants of real orbitals `(orbitals, ..., orbitals)`.

    Of an open p shell it is that of the x orbital: a real state of the pair +-M.
    """
    index = {quanta: i for i, quanta in enumerate(orbitals(shells))}
    state = np.zeros((len(index),) * filling.n)
    filled = [[index[quanta] for quanta in orbitals(3)[:size]] for size in filling.sizes]
    for up in itertools.permutations(range(len(filled[0]))):
        for down in itertools.permutations(range(len(filled[1]))):
            place = [filled[0][i] for i in up] + [filled[1][i] for i in down]
            state[tuple(place)] += parity(up) * parity(down)
    return state / np.linalg.norm(state)


def parity(order: Sequence[int]) -> int:
    """Return the sign of a permutation."""
    return (-1) ** sum(a > b for a, b in itertools.combinations(order, 2))


def ground_energy(filling: ShellFilling, shells: int, omega: float) -> float:
    """Return the lowest energy in the symmetry of the first state, by Lanczos.

    Args:
        filling: electrons of both spins.
        shells: R.
        omega: frequency of the trap.
    """
    pairs = repulsion(shells) * omega**0.5
    levels = omega * np.array([a + b + 1.0 for a, b in orbitals(shells)])
    n, m = filling.n, len(levels)
    alone = sum(levels.reshape([m if k == i else 1 for k in range(n)]) for i in range(n))

    def applied(state: Real) -> Real:
        found = alone * state
        for i, j in itertools.combinations(range(n), 2):
            turned = np.moveaxis(state, (i, j), (0, 1))
            changed = (pairs @ turned.reshape(m * m, -1)).reshape(turned.shape)
            found = found + np.moveaxis(changed, (0, 1), (i, j))
        return np.asarray(found)

    state, before, last = first_state(filling, shells), None, math.inf
    diagonal, beside = [], []
    for _ in range(200):
        image = applied(state)
        diagonal.append(float((state * image).sum()))
        image = image - diagonal[-1] * state - (beside[-1] * before if before is not None else 0)
        tridiagonal = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
        energy = float(np.linalg.eigvalsh(tridiagonal)[0])
        beside.append(float(np.linalg.norm(image)))
        if abs(energy - last) < 1e-9:
            break
        state, before, last = image / beside[-1], state, energy
    return energy


def continued(energies: Sequence[float], pair: Sequence[float], exact: float) -> tuple[float, float]:
    """Return the limit of infinitely many shells and its error.

    Args:
        energies: of three or more numbers of shells, growing.
        pair: of two electrons in the same shells.
        exact: of two electrons.
    """
    limits = []
    for k in (-2, -1):
        left = (pair[k] - exact) / (pair[k - 1] - pair[k])
        limits.append(energies[k] - left * (energies[k - 1] - energies[k]))
    return limits[1], abs(limits[1] - limits[0])


def main(arguments: list[str] | None = None) -> None:
    """Measure the states and keep their rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--states", nargs="+", default=list(STATES), help="such as 3-up2: electrons and spins up")
    parser.add_argument("--shells", nargs="+", type=int, help="R, those of the table unless given")
    parser.add_argument("--omega", type=float, default=1.0)
    options = parser.parse_args(arguments)
    rows = []
    for state in options.states:
        n, n_up = map(int, re.fullmatch(r"(\d+)-up(\d+)", state).groups())
        if max(n_up, n - n_up) > len(orbitals(2)):
            parser.error(f"states must have at most {len(orbitals(2))} electrons of a spin, got {state}")
        start, shells = time.process_time(), options.shells or STATES[state]
        energies = [ground_energy(ShellFilling(n, 2, n_up), r, options.omega) for r in shells]
        spins = "triplet" if n_up == n else "singlet"
        pair = [ground_energy(ShellFilling(2, 2, 2 if n_up == n else 1), r, options.omega) for r in shells]
        limit, error = continued(energies, pair, two_electrons(options.omega, 2, 1.0, spins).energy)
        print(f"{state}: {' '.join(f'{e:.6f}' for e in energies)} -> {limit:.5f} +- {error:.5f}", flush=True)
        row = [state, options.omega, " ".join(map(str, shells)), " ".join(f"{e:.7f}" for e in energies)]
        seconds = round(time.process_time() - start, 1)
        rows.append(dict(zip(FIELDS, [*row, f"{limit:.6f}", f"{error:.6f}", seconds], strict=True)))
    keep("full_ci", FIELDS, ("state", "omega"), rows, lambda r: (r["state"], float(r["omega"])))


if __name__ == "__main__":
    main()
