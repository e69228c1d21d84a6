"""Finite groups of rotations and reflections, and exact averages of a density over them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from physgen.core.errors import check_choice, check_even, check_integer

#: name -> quarter turns, mirror, inversion: which of them generate the group
GROUPS = {
    "reflection": (False, True, False),
    "Z2": (False, False, True),
    "C4": (True, False, False),
    "C4v": (True, True, False),
}


def point_group(name: str, dim: int) -> Tensor:
    """Return the matrices `(|G|, dim, dim)` of a finite group, the identity first, float64.

    `reflection`: the last coordinate changes sign, or not; `Z2`: all of them do; `C4`: quarter turns of pairs of
    coordinates; `C4v`: these and the reflection, in the plane of every pair.

    Raises:
        InputError: unknown name, or quarter turns in an odd dimension.
    """
    turns, mirrors, inverts = GROUPS[check_choice("group", name, GROUPS)]
    check_integer("dim", dim, 1)
    eye = torch.eye(dim, dtype=torch.float64)
    elements = [eye]
    if turns:
        check_even("dim", dim)
        quarter = torch.block_diag(*[torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)] * (dim // 2))
        elements = [torch.linalg.matrix_power(quarter, k) for k in range(4)]
    if mirrors:
        mirror = eye.clone()
        # with quarter turns, in the plane of every pair: else the products would leave the group
        mirrored = slice(1, None, 2) if turns else slice(-1, None)
        mirror.diagonal()[mirrored] = -1
        elements += [g @ mirror for g in elements]
    if inverts:
        elements += [-g for g in elements]
    return torch.stack(elements)


def images(x: Tensor, group: Tensor) -> Tensor:
    """Return g x `(|G|, batch, n, dim)` of configurations `(batch, n, dim)` for every element."""
    return x @ group.to(x).mT.unsqueeze(1)


def image_log_probs(log_prob: Callable[[Tensor], Tensor], x: Tensor, group: Tensor) -> Tensor:
    """Return ln p(g x) `(|G|, batch)` of a density `log_prob` at x `(batch, n, dim)` for every element."""
    return log_prob(images(x, group).flatten(0, 1)).view(len(group), len(x))


def average_log_prob(log_prob: Callable[[Tensor], Tensor], x: Tensor, group: Tensor) -> Tensor:
    r"""Return ln p_sym `(batch,)`, p_sym(x) = 1/|G| sum_g p(g x), of a density `log_prob` at x `(batch, n, dim)`."""
    return image_log_probs(log_prob, x, group).logsumexp(0) - math.log(len(group))


def random_images(x: Tensor, group: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return x `(batch, n, dim)` with a random element applied to every row."""
    index = torch.randint(len(group), (len(x),), generator=generator, device=x.device)
    return x @ group.to(x)[index].mT
