"""The Gibbs state of an ensemble: weights of all states, its thermodynamics, and what fresh draws say of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from physgen.models.ensemble_sector import SectorEnsemble
from physgen.models.sector_states import Part, Points


@dataclass(frozen=True)
class Level:
    """A level of the relative motion, the centre of mass in its ground state.

    Args:
        energy: in units of omega, of the relative motion.
        sector: number of its sector.
        block: number of its block.
        place: number among the states of the block.
        m: angular momentum; of m > 0 both signs have this energy.
    """

    energy: float
    sector: int
    block: int
    place: int
    m: int


class GibbsState:
    r"""Weights $p_k = g_s e^{-t E_k} / Z$ of the states of all sectors, in units of omega.

    Args:
        sectors: ensembles of one exchange symmetry each.
        copies: g, states of the spins of each.
        t: beta omega.
    """

    def __init__(self, sectors: Sequence[SectorEnsemble], copies: Sequence[int], t: float) -> None:
        self.sectors, self.copies, self.t = list(sectors), list(copies), t
        logs: list[Tensor] = []
        for sector, g in zip(self.sectors, self.copies, strict=True):
            blocks = range(len(sector.copies))
            logs += [math.log(g * sector.copies[i]) - t * sector.held("energy", i) for i in blocks]
            if sector.has_tail:
                logs.append(torch.tensor([self.log_tail(sector, g)], dtype=torch.float64, device=logs[0].device))
        self.log_z = float(torch.cat(logs).logsumexp(0))
        pairs = list(zip(self.sectors, self.copies, strict=True))
        #: weight of each single state, by sector and block
        self.weights = [
            [g * torch.exp(-t * s.held("energy", i) - self.log_z) for i in range(len(s.copies))] for s, g in pairs
        ]
        #: weight of all states beyond the core, by sector
        self.tails = [math.exp(self.log_tail(s, g) - self.log_z) if s.has_tail else 0.0 for s, g in pairs]
        #: mean energies of those
        self.tail_energies = [s.tail_energy + float(s.shift) for s in self.sectors]
        core = sum(
            c * float(p @ s.held("energy", i))
            for s, blocks in zip(self.sectors, self.weights, strict=True)
            for i, (c, p) in enumerate(zip(s.copies, blocks, strict=True))
        )
        self.energy = core + sum(w * e for w, e in zip(self.tails, self.tail_energies, strict=True))
        #: mean square of the relative angular momentum, of the core
        self.momentum = sum(
            c * float(p.sum()) * b.m**2
            for s, blocks in zip(self.sectors, self.weights, strict=True)
            for c, p, b in zip(s.copies, blocks, s.states.blocks, strict=True)
        )

    def log_tail(self, sector: SectorEnsemble, copies: int) -> float:
        """Return the logarithm of the sum over the states beyond the core of a sector."""
        share = math.log(copies * sector.tail_share) + sector.log_free
        return share - self.t * float(sector.shift)

    @property
    def shares(self) -> list[float]:
        """Weight of every sector."""
        pairs = zip(self.sectors, self.weights, self.tails, strict=True)
        return [sum(c * float(p.sum()) for c, p in zip(s.copies, w, strict=True)) + tail for s, w, tail in pairs]

    @property
    def centre_free(self) -> float:
        """Free energy of the centre of mass."""
        return 2 * math.log(2 * math.sinh(self.t / 2)) / self.t

    @property
    def centre_energy(self) -> float:
        """Mean energy of the centre of mass."""
        return 1 / math.tanh(self.t / 2)

    @property
    def centre_momentum(self) -> float:
        """Mean square of the angular momentum of the centre of mass."""
        quanta = 1 / math.expm1(self.t)
        return 2 * quanta * (quanta + 1)

    @property
    def free_energy(self) -> float:
        """F of these weights, centre of mass included."""
        return self.centre_free - self.log_z / self.t

    def tail_factor(self, sector: int) -> float:
        """Return what weighs the sum over the states beyond the core of a sector."""
        return self.copies[sector] * math.exp(-self.t * float(self.sectors[sector].shift) - self.log_z)

    def density(self, sector: int, x: Tensor) -> Tensor:
        """Return the sum over the states of a sector of p |Phi|^2 `(batch,)` at unflowed relative vectors."""
        own = self.sectors[sector]
        found, rest = torch.zeros_like(x[:, 0]), own.kernel.density(x)
        for block, value in own.values(x):
            found = found + (value @ own.held("rotation", block)).square() @ self.weights[sector][block]
            rest = rest - value.square() @ torch.exp(-self.t * own.held("free", block))
        return found + self.tail_factor(sector) * rest if own.has_tail else found

    def levels(self, most: int) -> list[Level]:
        """Return the lowest levels, each of m and -m counted alone."""
        found = [
            Level(energy, s, i, k, block.m)
            for s, sector in enumerate(self.sectors)
            for i, block in enumerate(sector.states.blocks)
            for k, energy in enumerate(sector.held("energy", i).tolist())
            for _ in range(2 if block.m else 1)
        ]
        return sorted(found, key=lambda level: (level.energy, level.sector, level.m))[:most]


@dataclass
class Sums:
    """What one draw of each sector says, `(batch,)` each, in units of omega.

    Args:
        free_energy: samples of F.
        energy: samples of E, to first order that of the Gibbs state of the true energies of the states.
        momentum: samples of the mean square of the relative angular momentum, in the same way.
        norm: samples of the weight of every sector, which add up to 1.
        shares: samples of the same weights, in the same way as the energy.
        levels: samples of the lowest levels.
    """

    free_energy: Tensor
    energy: Tensor
    momentum: Tensor
    norm: list[Tensor]
    shares: list[Tensor]
    levels: list[Tensor]


def sums(state: GibbsState, points: Sequence[Points], levels: Sequence[Level] = ()) -> Sums:
    r"""Return samples of free energy, energy, norm and levels of a Gibbs state at independent draws of every sector.

    $$F = -\frac{\ln Z}{t} + \sum_k p_k \langle \psi_k | H - E_k | \psi_k \rangle$$

    has no variance for eigenstates. $E$ and the levels follow in the same way: to first order in
    $\delta_k = \langle H \rangle_k - E_k$ the Gibbs state of the energies $E_k + \delta_k$ has
    $E + \sum_k p_k (1 - t (E_k - E)) \delta_k$.
    """
    t = state.t
    energy = momentum = torch.zeros_like(points[0].density)
    norms: list[Tensor] = []
    changes: list[Tensor] = []
    found: dict[tuple[int, int, int], Tensor] = {}
    for s, (sector, at) in enumerate(zip(state.sectors, points, strict=True)):
        own, free = torch.zeros_like(energy), torch.zeros_like(energy)
        unrotated = sector.parts(at)
        for part in (sector.rotated(part) for part in unrotated):
            p, e = state.weights[s][part.block], sector.held("energy", part.block)
            squares = part.value.square() / at.density[:, None]
            off = part.value * part.image / at.density[:, None] - e * squares
            free = free + off @ p
            energy = energy + off @ (p * (1 - t * (e - state.energy)))
            m2 = sector.states.blocks[part.block].m ** 2
            momentum = momentum - t * (m2 - state.momentum) * (off @ p)
            own = own + squares @ p
            for level in levels:
                if (level.sector, level.block) == (s, part.block):
                    key = (s, level.block, level.place)
                    value = e[level.place] + off[:, level.place]
                    # the mean over both signs of m
                    found[key] = 0.5 * (found[key] + value) if key in found else value
        if sector.has_tail:
            value, change = tail(sector, at, unrotated)
            weight = state.tail_factor(s)
            free = free + weight * change
            energy = energy + weight * (1 - t * (state.tail_energies[s] - state.energy)) * change
            own = own + weight * value
        norms.append(own)
        changes.append(free)
    samples = [found[level.sector, level.block, level.place] for level in levels]
    total = state.energy + state.centre_energy + energy
    change = torch.stack(changes).sum(0)
    # a change of F of a sector changes its weight
    shares = [w - t * (own - w * change) for w, own in zip(state.shares, changes, strict=True)]
    return Sums(state.free_energy + change, total, state.momentum + momentum, norms, shares, samples)


def tail(sector: SectorEnsemble, at: Points, parts: Sequence[Part]) -> tuple[Tensor, Tensor]:
    r"""Return density and energy of all states beyond the core, over the density of the draws, `(batch,)` each.

    $\sum_j e^{-t E^0_j} \psi_j^2$ and $\sum_j e^{-t E^0_j} \psi_j (H - E^0_j - s) \psi_j$: the closed forms of all
    states less the sums over the core.
    """
    value, gradient, hessian = sector.kernel.derivatives(at.x)
    image = at.operator.of(value, gradient, hessian)
    own = 0.5 * (at.x.square().sum(-1) * value - hessian.diagonal(dim1=-2, dim2=-1).sum(-1))
    for part in parts:
        free = sector.held("free", part.block)
        weight = torch.exp(-sector.t * free)
        squares = part.value.square()
        value = value - squares @ weight
        image = image - (part.value * part.image) @ weight
        own = own - squares @ (weight * free)
    change = image - own - float(sector.shift) * value
    return value / at.density, change / at.density
