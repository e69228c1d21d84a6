"""Where electrons are: radial densities and pair distributions by spin, with errors."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.reference.structure import histogram, volumes, with_error

#: pairs that are measured; of more, only every k-th step is taken, to bound memory and time
MOST_PAIRS = 5_000_000


def spin_structure(x: Tensor, n_up: int, bins: int = 60) -> dict[str, Tensor]:
    r"""Return histograms of configurations by spin with one standard error from independent chains.

    * `radial_density`, `radial_density_up`, `radial_density_down`: electrons per area (volume) at the distance r from
      the centre of the trap.
    * `g_like`, `g_unlike`: density of pairs of like (unlike) spins at the distance r over that of electrons that do not
      know of each other, with the same densities and as many pairs, so 1 means no correlation. Such electrons are taken
      from two chains. What no pair of electrons can be is left out.
    * `rms_radius`: $\sqrt{\langle r^2 \rangle}$ of one electron.

    Args:
        x: configurations `(steps, chains, n, dim)`, chains independent; the first `n_up` electrons have spin up.
        n_up: electrons with spin up.
        bins: bins of each histogram.

    Returns:
        The above, each with `_error`, and `radius_edges`, `distance_edges` `(bins + 1,)`.
    """
    x = x.double()
    n, dim = x.shape[-2:]
    radius = x.square().sum(-1).sqrt()
    edges = torch.linspace(0, float(radius.max()) * 1.0001, bins + 1, dtype=x.dtype)
    shells = volumes(edges, dim)
    groups = {"": slice(0, n), "_up": slice(0, n_up), "_down": slice(n_up, n)}
    found = {"radius_edges": edges}
    for name, group in groups.items():
        if radius[:, :, group].shape[2]:
            found.update(with_error(f"radial_density{name}", histogram(radius[:, :, group], edges) / shells))
    square = radius.square().mean((0, 2))
    mean = square.mean()
    found["rms_radius"] = mean.sqrt()
    found["rms_radius_error"] = square.std() / len(square) ** 0.5 / (2 * mean.sqrt())
    first, second = torch.triu_indices(n, n, 1)
    like = (first < n_up) == (second < n_up)
    every = -(-x[..., 0, 0].numel() * len(first) // MOST_PAIRS)
    x = x[:: max(every, 1)]
    distance = (x[:, :, first] - x[:, :, second]).square().sum(-1).sqrt()
    if n > 1:
        found["distance_edges"] = reach = torch.linspace(0, float(distance.max()) * 1.0001, bins + 1, dtype=x.dtype)
        other = x.roll(1, dims=1)
        for name, kind in (("g_like", like), ("g_unlike", ~like)):
            if not bool(kind.any()):
                continue
            pairs = histogram(distance[:, :, kind], reach)
            i, j = first[kind], second[kind]
            apart = torch.cat([x[:, :, i] - other[:, :, j], other[:, :, i] - x[:, :, j]], 2)
            free = histogram(apart.square().sum(-1).sqrt(), reach) / 2
            found.update(ratio(name, pairs, free))
    return found


def ratio(name: str, above: Tensor, below: Tensor) -> dict[str, Tensor]:
    """Return mean over mean of two quantities `(chains, bins)` with its error, 0 where the lower one is 0."""
    scale = below.mean(0)
    known = scale > 0
    scale = scale.clamp_min(1e-300)
    value = above.mean(0) / scale
    error = ((above - value * below) / scale).std(0) / len(above) ** 0.5
    return {name: torch.where(known, value, 0), f"{name}_error": torch.where(known, error, 0)}
