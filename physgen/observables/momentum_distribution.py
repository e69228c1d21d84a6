"""How plane waves are occupied."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from physgen.core.errors import check_positive
from physgen.observables.base import Observable
from physgen.observables.box_structure import by_shell, shells_of
from physgen.observables.chain_histogram import ChainHistogram
from physgen.observables.displaced import FORWARDS, SEED, displacements, measuring
from physgen.observables.psi_ratios import psi_ratios

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class MomentumDistribution(Observable):
    r"""`momentum_distribution`, the mean occupation n(k) of plane waves of one spin, at the cube's wave vectors.

    $$n_\sigma(k) = \Big\langle \sum_{i \in \sigma} \frac{\psi(\ldots, r_i + s, \ldots)}{\psi} \cos(k s)
    \Big\rangle_{R \sim |\psi|^2,\ s}$$

    with s even in the cube; the mean over both spins and over wave vectors of one length, in `momenta`, of which there
    are `momentum_states`. $\sum_k n_\sigma(k) = N_\sigma$, and $\sum_k \tfrac{\hbar^2 k^2}{2 m} n(k)$ is the kinetic
    energy, both with a slow tail beyond the vectors that are listed. It asks for psi at n displaced places a walker, so
    only some walkers measure.

    Args:
        space: a periodic cube, with `side`.
        fermi_momentum: k_F, the unit of the figure.
        forwards: places that psi is asked for, per walker of a batch.
    """

    def __init__(self, space: Any, fermi_momentum: float = 1.0, forwards: float = FORWARDS) -> None:
        self.space, self.fermi_momentum = space, fermi_momentum
        self.forwards = check_positive("forwards", forwards)
        self.begin()

    def begin(self) -> None:
        """Forget what was measured."""
        self.occupations = ChainHistogram()
        self.generator: torch.Generator | None = None

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Displace every particle of some walkers; there are no values of single configurations."""
        n, dim = at.x.shape[1:]
        x = at.x[: measuring(len(at.x), n, self.forwards)]
        self.generator = self.generator or torch.Generator(x.device).manual_seed(SEED)
        s = displacements((len(x), n, dim), self.space.side, self.generator, x)
        ratios = psi_ratios(at.log_psi, x, x[:, None] + torch.diag_embed(s.mT).movedim(1, -1))
        waves, shells = shells_of(dim)
        phase = 2 * math.pi / self.space.side * (s @ waves.to(x).T)
        spins = sum(1 for part in (ratios[:, : self.space.n_up], ratios[:, self.space.n_up :]) if part.shape[1])
        moving = by_shell((ratios.unsqueeze(-1) * phase.cos()).sum(1), shells.to(x.device))
        self.occupations.add(torch.cat([ratios.sum(1, keepdim=True), moving], 1) / spins)
        return {}

    def histograms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `momentum_distribution` with its error, `momenta` and `momentum_states`."""
        _, shells = shells_of(x.shape[-1])
        kinds, counts = shells.unique(return_counts=True)
        momenta = 2 * math.pi / self.space.side * torch.cat([kinds.new_zeros(1), kinds.sqrt()])
        states = torch.cat([counts.new_ones(1), 2 * counts])
        found = self.occupations.with_error("momentum_distribution")
        return {"momenta": momenta, "momentum_states": states, **found} if found else {}

    def figures(self, arrays: Mapping[str, np.ndarray], x: Tensor, title: str) -> dict[str, Figure]:
        """Return n(k) against k in units of k_F."""
        from physgen.figures.periodic import momentum_distribution  # matplotlib is slow

        if "momentum_distribution" not in arrays:
            return {}
        return {"momentum_distribution": momentum_distribution(arrays, self.fermi_momentum, title)}
