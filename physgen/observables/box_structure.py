"""Where particles of a periodic cube are: pair distributions by spin, and the static structure factor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from physgen.nn.determinants.plane_waves import box_momenta, closed_box_shells
from physgen.observables.base import Observable
from physgen.observables.structure import histogram, volumes, with_error

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: coordinates of pairs, or phases, that are found at once
NUMBERS = 2**25
#: phases that a whole evaluation is worth
MOST_NUMBERS = 2**26


class BoxStructure(Observable):
    r"""Pair distributions and the structure factor in a periodic cube, histograms with errors from independent chains.

    * `g_of_r`, and by spin `g_parallel` and `g_antiparallel`: pairs at the distance r, over those of independent
      particles at the same density, $N_\sigma N_{\sigma'}$ ordered pairs: the free gas has $1 - \ell^2$ for parallel
      spins and 1 for opposite ones. Distances are those of nearest images, up to L/2, where a sphere fits into the
      cube.
    * `structure_factor` $S(k) = \langle |\sum_j e^{i k r_j}|^2 \rangle/N$ at the cube's wave vectors of each length, in
      `structure_momenta`.

    Args:
        space: a periodic cube, with `side`, `nearest` and `n_up`.
        bins: bins of the distances.
    """

    def __init__(self, space: Any, bins: int = 60) -> None:
        self.space, self.bins = space, bins

    def measure(self, at: object) -> dict[str, Tensor]:
        """Return nothing: all is made of histograms."""
        return {}

    def histograms(self, x: Tensor) -> dict[str, Tensor]:
        """Return the above with errors, and `distance_edges`, of configurations `(steps, chains, n, dim)`."""
        x = x.double()
        return {**self.pair_distributions(x), **self.structure_factor(x)}

    def pair_distributions(self, x: Tensor) -> dict[str, Tensor]:
        """Return `g_of_r`, by spin too, with errors, and `distance_edges`."""
        n, n_up = self.space.particles, self.space.n_up
        edges = torch.linspace(0, self.space.side / 2, self.bins + 1, dtype=x.dtype)
        first, second = torch.triu_indices(n, n, 1)
        up = torch.arange(n) < (n if n_up is None else n_up)
        parallel = up[first] == up[second]
        kinds = {"g_of_r": torch.ones_like(parallel)}
        if n_up is not None:
            kinds |= {"g_parallel": parallel, "g_antiparallel": ~parallel}
        counts: dict[str, Tensor] = {}
        parts = x.split(max(1, NUMBERS // (x.shape[1] * n * n * x.shape[-1])))
        for part in parts:
            distance = self.space.nearest(part[:, :, first] - part[:, :, second]).square().sum(-1).sqrt()
            for name, chosen in kinds.items():
                if chosen.any():
                    count = histogram(distance[..., chosen], edges) * (len(part) / len(x))
                    counts[name] = counts[name] + count if name in counts else count
        spins = [int(group.sum()) for group in (up, ~up)]
        pairs = {"g_of_r": n**2 / 2, "g_parallel": sum(s**2 for s in spins) / 2, "g_antiparallel": spins[0] * spins[1]}
        shells = volumes(edges, x.shape[-1]) / self.space.volume
        found = {"distance_edges": edges}
        for name, count in counts.items():
            found.update(with_error(name, count / (pairs[name] * shells)))
        return found

    def structure_factor(self, x: Tensor) -> dict[str, Tensor]:
        """Return `structure_factor` with its error, and `structure_momenta`, of as many steps as are worth while."""
        n, dim = x.shape[-2:]
        waves, shells = shells_of(dim)
        x = x[:: math.ceil(x.shape[0] * x.shape[1] * n * len(waves) / MOST_NUMBERS)]
        total = torch.zeros(x.shape[1], len(waves), dtype=x.dtype)
        for part in x.split(max(1, NUMBERS // (x.shape[1] * n * len(waves)))):
            phase = 2 * math.pi / self.space.side * (part @ waves.T)
            squares = phase.cos().sum(2).square() + phase.sin().sum(2).square()
            total += squares.sum(0) / (n * len(x))
        momenta = 2 * math.pi / self.space.side * shells.unique().sqrt()
        return {"structure_momenta": momenta, **with_error("structure_factor", by_shell(total, shells))}

    def figures(self, arrays: Mapping[str, np.ndarray], x: Tensor, title: str) -> dict[str, Figure]:
        """Return the pair distributions and the structure factor."""
        from physgen.figures.periodic import structure_factor  # matplotlib is slow
        from physgen.figures.structure import pair_distribution

        found = {"structure_factor": structure_factor(arrays, title)}
        pairs = pair_distribution(arrays, title) if "g_of_r" in arrays and x.shape[2] > 1 else None
        return found if pairs is None else {"g_of_r": pairs, **found}


def shells_of(dim: int) -> tuple[Tensor, Tensor]:
    """Return integer vectors `(count, dim)`, one of each pair k and -k without 0, and their squares `(count,)`."""
    waves = box_momenta(closed_box_shells(dim)[-1], dim)
    return waves, waves.square().sum(-1)


def by_shell(values: Tensor, shells: Tensor) -> Tensor:
    """Return means `(*, shells)` of `values` `(*, count)` over vectors of one length, in the order of the lengths."""
    kinds = shells.unique()
    member = (shells == kinds[:, None]).to(values)
    means: Tensor = values @ (member / member.sum(1, keepdim=True)).T
    return means
