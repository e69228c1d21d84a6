"""The total spin of electrons, and how their spins are ordered in space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from physgen.observables.base import Findings, Observable
from physgen.observables.psi_ratios import psi_ratios
from physgen.stats import with_error
from physgen.stats.estimate import Estimate
from physgen.stats.slow_mode import error_with_slow_mode

#: autocorrelation times of the spins' order that a chain must hold for plain errors
FEWEST_TIMES = 20
#: exchanged pairs whose psi is asked for, per walker, before only some walkers of a batch measure S^2
EXCHANGED_PAIRS = 10
#: name under which a view keeps `exchange_ratios` of its configurations
EXCHANGE_RATIOS = "exchange_ratios"
#: <S^2> beyond that of the lowest spin above which a state has another name
CONTAMINATED = 0.05


class TotalSpin(Observable):
    """`spin_square`, the local value of S^2, and how fast the order of the spins in space changes along a walk.

    S^2 takes psi at every exchange of opposite spins: of many electrons only some walkers measure it.

    A system whose interaction exchanges spins knows psi there already: then all walkers do.

    Args:
        kinds: numbers of electrons with spin up and down, neither zero.
        distances: gives those of all particles `(batch, n, n)`, `torch.cdist` unless given.
    """

    def __init__(self, kinds: tuple[int, int], distances: Callable[[Tensor], Tensor] | None = None) -> None:
        self.kinds, self.distances = kinds, distances

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Return `spin_square` of some walkers and, of more than two electrons, `unlike_neighbours` of all."""
        known = at.known(EXCHANGE_RATIOS)
        part = at.x[: spin_walkers(len(at.x), self.kinds)]
        square = spin_square(at.log_psi, part, self.kinds) if known is None else square_of(known, self.kinds)
        found = {"spin_square": square}
        if sum(self.kinds) > 2:
            found["unlike_neighbours"] = unlike_neighbours(at.x, self.kinds, self.distances)
        return found

    def finish(self, found: Findings) -> None:
        """Say what state of the total spin psi is, and count a slow order of the spins in the energy's error."""
        steps, tau = len(found.measured["spin_square"].series()), 1.0
        mode = found.means.get("unlike_neighbours")
        if mode is not None:
            tau = found.diagnostics["spin_tau"] = float(mode["tau"])
            found.diagnostics["spin_rhat"] = float(mode["rhat"])
            if steps < FEWEST_TIMES * tau and "energy" in found.measured:
                error = error_with_slow_mode(found.measured["energy"], found.measured["unlike_neighbours"])
                found.estimates["energy"] = Estimate(found.estimates["energy"].value, float(error))
        square = found.means["spin_square"]
        found.notes += spin_notes((float(square["mean"]), float(square["error"])), tau, steps, self.kinds)


def spin_walkers(batch: int, kinds: tuple[int, int]) -> int:
    """Return how many walkers of a batch measure S^2, all where there are few pairs of opposite spins."""
    return min(batch, max(2, batch * EXCHANGED_PAIRS // (kinds[0] * kinds[1])))


def spin_square(log_psi: Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor, kinds: tuple[int, int]) -> Tensor:
    r"""Return the local value of S^2 `(batch,)`, whose mean over |psi|^2 is <S^2>, in units of hbar^2.

    (S^2 psi)(x)/psi(x) = S_z (S_z + 1) + N_down - sum_{i up, j down} psi(x with r_i and r_j exchanged)/psi(x)

    with S_z = (N_up - N_down)/2, for psi antisymmetric in the electrons of one spin. It is S(S + 1) without any
    variance where psi is an eigenstate of S^2: 0 for a singlet, 2 for a triplet, 6 for a quintet.

    It is S^2 = S_z (S_z + 1) + S_- S_+ with S_- S_+ = sum_kl s_k^- s_l^+: the terms k = l count the electrons of spin
    down; any other raises l and lowers k, so that both exchange their spins, which for an antisymmetric psi is minus
    the exchange of their places.

    Args:
        log_psi: gives sign and ln|psi|, `(batch,)` each, of `(batch, n, dim)`.
        x: configurations `(batch, n, dim)`, spin up first.
        kinds: numbers of electrons with spin up and down.
    """
    return square_of(exchange_ratios(log_psi, x, kinds), kinds)


def square_of(ratios: Tensor, kinds: tuple[int, int]) -> Tensor:
    """Return the local value of S^2 `(batch,)` of `exchange_ratios` `(batch, up, down)`."""
    up, down = kinds
    z = 0.5 * (up - down)
    return z * (z + 1) + down - ratios.sum((1, 2))


def exchange_ratios(log_psi: Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor, kinds: tuple[int, int]) -> Tensor:
    r"""Return $\psi(R_{ij})/\psi(R)$ with its sign `(batch, up, down)`, R_ij with particles i up and j down exchanged.

    Args:
        log_psi: gives sign and ln|psi|, `(batch,)` each, of `(batch, n, dim)`.
        x: configurations R `(batch, n, dim)`, spin up first.
        kinds: numbers of particles with spin up and down.
    """
    up, down = kinds
    orders = torch.arange(x.shape[1], device=x.device).repeat(up * down, 1)
    i = torch.arange(up, device=x.device).repeat_interleave(down)
    j = up + torch.arange(down, device=x.device).repeat(up)
    rows = torch.arange(up * down, device=x.device)
    orders[rows, i], orders[rows, j] = j, i
    return psi_ratios(log_psi, x, x[:, orders]).view(len(x), up, down)


def unlike_neighbours(x: Tensor, kinds: tuple[int, int], distances: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Return the share of electrons `(batch,)` whose nearest neighbour has the other spin, of `x` `(batch, n, dim)`.

    An order parameter of the spins in space: how slowly it changes along a chain says how slowly their order does,
    which the energy hardly shows where charges keep far apart.

    Args:
        x: configurations.
        kinds: numbers of electrons with spin up and down.
        distances: gives those of all particles `(batch, n, n)`, `torch.cdist` unless given.
    """
    spin = torch.arange(sum(kinds), device=x.device) < kinds[0]
    apart = torch.cdist(x, x) if distances is None else distances(x)
    apart.diagonal(dim1=1, dim2=2).fill_(torch.inf)
    nearest = apart.argmin(-1)
    return (spin[nearest] != spin).to(x.dtype).mean(1)


def spin_notes(square: tuple[float, float], tau: float, steps: int, kinds: tuple[int, int]) -> list[str]:
    """Return in words what is wrong with the total spin of psi, and with the walk through orders of the spins.

    Args:
        square: <S^2> and its error.
        tau: autocorrelation time of `unlike_neighbours`, in records.
        steps: records of every chain.
        kinds: numbers of electrons with spin up and down.
    """
    notes, least = [], 0.5 * abs(kinds[0] - kinds[1])
    (value, error), pure = square, least * (least + 1)
    if abs(value - pure) > max(3 * error, 1e-6):
        state = "a singlet" if least == 0 else f"spin {least:g}"
        what = f"{state} but for a contamination" if abs(value - pure) < CONTAMINATED else f"not {state}"
        notes.append(f"psi is {what}: <S^2> = {with_error(value, error)} where that has {pure:g}")
    if steps < FEWEST_TIMES * tau:
        notes.append(f"the spins change their order in {tau:.0f} of {steps} records: the energy's error counts it")
    return notes
