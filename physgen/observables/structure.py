"""Where particles are: radial density, pair distribution and occupation of shells, with errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from physgen.observables.base import Observable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A dip of the density counts as a gap between shells if it lies this far below the lower of its two peaks.
GAP = 0.9
# Coordinates of pairs that are held at once.
PAIRS = 2**25
# Peaks and dips are told from noise by so many standard errors, and a peak has this share of the highest at least.
SIGMAS, PEAK = 3.0, 0.02


class Structure(Observable):
    """Radial density, pair distributions and shells of particles in free space, see `structure`.

    Args:
        n_up: particles with spin up, the first rows; None for particles without spin.
    """

    def __init__(self, n_up: int | None = None) -> None:
        self.n_up = n_up

    def measure(self, at: object) -> dict[str, Tensor]:
        """Return nothing: all is made of histograms."""
        return {}

    def histograms(self, x: Tensor) -> dict[str, Tensor]:
        """Return what `structure` does."""
        return structure(x, n_up=self.n_up)

    def figures(self, arrays: Mapping[str, np.ndarray], x: Tensor, title: str) -> dict[str, Figure]:
        """Return the radial density, the pair distributions, and in the plane the map of the density."""
        from physgen.figures.structure import density_map, pair_distribution, radial_density  # matplotlib is slow

        found = {"radial_density": radial_density(arrays, title, x.shape[-1])}
        pairs = pair_distribution(arrays, title)
        if pairs is not None:
            found["g_of_r"] = pairs
        if x.shape[-1] == 2:
            found["density_map"] = density_map(x.flatten(0, 1).numpy(), title)
        return found


def structure(x: Tensor, bins: int = 80, n_up: int | None = None) -> dict[str, Tensor]:
    r"""Return histograms of configurations with one standard error from independent chains.

    * `radial_density`: particles per area (volume) at the distance r from the centre of the trap, sum n; with spins
      also `radial_density_up` and `radial_density_down`.
    * `g_of_r`: density of pairs at the distance r over that of independent particles with the same one-body density,
      times n/(n - 1): it goes to 1 where particles do not know of each other. Independent particles are taken from
      two chains. With spins also `g_parallel` and `g_antiparallel`, of pairs of equal and of opposite spin.
    * `shell_edges`: radii where the radial density has a minimum below 0.9 of the lower of its two neighbouring
      maxima by more than 3 sigma (noise is smoothed over three bins); a shell is what lies between two edges, the
      first begins at 0, the last ends nowhere.
    * `shell_occupation` `(shells, n + 1)`: probability that a shell holds 0, 1, ..., n particles.

    Args:
        x: configurations `(steps, chains, n, dim)`, chains independent.
        bins: bins of each histogram.
        n_up: particles with spin up, the first rows; None for particles without spin.

    Returns:
        The above, each histogram with `_error`, and `radius_edges`, `distance_edges` `(bins + 1,)`.
    """
    x = x.double()
    _, chains, n, dim = x.shape
    radius = x.square().sum(-1).sqrt()
    edges = torch.linspace(0, float(radius.max()) * 1.0001, bins + 1, dtype=x.dtype)
    density = histogram(radius, edges) / volumes(edges, dim)
    found = {"radius_edges": edges, **with_error("radial_density", density)}
    if n_up is not None and 0 < n_up < n:
        for name, rows in {"up": slice(n_up), "down": slice(n_up, None)}.items():
            spin = histogram(radius[:, :, rows], edges) / volumes(edges, dim)
            found.update(with_error(f"radial_density_{name}", spin))
    if n > 1:
        found.update(pair_distribution(x, bins, n_up))
    gaps = shell_edges(density.mean(0), found["radial_density_error"], edges)
    outer = torch.cat([gaps, gaps.new_tensor([math.inf])])
    inside = (radius[..., None] <= outer).sum(2)
    occupation = torch.diff(inside, dim=-1, prepend=torch.zeros_like(inside[..., :1]))
    share = torch.nn.functional.one_hot(occupation, n + 1).double().mean(0)
    return {**found, "shell_edges": gaps, **with_error("shell_occupation", share)}


def pair_distribution(x: Tensor, bins: int, n_up: int | None = None) -> dict[str, Tensor]:
    """Return `g_of_r`, by spin too, with errors and `distance_edges` from as many steps of `x` as memory allows."""
    n, dim = x.shape[-2:]
    x = x[:: math.ceil(x.shape[0] * x.shape[1] * n * n * dim / PAIRS)]
    first, second = torch.triu_indices(n, n, 1)
    distance = (x[:, :, first] - x[:, :, second]).square().sum(-1).sqrt()
    edges = torch.linspace(0, float(distance.max()) * 1.0001, bins + 1, dtype=x.dtype)
    up = torch.arange(n) < (n if n_up is None else n_up)
    spins = [group for group in (up, ~up) if group.any()]
    kinds = {"g_of_r": [torch.ones(n, dtype=torch.bool)]}
    if n_up is not None:
        kinds["g_parallel"] = [group for group in spins if group.sum() > 1]
        kinds["g_antiparallel"] = spins if len(spins) > 1 else []
    found = {"distance_edges": edges}
    for name, groups in kinds.items():
        if not groups:
            continue
        # each pair counts once among the real ones and twice, in both orders, among those of two chains
        real, weight = torch.zeros(n, n, dtype=x.dtype), torch.zeros(n, n, dtype=x.dtype)
        if name == "g_antiparallel":
            real[torch.outer(up, ~up)] = 1.0
            weight = (real + real.T) / 2
        else:
            for group in groups:
                size, both = int(group.sum()), torch.outer(group, group)
                real[both] = 1.0
                weight[both] = (size - 1) / size / 2
        chosen = real[first, second] > 0
        found.update(ratio_to_free(name, histogram(distance[..., chosen], edges), free_pairs(x, edges, weight)))
    return found


def free_pairs(x: Tensor, edges: Tensor, weight: Tensor) -> Tensor:
    """Return the histogram `(chains, bins)` of distances between particles i and j of two chains, times `weight`."""
    n = x.shape[-2]
    index, shifted, total = torch.arange(n), x.roll(1, dims=1), x.new_zeros(())
    for offset in range(n):
        partner = (index + offset) % n
        values = weight[index, partner]
        distance = (x - shifted[..., partner, :]).square().sum(-1).sqrt()
        for value in values.unique():
            if value > 0:
                total = total + value * histogram(distance[..., values == value], edges)
    return total


def ratio_to_free(name: str, pairs: Tensor, free: Tensor) -> dict[str, Tensor]:
    """Return the ratio of two histograms `(chains, bins)` and its error over chains, 0 where there is no data."""
    mean = free.mean(0).clamp_min(1e-300)
    g = torch.where(free.mean(0) > 0, pairs.mean(0) / mean, 0)
    error = ((pairs - g * free) / mean).std(0) / len(pairs) ** 0.5
    return {name: g, f"{name}_error": torch.where(free.mean(0) > 0, error, 0)}


def shell_edges(density: Tensor, error: Tensor, edges: Tensor) -> Tensor:
    """Return radii of the gaps between shells in a radial density `(bins,)` with its error; none in a liquid."""
    smooth, noise = density.clone(), error.clone()
    smooth[1:-1] = (density[:-2] + density[1:-1] + density[2:]) / 3
    noise[1:-1] = (error[:-2].square() + error[1:-1].square() + error[2:].square()).sqrt() / 3
    centres, least = (edges[1:] + edges[:-1]) / 2, PEAK * float(smooth.max())
    low, high = (smooth - SIGMAS * noise).tolist(), (smooth + SIGMAS * noise).tolist()
    gaps, top, dip = [], -math.inf, None  # the highest peak since the last gap, and the deepest place after it
    for i, value in enumerate(smooth.tolist()):
        if dip is None or value < smooth[dip]:
            if low[i] > top and dip is None:
                top = low[i]
            elif top >= least and high[i] < GAP * top:
                dip = i
        elif low[i] >= least and high[dip] < GAP * low[i]:
            gaps.append(float(centres[dip]))
            top, dip = low[i], None
    return torch.tensor(gaps, dtype=density.dtype)


def histogram(values: Tensor, edges: Tensor) -> Tensor:
    """Return the mean number of `values` `(steps, chains, *)` per step in bins of equal width, `(chains, bins)`."""
    steps, chains = values.shape[:2]
    bins = len(edges) - 1
    index = (values * (bins / edges[-1])).long()
    inside = index < bins
    index = index.clamp_max(bins - 1) + bins * torch.arange(chains).view(1, -1, *[1] * (values.ndim - 2))
    counts = torch.bincount(index.flatten(), weights=inside.double().flatten(), minlength=chains * bins)
    return counts.view(chains, bins) / steps


def volumes(edges: Tensor, dim: int) -> Tensor:
    """Return the areas (volumes) of the shells between `edges`."""
    ball = float(math.pi ** (dim / 2) / math.gamma(dim / 2 + 1))
    return ball * torch.diff(edges**dim)


def with_error(name: str, chains: Tensor) -> dict[str, Tensor]:
    """Return mean and standard error over the first axis."""
    return {name: chains.mean(0), f"{name}_error": chains.std(0) / len(chains) ** 0.5}
