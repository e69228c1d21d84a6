"""Orbitals of the oscillator where the last shell of a spin stays open."""

from __future__ import annotations

import itertools
from math import comb, factorial, prod

import numpy as np
import torch
from torch import Tensor

from physgen.nn.determinants.orbitals import Orbitals
from physgen.nn.determinants.oscillator import OscillatorOrbitals
from physgen.nn.determinants.shell_filling import ShellFilling


class OpenShells(Orbitals):
    r"""Combinations $\phi_j = \sum_c S^k_{cj} h_c$ of oscillator orbitals, one set k for every determinant of a state.

    Args:
        sets: S, `(sets, orbitals of closed shells, electrons)`.
        dim: dimensions.
    """

    mix: Tensor

    def __init__(self, sets: Tensor, dim: int) -> None:
        super().__init__()
        self.sets, closed, self.count = sets.shape
        self.shells = OscillatorOrbitals(closed, dim)
        self.register_buffer("mix", sets.to(torch.get_default_dtype()), persistent=False)

    def matrices(self, x: Tensor) -> Tensor:
        """Return the orbitals `(*, sets, n, count)` at `x` `(*, n, dim)`."""
        orbitals: Tensor = self.shells(x)
        return orbitals.unsqueeze(-3) @ self.mix

    def jets(self, x: Tensor) -> Tensor:
        """Return the stack `(2 + dim, batch, sets, n, count)` of their `own` jet at `x` `(batch, n, dim)`."""
        return self.shells.jet(x).stack.unsqueeze(2) @ self.mix


def filled_orbitals(filling: ShellFilling) -> tuple[list[Orbitals], Tensor]:
    r"""Return the orbitals of each spin that has electrons, and the fixed coefficients of the products of determinants.

    A state of angular momentum M in two dimensions is the real part of one product of determinants of complex orbitals,
    $\mathrm{Re} \prod_s \det[\phi_m(r_i)]_s$, which is an eigenstate as well as the product. Expanded in the real
    orbitals cos and sin of $m \varphi$ it is a sum of a few real ones with coefficients +-1; both of m and -m together
    are a determinant of cos and sin, so that in most states one product is all.

    Args:
        filling: what both spins fill.
    """
    spins = [spin for spin, size in enumerate(filling.sizes) if size]
    unpaired = [[m for m in filling.momenta[spin] if m and -m not in filling.momenta[spin]] for spin in spins]
    if filling.dim != 2:
        unpaired = [[] for _ in spins]
    choices = list(itertools.product((0, 1), repeat=sum(map(len, unpaired))))
    # i for every sine: the real part keeps even numbers of them
    terms = [chosen for chosen in choices if sum(chosen) % 2 == 0]
    signs = [m > 0 for part in unpaired for m in part]
    weights = [
        (-1.0) ** (sum(chosen) // 2) * prod(1 if up else -1 for up, sine in zip(signs, chosen, strict=True) if sine)
        for chosen in terms
    ]
    orbitals: list[Orbitals] = []
    start = 0
    for spin, free in zip(spins, unpaired, strict=True):
        sines = [dict(zip(free, chosen[start : start + len(free)], strict=True)) for chosen in terms]
        start += len(free)
        if not filling.is_open(spin):
            orbitals.append(OscillatorOrbitals(filling.sizes[spin], filling.dim))
            continue
        distinct = sines if free else sines[:1]
        sets = torch.stack([torch.from_numpy(columns(filling, spin, chosen)) for chosen in distinct])
        orbitals.append(OpenShells(sets, filling.dim))
    return orbitals, torch.tensor(weights)


def columns(filling: ShellFilling, spin: int, sines: dict[int, int]) -> np.ndarray:
    """Return the combinations of one spin's orbitals `(orbitals of closed shells, electrons)`.

    Args:
        filling: what the spins fill.
        spin: 0 for up, 1 for down.
        sines: for each m without its partner whether the sine is taken.
    """
    shell, _ = filling.last[spin]
    full, closed = (comb(k + filling.dim, filling.dim) if k >= 0 else 0 for k in (shell - 1, shell))
    found = [np.eye(closed)[:, j] for j in range(full)]
    for m in filling.momenta[spin]:
        column = np.zeros(closed)
        if filling.dim == 2:
            # of m and -m together the first is the cosine and the second the sine
            column[full:] = angular(shell, abs(m), sine=bool(sines.get(m, m < 0)))
        else:
            column[full + m] = 1
        found.append(column)
    return np.stack(found, -1)


def angular(shell: int, m: int, sine: bool) -> np.ndarray:
    r"""Return the orbital $\propto \cos m\varphi$, or sin, of a shell as a combination of products $h_a(x) h_b(y)$.

    With $a_\pm^\dagger = (a_x^\dagger \pm i a_y^\dagger)/\sqrt2$ the state of angular momentum m is
    $(a_+^\dagger)^{(K+m)/2} (a_-^\dagger)^{(K-m)/2} |0\rangle$ but for its norm, and
    $(a_x^\dagger)^a (a_y^\dagger)^b |0\rangle = \sqrt{a!\, b!}\, |a, b\rangle$.

    Args:
        shell: K.
        m: angular momentum >= 0, K - m even.
        sine: whether the imaginary part is taken.
    """
    ladder = np.array([1.0 + 0j])
    for step in [1j] * ((shell + m) // 2) + [-1j] * ((shell - m) // 2):
        ladder = np.convolve(ladder, [1.0, step])  # the power of a_y grows with the index
    products = np.array([(factorial(shell - b) * factorial(b)) ** 0.5 for b in range(shell + 1)])
    state = ladder * products
    part: np.ndarray = state.imag if sine else state.real
    normalised: np.ndarray = part / np.linalg.norm(part)
    return normalised
