"""How far apart two particles are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from physgen.observables.base import Observable
from physgen.observables.structure import histogram, with_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class PairDensity(Observable):
    r"""`pair_density`, the probability per length that a pair is at the distance r: $u^2(r)$ of two particles.

    Args:
        space: gives `square_distances` of the pairs.
        exact: what two particles have exactly, with `distance` and `waves`, if known.
        bins: bins of the histogram.
    """

    def __init__(self, space: Any, exact: Any = None, bins: int = 80) -> None:
        self.space, self.exact, self.bins = space, exact, bins

    def measure(self, at: object) -> dict[str, Tensor]:
        """Return nothing: all is made of histograms."""
        return {}

    def histograms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `pair_density` with its error, and `pair_edges`."""
        distances = self.space.square_distances(x.double()).sqrt()
        edges = torch.linspace(0, float(distances.max()) * 1.0001, self.bins + 1, dtype=torch.float64)
        density = histogram(distances, edges) / (distances.shape[-1] * torch.diff(edges))
        return {"pair_edges": edges, **with_error("pair_density", density)}

    def figures(self, arrays: Mapping[str, np.ndarray], x: Tensor, title: str) -> dict[str, Figure]:
        """Return the density of pairs, beside the exact one where it is known."""
        from physgen.figures.nuclear import pair_density  # matplotlib is slow

        return {"pair_density": pair_density(arrays, self.exact, title)}
