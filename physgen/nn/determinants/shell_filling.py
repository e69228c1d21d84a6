"""Which orbitals of the oscillator electrons fill, where their last shell may stay open."""

from __future__ import annotations

import itertools
from math import comb

from physgen.core.errors import InputError, check, check_integer

#: shell up to which filled sets are listed, to look for those of an angular momentum
LARGEST_LISTED = 6


class ShellFilling:
    r"""The lowest orbitals of the oscillator for electrons of both spins, with an open last shell where they must.

    In two dimensions the orbitals of shell K have angular momenta $m = -K, -K + 2, \ldots, K$ about the axis. Electrons
    of one spin in an open shell take those of the largest |m| first, +m before -m, which keeps them apart. The spin
    that holds fewer electrons takes orbitals that the other one fills too, so that with the determinants of both the
    state has $S = |S_z|$ and $L_z = \pm M$, with M the sum of all m. With as many spins up as the shell's
    degeneracy allows it is that of Hund's first rule. In three dimensions one spin may leave the p shell open.

    Args:
        n: electrons.
        dim: dimensions, 2 or 3.
        n_up: electrons with spin up.
        angular_momentum: M >= 0 in two dimensions; that of the first orbitals unless given.

    Raises:
        InputError: shells that stay open otherwise, or an angular momentum that they do not have.
    """

    def __init__(self, n: int, dim: int, n_up: int, angular_momentum: int | None = None) -> None:
        self.n, self.dim, self.n_up = n, dim, n_up
        #: electrons of each spin, those of spin down may be none
        self.sizes = (n_up, n - n_up)
        #: the highest shell of each spin and how many electrons it holds
        self.last = tuple(last_shell(size, dim) for size in self.sizes)
        open_spins = [held < degeneracy(shell, dim) for shell, held in self.last if held]
        if dim != 2:
            allowed = "none but in two dimensions"
            check(angular_momentum is None, "system.angular_momentum", angular_momentum, allowed)
            self._check_solid(sum(open_spins))
        sets = [first_momenta(shell, held) if dim == 2 else tuple(range(held)) for shell, held in self.last]
        if dim == 2 and angular_momentum is not None:
            sets = self._sets_of(angular_momentum)
        #: m of the orbitals of each spin's last shell; in three dimensions the axes of p orbitals
        self.momenta = (sets[0], sets[1])

    @property
    def angular_momentum(self) -> int:
        """M, in units of hbar; in two dimensions."""
        return abs(sum(map(sum, self.momenta)))

    def is_open(self, spin: int) -> bool:
        """Return whether the last shell of a spin, 0 for up and 1 for down, holds fewer electrons than it can."""
        shell, held = self.last[spin]
        return held < degeneracy(shell, self.dim)

    def _sets_of(self, wanted: int) -> list[tuple[int, ...]]:
        """Return the momenta of both spins that add up to a given one."""
        check_integer("system.angular_momentum", wanted, 0)
        known = self.listed()
        allowed = f"one of {', '.join(map(str, sorted(known)))} for {self.sizes[0]} + {self.sizes[1]} electrons"
        check(wanted in known, "system.angular_momentum", wanted, allowed)
        return list(known[wanted])

    def listed(self) -> dict[int, tuple[tuple[int, ...], tuple[int, ...]]]:
        """Return what both spins fill for every M: of several the one with the largest sum of |m|."""
        (up, held_up), (down, held_down) = self.last
        check(max(up, down) <= LARGEST_LISTED, "system.angular_momentum", "one for so many electrons", "none")
        found: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {}
        pairs = itertools.product(sets_of_momenta(up, held_up), sets_of_momenta(down, held_down))
        for pair in sorted(pairs, key=lambda pair: -sum(abs(m) for part in pair for m in part)):
            nested = up != down or set(pair[0]) <= set(pair[1]) or set(pair[1]) <= set(pair[0])
            total = sum(map(sum, pair))
            if nested and total >= 0:
                found.setdefault(total, pair)
        return found

    def _check_solid(self, open_spins: int) -> None:
        """Raise `InputError` unless at most one spin is open, and only in its p shell."""
        shells = [shell for spin, (shell, _) in enumerate(self.last) if self.is_open(spin)]
        if open_spins <= 1 and all(shell <= 1 for shell in shells):
            return
        closed = [comb(k + self.dim, self.dim) for k in range(6)]
        raise InputError(
            f"system.n_up must leave closed shells in {self.dim}D, 0 or {', '.join(map(str, closed))} of a spin, or "
            f"one p shell open, 2 or 3 of a spin; got n_up = {self.n_up} of n = {self.n}"
        )


def degeneracy(shell: int, dim: int) -> int:
    """Return the number of orbitals of a shell: K + 1 in two dimensions, (K + 1)(K + 2)/2 in three."""
    return comb(shell + dim - 1, dim - 1)


def last_shell(electrons: int, dim: int) -> tuple[int, int]:
    """Return the highest shell that electrons of one spin fill from below, and how many it holds."""
    shell, left = 0, electrons
    while left > degeneracy(shell, dim):
        left -= degeneracy(shell, dim)
        shell += 1
    return shell, left


def momenta_of(shell: int) -> list[int]:
    """Return the angular momenta of a shell in two dimensions, in the order in which they are filled."""
    return sorted(range(-shell, shell + 1, 2), key=lambda m: (-abs(m), -m))


def first_momenta(shell: int, held: int) -> tuple[int, ...]:
    """Return the momenta of the first orbitals of a shell."""
    return tuple(momenta_of(shell)[:held])


def sets_of_momenta(shell: int, held: int) -> list[tuple[int, ...]]:
    """Return all sets of momenta of so many electrons of one spin in a shell."""
    return list(itertools.combinations(momenta_of(shell), held))
