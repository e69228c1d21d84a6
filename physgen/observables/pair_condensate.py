"""How many pairs of opposite spins are in one state of their centre of mass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from physgen.core.errors import check_positive
from physgen.observables.base import Observable
from physgen.observables.chain_histogram import ChainHistogram, binned
from physgen.observables.displaced import FORWARDS, SEED, displacements, measuring
from physgen.observables.psi_ratios import psi_ratios
from physgen.observables.structure import volumes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: displacement beyond which pairs count as far, in units of L
FAR = 0.4


class PairCondensate(Observable):
    r"""`condensate_fraction`, from the off-diagonal two-body density of pairs of opposite spins.

    $$h(s) = \frac{1}{N_p} \Big[ \sum_{i \uparrow, j \downarrow} \Big\langle \frac{\psi(r_i + s, r_j + s)}{\psi}
    \Big\rangle - \sum_i \Big\langle \frac{\psi(r_i + s)}{\psi} \Big\rangle
    \sum_j \Big\langle \frac{\psi(r_j + s)}{\psi} \Big\rangle \Big]$$

    Both particles of a pair move by s; what independent particles do so is taken off, and N_p is the smaller number of
    one spin. Where pairs condense h goes to their fraction for large s, else to 0; the free gas has 0 in the mean over
    the cube. The fraction is the mean over |s| > 0.4 L, `pair_condensate` the histogram of h over |s|. The product of
    means is taken from two walkers, which are independent, at one s. psi is asked for at $N_\uparrow N_\downarrow + n$
    places a walker, so only some walkers measure.

    Source: Astrakharchik, Boronat, Casulleras and Giorgini, Momentum distribution and condensate fraction of a fermion
    gas in the BCS-BEC crossover, arXiv:cond-mat/0507483.

    Args:
        space: a periodic cube, with `side`, `nearest` and `n_up`, and both spins in it.
        forwards: places that psi is asked for, per walker of a batch.
        bins: bins of |s| from 0 to L/2.
    """

    def __init__(self, space: Any, forwards: float = FORWARDS, bins: int = 12) -> None:
        self.space, self.bins = space, bins
        self.forwards = check_positive("forwards", forwards)
        self.begin()

    def begin(self) -> None:
        """Forget what was measured."""
        self.sums, self.counts = ChainHistogram(), ChainHistogram()
        self.generator: torch.Generator | None = None

    def moves(self, s: Tensor) -> Tensor:
        """Return what moves of every particle and of every pair by `s` `(batch, dim)` are, `(batch, moves, n, dim)`."""
        n, up = self.space.particles, self.space.n_up
        one = torch.eye(n, dtype=s.dtype, device=s.device)
        both = (one[:up, None] + one[None, up:]).flatten(0, 1)
        return torch.cat([one, both]).unsqueeze(-1) * s[:, None, None]

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Return `condensate_fraction` of pairs of walkers."""
        n, dim = at.x.shape[1:]
        up, down = self.space.n_up, n - self.space.n_up
        x = at.x[: measuring(len(at.x), up * down + n, self.forwards)]
        half = len(x) // 2
        self.generator = self.generator or torch.Generator(x.device).manual_seed(SEED)
        s = displacements((half, dim), self.space.side, self.generator, x)
        ratios = psi_ratios(at.log_psi, x, x[:, None] + self.moves(torch.cat([s, s])))
        pairs, ups, downs = ratios[:, n:].sum(1), ratios[:, :up].sum(1), ratios[:, up:n].sum(1)
        alone = ups[:half] * downs[half:] + ups[half:] * downs[:half]
        h = (pairs[:half] + pairs[half:] - alone) / (2 * min(up, down))
        size = self.space.nearest(s).square().sum(-1).sqrt()
        edges = self.edges.to(x)
        self.sums.add(binned(size[:, None], h[:, None], edges))
        self.counts.add(binned(size[:, None], torch.ones_like(h)[:, None], edges))
        far = size > FAR * self.space.side
        share = 1 - float(volumes(torch.tensor([0.0, FAR]), dim))
        return {"condensate_fraction": far * h / share}

    @property
    def edges(self) -> Tensor:
        """Edges of the bins of |s|."""
        return torch.linspace(0, self.space.side / 2, self.bins + 1, dtype=torch.float64)

    def histograms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `pair_condensate` with its error, NaN where no displacement was, and `displacement_edges`."""
        sums, counts = self.sums.mean(), self.counts.mean()
        if len(sums) < 2:  # no error without two pairs of walkers
            return {}
        share = counts.mean(0)
        h = sums.mean(0) / share
        error = ((sums - counts * h) / share).std(0) / len(sums) ** 0.5
        return {"displacement_edges": self.edges, "pair_condensate": h, "pair_condensate_error": error}

    def figures(self, arrays: Mapping[str, np.ndarray], x: Tensor, title: str) -> dict[str, Figure]:
        """Return h(s)."""
        from physgen.figures.periodic import pair_condensate  # matplotlib is slow

        return {"pair_condensate": pair_condensate(arrays, title)} if "pair_condensate" in arrays else {}
