"""Flow matching: a velocity field learns to carry noise to samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from physgen.core.quantity import Quantity
from physgen.objectives.forward_kl import ForwardKL


def flow_matching(field: Callable[[Tensor, Tensor], Tensor], noise: Tensor, x: Tensor, time: Tensor) -> Tensor:
    r"""Return $|v(x_t, t) - (x - z)|^2$ `(batch,)` at $x_t = (1 - t) z + t x$, whose mean the velocity field lowers.

    At its minimum dx/dt = v(x, t) carries the law of z at t = 0 to that of x at t = 1.

    Source: Y. Lipman, R. T. Q. Chen, H. Ben-Hamu, M. Nickel and M. Le, "Flow Matching for Generative Modeling",
    arXiv:2210.02747.

    Args:
        field: v(x, t) `(batch, n, dim)` of positions and times `(batch,)`.
        noise: z `(batch, n, dim)`.
        x: samples `(batch, n, dim)`, see `aligned`.
        time: t `(batch,)`.
    """
    t = time[:, None, None]
    return (field((1 - t) * noise + t * x, time) - (x - noise)).square().sum((1, 2))


@torch.no_grad()
def aligned(x: Tensor, to: Tensor) -> Tensor:
    r"""Return samples `(batch, n, dim)` with particles permuted, then turned or mirrored, to lie next to `to`.

    Paths from noise to samples that are near hardly cross, so that they are all but straight: for a law and a field
    with these symmetries nothing else changes.

    Orders are found by exchanges of two particles, the best one first, until none brings them nearer.

    Source: L. Klein, A. Kraemer and F. Noe, "Equivariant flow matching", arXiv:2306.15030.
    """
    for _ in range(2):
        order = nearest_order(-(to @ x.mT))
        x = x.gather(1, order[..., None].expand_as(x))
        u, _, vh = torch.linalg.svd(x.mT @ to)
        x = x @ u @ vh
    return x


def nearest_order(cost: Tensor) -> Tensor:
    """Return permutations p `(batch, n)` whose cost, the sum of C[i, p_i] of `(batch, n, n)`, no exchange lowers."""
    batch, n, _ = cost.shape
    rows = torch.arange(batch, device=cost.device)
    order = torch.arange(n, device=cost.device).expand(batch, n).clone()
    for _ in range(4 * n):
        now = cost.gather(2, order[:, None].expand(batch, n, n))  # C[i, p_j]
        own = now.diagonal(dim1=1, dim2=2)
        gain = own[:, :, None] + own[:, None] - now - now.mT
        best, place = gain.flatten(1).max(1)
        if not bool((best > 1e-9).any()):
            break
        i, j = place // n, place % n
        order[rows, i], order[rows, j] = order[rows, j], order[rows, i]
    return order


def spread_times(num: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return times in [0, 1) `(num,)`, one at random in each of `num` equal parts."""
    uniform = torch.rand(num, generator=generator, dtype=like.dtype, device=like.device)
    return (torch.arange(num, dtype=like.dtype, device=like.device) + uniform) / num


class FlowMatching(ForwardKL):
    """Flow matching on samples: `model` gives `units(x)`, `noise(num, generator)` and `velocity`."""

    quantity = Quantity("flow_matching", "|v - u|^2", bound=None, gap="absolute")

    def loss(self, model: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the squared errors `(batch,)` of the velocity."""
        values = self.errors(model, x, model.generator)
        return values.mean(), values.detach()

    def errors(self, model: Any, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the squared errors `(batch,)` of the velocity between noise and samples."""
        x = model.units(x)
        noise = model.noise(len(x), generator)
        time = spread_times(len(x), x, generator)
        return flow_matching(model.velocity, noise, aligned(x, noise), time)

    def validated(self, model: Any, x: Tensor) -> dict[str, Tensor]:
        """Return the mean squared error, with the same noise every time."""
        return {self.quantity.name: self.errors(model, x, torch.Generator(x.device).manual_seed(0)).mean()}
