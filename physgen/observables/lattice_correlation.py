"""How the sites of a lattice are correlated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from physgen.observables.base import Observable, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class LatticeCorrelation(Observable):
    r"""`magnetisation` $|\sum_i s_i|/N$, its square, and the correlation $\langle s_i s_{i+r} \rangle$ along the axes.

    Args:
        shape: sites along every direction.
        periodic: whether opposite edges are neighbours.
    """

    def __init__(self, shape: tuple[int, ...], periodic: bool) -> None:
        self.shape, self.periodic = shape, periodic

    def measure(self, at: View) -> dict[str, Tensor]:
        """Return `magnetisation` and `square_magnetisation`, `(batch,)` each."""
        mean = at.x.flatten(1).mean(1)
        return {"magnetisation": mean.abs(), "square_magnetisation": mean.square()}

    def histograms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `correlation` at the distances 0, 1, ... along the axes, with its error over chains."""
        x = x.double()
        axes = range(2, x.ndim)
        farthest = min(self.shape) // 2 if self.periodic else min(self.shape) - 1
        means = [torch.stack([self.along(x, axis, r) for axis in axes]).mean(0) for r in range(farthest + 1)]
        chains = torch.stack(means)
        error = chains.std(1) / chains.shape[1] ** 0.5
        distance = torch.arange(farthest + 1, dtype=x.dtype)
        return {"correlation_distance": distance, "correlation": chains.mean(1), "correlation_error": error}

    def along(self, x: Tensor, axis: int, r: int) -> Tensor:
        """Return the mean product `(chains,)` of sites at the distance r along an axis."""
        if self.periodic:
            product = x * x.roll(r, axis)
        else:
            held = x.shape[axis] - r
            product = x.narrow(axis, 0, held) * x.narrow(axis, r, held)
        return product.flatten(2).mean((0, 2))

    def figures(self, arrays: Mapping[str, np.ndarray], x: Tensor, title: str) -> dict[str, Figure]:
        """Return the correlation against the distance."""
        from physgen.figures.structure import canvas  # matplotlib takes half a second to import

        figure, axes = canvas()
        axes.errorbar(arrays["correlation_distance"], arrays["correlation"], arrays["correlation_error"], fmt="o-")
        axes.axhline(0, color="k", ls="--", lw=1)
        axes.set(xlabel="distance along an axis", ylabel=r"$\langle s_i s_{i+r} \rangle$", title=title)
        return {"correlation": figure}
