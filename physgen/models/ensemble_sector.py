"""All relative states of one exchange symmetry at a temperature: a core that is rotated, and the tail of all others."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from physgen.models.sector_states import Part, Points, SectorStates
from physgen.nn.flows.pair_gradient_flow import PairGradientFlow
from physgen.nn.oscillator.thermal_draws import MixedDraws, ThermalDraws
from physgen.nn.oscillator.thermal_kernel import ThermalKernel
from physgen.systems.thermal_gas import free_energies, log_partitions

#: hottest draws in quanta, and how much hotter than the gas they are: so their weights stay bounded
COLDEST, HOTTER = 2.0, 0.9
#: quanta of the core over beta omega of the draws that cover all of it
REACH = 6.0
#: shift of overlaps, without which fewer draws than states could not be solved for
RIDGE = 1e-10
#: part of the trace below which the tail is left out
NO_TAIL = 1e-13


class SectorEnsemble(SectorStates):
    r"""Gibbs states of one exchange symmetry, with draws of the free gas that cover them.

    In the core $E_k = \langle \psi_k | H | \psi_k \rangle$; all higher states are unrotated with $E_j = E^0_j + s$.

    Args:
        n: number of particles.
        sign: 1 or -1.
        t: beta omega.
        quanta: of the core, above its lowest state.
        flow: the map from $\xi$ to x.
        potential: gives the potential energy `(batch,)` of flowed relative vectors `(batch, 2 (n - 1))`.
    """

    shift: Tensor

    def __init__(
        self, n: int, sign: int, t: float, quanta: int, flow: PairGradientFlow, potential: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__(n, sign, quanta, flow, potential)
        self.t = t
        self.register_buffer("shift", torch.zeros(()))
        self.kernel = ThermalKernel(n, sign, t)
        near = self.draws_at(min(HOTTER * t, COLDEST))
        # the highest states of the core reach farther than the gas does
        self.draws = MixedDraws(near, self.draws_at(min(REACH / max(quanta, 1), near.kernel.t)))
        # partition functions and energy of the free gas and of its tail
        log_z = self.log_relative(t)
        core = self.core_sum(lambda energy: torch.exp(-t * energy - log_z))
        self.log_free, self.tail_share = log_z, max(0.0, 1 - core)
        energy = free_energies(n, t, "bosons" if sign > 0 else "polarised")[1] - 1 / math.tanh(t / 2)
        inside = self.core_sum(lambda e: e * torch.exp(-t * e - log_z))
        self.tail_energy = (energy - inside) / self.tail_share if self.has_tail else 0.0

    @property
    def has_tail(self) -> bool:
        """Whether states beyond the core carry any weight."""
        return self.tail_share > NO_TAIL

    def log_relative(self, t: float) -> float:
        """Return ln Z of the relative motion of the free gas."""
        return float(log_partitions(self.n, t, self.sign)[self.n]) + 2 * math.log(2 * math.sinh(t / 2))

    def draws_at(self, t: float) -> ThermalDraws:
        """Return draws of the free gas at an inverse temperature."""
        return ThermalDraws(self.n, self.sign, t, self.log_relative(t))

    def core_sum(self, function: Callable[[Tensor], Tensor], name: str = "free") -> float:
        """Return the sum over all states of the core of a function of their energies."""
        return float(sum(c * function(self.held(name, i)).sum() for i, c in enumerate(self.copies)))

    def points(self, x: Tensor) -> Points:
        """Return draws of the free gas, relative vectors `(batch, size)`, with flow and Hamiltonian there."""
        return self.points_of(x, self.draws.density(x))

    # ---- rotation

    def measured(self, parts: list[Part], density: Tensor) -> dict[int, tuple[Tensor, Tensor]]:
        """Return the sums over draws of Hamiltonian and overlaps of every block, over the density of the draws."""
        found: dict[int, tuple[Tensor, Tensor]] = {}
        for part in parts:
            left = (part.value / density[:, None]).mT
            h, s = left @ part.image, left @ part.value
            if part.block in found:
                before = found[part.block]
                h, s = h + before[0], s + before[1]
            found[part.block] = (h, s)
        return found

    def rotate(self, sums: dict[int, tuple[Tensor, Tensor]]) -> None:
        r"""Take the eigenvectors of $\tfrac12 (S^{-1} H + H^T S^{-1})$ as rotation, and its eigenvalues as energies.

        It has no variance where the space is closed under the Hamiltonian. States that were not measured keep what the
        free gas says, shifted by the mean of the highest shell that was.
        """
        shifts = []
        for i, (h, s) in sums.items():
            count = len(h)
            matrix = torch.linalg.solve(s + RIDGE * torch.eye(count).to(s) * s.diagonal().mean(), h)
            energies, vectors = torch.linalg.eigh(0.5 * (matrix + matrix.mT))
            free = self.held("free", i)[:count]
            high = free > free[-1] - 0.5
            shifts.append((float(free[-1]), self.copies[i], (matrix.diagonal() - free)[high]))
            for name, value, start in (("energy", energies, self.held("free", i)), ("rotation", vectors, None)):
                kept: Tensor = getattr(self, f"{name}_{i}")
                kept.copy_(torch.eye(len(kept)) if start is None else start)
                kept[(slice(count),) * kept.ndim] = value.to(kept)
        # of the two highest shells, one of which some symmetries lack
        top = max(value for value, *_ in shifts) - 1.5
        weights = [(copies * values.sum(), copies * len(values)) for value, copies, values in shifts if value > top]
        self.shift.fill_(float(sum(w for w, _ in weights)) / sum(c for _, c in weights))
        for i in range(len(self.copies)):
            count = len(sums[i][0]) if i in sums else 0
            rest: Tensor = getattr(self, f"energy_{i}")
            rest[count:] = (self.held("free", i) + self.shift)[count:].to(rest)

    def accumulate(self, num: int, generator: torch.Generator) -> None:
        """Add Hamiltonian and overlaps of the whole core at fresh draws to what was measured, and rotate by it all."""
        at = self.points(self.draws.draw(num, generator))
        for i, (h, s) in self.measured(self.parts(at), at.density).items():
            for name, value in (("hamiltonian", h), ("overlap", s)):
                kept: Tensor = getattr(self, f"{name}_{i}")
                kept.add_(value.to(kept))
        blocks = range(len(self.copies))
        self.rotate({i: (self.held("hamiltonian", i), self.held("overlap", i)) for i in blocks})

    def forget(self) -> None:
        """Forget what was measured: the flow has changed."""
        for i in range(len(self.copies)):
            for name in ("hamiltonian", "overlap"):
                getattr(self, f"{name}_{i}").zero_()
