"""Where two particles of a density meet: whether the variance of its energies is infinite there."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from physgen.spaces import FieldLattice, Relative
from physgen.stats import tail_index

#: draws that are looked at, and two distances of a pair in units of the system's `spread`
DRAWS, DISTANCES = 32, (1e-4, 1e-6)
#: least of dim + k - 2a that counts as finite, and tail index from which on no sample feels it
MARGIN, FELT = 0.1, 3.0


@torch.no_grad()
def divergent_terms(model: Any, x: Tensor, energy: Tensor) -> list[str]:
    r"""Return the terms of the energy that have an infinite variance where two particles meet, if samples feel it.

    With p ~ r^k and a term ~ r^-a at the distance r of a pair in d dimensions, the mean of its square is
    $\int r^{d - 1 + k - 2a} dr$ and finite for d + k > 2a: a repulsion 1/r in the plane needs a density that vanishes.
    Densities that are finite there but too small to be met, by the tail of the drawn energies, do not count.

    Args:
        model: a density with `log_prob` and `system`.
        x: draws `(batch, n, dim)`.
        energy: energies of all draws `(samples,)`.
    """
    system = model.system
    space = system.space
    if system.n < 2 or not system.continuous or isinstance(space, FieldLattice) or tail_index(energy) > FELT:
        return []
    relative = isinstance(space, Relative)
    x = space.positions(x[:DRAWS]) if relative else x[:DRAWS]
    off = torch.cdist(x, x) + torch.full((system.n,), math.inf, dtype=x.dtype, device=x.device).diag().nan_to_num(0.0)
    closest = off.flatten(1).argmin(1)
    rows, first, second = torch.arange(len(x), device=x.device), closest // system.n, closest % system.n
    middle = (x[rows, first] + x[rows, second]) / 2
    apart = x[rows, first] - x[rows, second]
    apart = apart / apart.norm(dim=-1, keepdim=True)
    found = []
    for distance in DISTANCES:
        met = x.clone()
        met[rows, first] = middle + 0.5 * distance * system.spread * apart
        met[rows, second] = middle - 0.5 * distance * system.spread * apart
        if relative:
            met = space.vectors.to(met) @ met
        found.append((model.log_prob(met), system.terms(met)))
        if not bool(found[0][0].isfinite().any()):  # nor is it nearer by
            return []
    (far, terms), (near, near_terms) = found
    rise = math.log(DISTANCES[0] / DISTANCES[1])
    k = float(((far - near) / rise).nan_to_num(math.inf, math.inf).median())
    exponents = {name: float((near_terms[name] / terms[name]).abs().log().median()) / rise for name in terms}
    return [name for name, a in exponents.items() if system.dim + k - 2 * a < MARGIN]
