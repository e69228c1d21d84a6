"""How far apart two particles are whose spins add up to 0, or to 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from physgen.observables.base import Observable
from physgen.observables.chain_histogram import ChainHistogram, binned
from physgen.observables.structure import volumes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class SpinChannels(Observable):
    r"""`g_singlet` and `g_triplet`, the distributions of pairs of total spin 0 and 1 over their distance.

    $$g_S(r) \propto \sum_{i \uparrow, j \downarrow} \tfrac12 (1 + x_{ij})\, \delta(r - r_{ij}), \qquad
    g_T(r) \propto \sum_{i \uparrow, j \downarrow} \tfrac12 (1 - x_{ij})\, \delta(r - r_{ij})
    + \sum_{i < j\ \mathrm{parallel}} \delta(r - r_{ij})$$

    with the exchange ratios $x_{ij} = \psi(R_{ij})/\psi(R)$ that the local energy knows already. Both are over the
    density of $n^2/2$ independent pairs, so that they go to 1/4 and 3/4, their sum to 1, and the free gas in an
    infinite system has $g_S = (1 + \ell^2)/4$ and $g_T = 3 (1 - \ell^2)/4$, $\ell = 3 j_1(k_F r)/(k_F r)$. Up to L/2,
    where a sphere fits into the cube; the mean over directions.

    Args:
        system: neutrons in a periodic cube, with `exchange_ratios`, `space` and `fermi_momentum`.
        bins: bins of the distances.
    """

    def __init__(self, system: Any, bins: int = 60) -> None:
        self.system, self.bins = system, bins
        self.begin()

    def begin(self) -> None:
        """Forget what was measured."""
        self.singlet, self.triplet = ChainHistogram(), ChainHistogram()

    @property
    def edges(self) -> Tensor:
        """Edges of the bins of distances."""
        return torch.linspace(0, self.system.space.side / 2, self.bins + 1, dtype=torch.float64)

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Sort pairs by distance; there are no values of single configurations."""
        x, up = at.x, self.system.n_up
        ratios = self.system.exchange_ratios(at, x)
        distances = self.system.space.distances(x)
        opposite, edges = distances[:, :up, up:].flatten(1), self.edges.to(x)
        parts = [distances[:, spin, spin] for spin in (slice(up), slice(up, None))]
        pairs = [torch.triu_indices(part.shape[1], part.shape[1], 1, device=x.device) for part in parts]
        parallel = torch.cat([part[:, i, j] for part, (i, j) in zip(parts, pairs, strict=True)], 1)
        self.singlet.add(binned(opposite, (1 + ratios).flatten(1) / 2, edges))
        triplet = binned(opposite, (1 - ratios).flatten(1) / 2, edges)
        self.triplet.add(triplet + binned(parallel, torch.ones_like(parallel), edges))
        return {}

    def histograms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `g_singlet` and `g_triplet` with their errors, and `channel_edges`."""
        space = self.system.space
        scale = 1 / (space.particles**2 / 2 * volumes(self.edges, space.dim) / space.volume)
        singlet, triplet = self.singlet.with_error("g_singlet", scale), self.triplet.with_error("g_triplet", scale)
        return {"channel_edges": self.edges, **singlet, **triplet} if singlet else {}

    def figures(self, arrays: Mapping[str, np.ndarray], x: Tensor, title: str) -> dict[str, Figure]:
        """Return both distributions beside those of the free gas."""
        from physgen.figures.periodic import spin_channels  # matplotlib is slow

        if "g_singlet" not in arrays:
            return {}
        return {"spin_channels": spin_channels(arrays, self.system.fermi_momentum, title)}
