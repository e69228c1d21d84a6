"""Closed shells of the harmonic oscillator."""

from __future__ import annotations

import itertools
from math import comb

import torch
from torch import Tensor
from torch.nn.functional import linear

from physgen.core.errors import InputError
from physgen.nn.determinants.orbitals import ClosedShells
from physgen.nn.forward_laplacian import Jet, Values


def closed_shells(dim: int, largest: int = 100) -> list[int]:
    """Return the numbers of electrons of one spin that fill shells of the oscillator: 1, 3, 6, 10, ... in 2D."""
    numbers = [comb(k + dim, dim) for k in range(largest)]
    return [number for number in numbers if number <= largest]


def check_closed_shells(n: int, n_up: int, dim: int) -> None:
    """Raise `InputError` unless the electrons of each spin fill shells, with a list of numbers that do."""
    closed = closed_shells(dim, max(100, n))
    if n_up in (0, *closed) and n - n_up in (0, *closed):
        return
    if n_up == (n + 1) // 2:
        near = [2 * number for number in closed if 2 * number <= max(60, 2 * n)]
        raise InputError(
            f"system.n must fill closed shells in {dim}D, {', '.join(map(str, near))}, got {n} with n_up = {n_up}"
        )
    near = [number for number in closed if number <= max(30, n)]
    raise InputError(
        f"system.n_up must leave closed shells of both spins in {dim}D, 0 or {', '.join(map(str, near))} of a spin, "
        f"got n_up = {n_up} of n = {n}"
    )


class OscillatorOrbitals(ClosedShells):
    r"""The lowest orbitals of the harmonic oscillator without their common Gaussian.

    $\phi_k(r) = \prod_c h_{k_c}(r_c)$, $h_k = H_k/\sqrt{2^k k!}$, for all $\sum_c k_c \le K$ in the order of
    $\sum_c k_c$; r in units of the oscillator length.

    Args:
        count: number of orbitals, a closed shell.
        dim: dimensions.
    """

    powers: Tensor
    pick: Tensor

    def __init__(self, count: int, dim: int) -> None:
        super().__init__()
        self.count, self.dim = count, dim
        self.shell = closed_shells(dim, max(100, count)).index(count)
        powers = [p for p in itertools.product(range(self.shell + 1), repeat=dim) if sum(p) <= self.shell]
        powers.sort(key=lambda p: (sum(p), p[::-1]))
        self.register_buffer("powers", torch.tensor(powers).T.contiguous(), persistent=False)
        # picks h_k(r_c) of every orbital and coordinate out of the table; its gradient is cheaper than that of indexing
        pick = torch.zeros(dim, count, dim, self.shell + 1)
        for c in range(dim):
            pick[c, torch.arange(count), c, self.powers[c]] = 1
        self.register_buffer("pick", pick.flatten(2).flatten(0, 1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the orbitals `(*, count)` at `x` `(*, dim)`."""
        picked = linear(self._hermite(x).flatten(-2), self.pick).unflatten(-1, (self.dim, self.count))
        value: Tensor
        value, *others = picked.unbind(-2)
        for other in others:
            value = value * other
        return value

    def of(self, h: Values) -> Values:
        """Return the orbitals of plain coordinates or of an `own` jet of them, as what came."""
        return self.jet(h.value) if isinstance(h, Jet) else self.forward(h)

    def jet(self, x: Tensor) -> Jet:
        """Return the orbitals at `x` `(batch, n, dim)` as an `own` jet."""
        table = self._hermite(x)
        # h_k' = sqrt(2k) h_{k-1}
        lower = (2 * torch.arange(1, self.shell + 1, device=x.device, dtype=x.dtype)).sqrt()
        first = torch.zeros_like(table)
        first[..., 1:] = lower * table[..., :-1]
        second = torch.zeros_like(table)
        second[..., 1:] = lower * first[..., :-1]
        factors = [[t[..., c, :][..., self.powers[c]] for c in range(self.dim)] for t in (table, first, second)]

        def derived(c: int, order: int) -> Tensor:
            out = factors[order][c]
            for other in range(self.dim):
                if other != c:
                    out = out * factors[0][other]
            return out

        rows = [derived(c, 1) for c in range(self.dim)]
        laplacian = sum((derived(c, 2) for c in range(1, self.dim)), derived(0, 2))
        return Jet(torch.stack([derived(0, 0), laplacian, *rows]))

    def _hermite(self, x: Tensor) -> Tensor:
        """Return h_0 to h_K of every coordinate, `(*, dim, K + 1)`."""
        values = [torch.ones_like(x)]
        for k in range(self.shell):
            # h_{k+1} = (2 x h_k - sqrt(2k) h_{k-1}) / sqrt(2(k+1))
            following = x * values[k] * (2 / (k + 1)) ** 0.5
            values.append(following - (k / (k + 1)) ** 0.5 * values[k - 1] if k else following)
        return torch.stack(values, -1)
