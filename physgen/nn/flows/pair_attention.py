"""Transformer block on the geometry of particles, equivariant under S_n and O(d), with its exact Jacobian."""

from __future__ import annotations

import math
from typing import Literal, overload

import torch
from torch import Tensor, nn

from physgen.core.errors import check, check_integer


class PairAttention(nn.Module):
    r"""Displacement of particles by attention on distances and a multilayer perceptron with tied weights.

    Head m attends from particle i to the others and to a sink, with logits -2^m r_ij^2 / l^2 and 0:

    alpha_ij = kappa_ij / (1 + c_i),   kappa_ij = exp(-2^m r_ij^2 / l^2),   c_i = sum_{j != i} kappa_ij

    The perceptron, the same for every particle, sees ln(1 + c_i) of every head and exp(-2^k r_i^2 / R^2), and gives a
    value q_i for every head and a stretch u_i. The particles move by

    D_i = u_i y_i + sum_heads sum_j (alpha_ij q_i + alpha_ji q_j) (y_i - y_j),

    less the mean over particles: D(g y) = g D(y) for permutations, rotations and reflections, and the centre of mass
    stays. The Jacobian needs no automatic differentiation: with A = d c/dy / (2 . 2^m / l^2) it is
    (pair terms) - A^T (d (q/(1+c))/d features) (d features/dy), a few products of small matrices.

    Sources: Vaswani et al., "Attention Is All You Need", arXiv:1706.03762; Kim, Papamakarios and Mnih, "The Lipschitz
    constant of self-attention", arXiv:2006.04710 (logits from distances).

    Args:
        heads: heads of the attention, their ranges falling by sqrt(2) from one to the next; 0 switches it off.
        radii: functions of the particle's own distance to the centre.
        hidden: units of the perceptron.
        range: first l of the widest head, which is learned, in the unit of y.

    Raises:
        InputError: an argument out of its range.
    """

    def __init__(self, heads: int = 6, radii: int = 4, hidden: int = 32, range: float = 2.0) -> None:
        super().__init__()
        self.heads, self.radii = check_integer("heads", heads, 0), check_integer("radii", radii, 1)
        check_integer("hidden", hidden, 1)
        check(range > 0, "range", range, "a number > 0")
        features = heads + radii
        self.first = nn.Linear(features, hidden)
        self.last = nn.Linear(hidden, heads + 1)
        nn.init.normal_(self.first.weight, std=features**-0.5)
        nn.init.normal_(self.first.bias, std=0.3)
        nn.init.normal_(self.last.weight, std=1e-3)  # starts near the identity
        nn.init.normal_(self.last.bias, std=1e-3)
        self.log_range = nn.Parameter(torch.tensor(2 * math.log(range))) if heads else None
        self.log_radius = nn.Parameter(torch.tensor(2 * math.log(2.0)))

    def forward(self, y: Tensor) -> Tensor:
        """Return the displacements `(batch, n, d)` of y `(batch, n, d)`, whose mean over particles should vanish."""
        return self.evaluate(y, jacobian=False)[0]

    def jacobian(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return displacements `(batch, n, d)` and their Jacobian `(batch, d n, d n)`, coordinate (a, i) at a n + i."""
        return self.evaluate(y, jacobian=True)

    @overload
    def evaluate(self, y: Tensor, jacobian: Literal[True]) -> tuple[Tensor, Tensor]: ...
    @overload
    def evaluate(self, y: Tensor, jacobian: Literal[False]) -> tuple[Tensor, None]: ...
    def evaluate(self, y: Tensor, jacobian: bool) -> tuple[Tensor, Tensor | None]:
        """Return displacements, and the Jacobian if it is asked for."""
        batch, n, d = y.shape
        # inner axes are particles, not the few coordinates: reductions run along memory
        along = y.mT
        local, local_rate = ladder(y.square().sum(-1, keepdim=True), self.log_radius, self.radii)
        local = local.squeeze(-1)  # (batch, n, radii)
        features = local
        if self.log_range is not None:
            apart = y.unsqueeze(-1) - along.unsqueeze(1)  # (batch, n, d, n)
            kernel, rate = ladder(apart.square().sum(2), self.log_range, self.heads)  # (batch, n, heads, n)
            sink = 1 / kernel.sum(-1)  # the particle's own kernel, 1, is the sink
            features = torch.cat([-sink.log(), local], -1)
        inner = torch.tanh(self.first(features))
        outer = self.last(inner)
        stretch = outer[..., -1:]
        displacement = stretch * y
        if self.heads:
            value = outer[..., :-1] * sink  # q / (1 + c)
            pull = (value.unsqueeze(2) @ kernel).squeeze(2)
            pull = pull + pull.mT  # (batch, n, n)
            displacement = displacement + pull.sum(-1, keepdim=True) * y - pull @ y
        displacement = displacement - displacement.mean(1, keepdim=True)
        if not jacobian:
            return displacement, None
        # slopes of (q, u) with the features, (batch, n, features, heads + 1)
        chain = self.first.weight.unsqueeze(-1) * self.last.weight.mT.unsqueeze(1)  # (hidden, features, heads + 1)
        slope = ((1 - inner.square()) @ chain.flatten(1)).view(batch, n, *chain.shape[1:])
        # d local / d y_i (batch, n, radii, d), then d (q, u) / d y_i through it (batch, n, heads + 1, d)
        by_local = slope[:, :, self.heads :].mT @ ((-2 * local_rate * local).unsqueeze(-1) * y.unsqueeze(2))
        eye = torch.eye(d, dtype=y.dtype, device=y.device).view(d, 1, d)
        # blocks of a particle with itself (batch, a, n, b)
        own = stretch.mT.unsqueeze(-1) * eye + along.unsqueeze(-1) * by_local[:, :, -1].unsqueeze(1)
        if not self.heads:
            return displacement, without_mean(own.new_zeros(batch, d, n, d, n), own)
        # from slopes of q with ln(1 + c) to slopes of q / (1 + c) with c
        by_kernel = slope[:, :, : self.heads] * (2 * sink * rate).unsqueeze(-1)
        by_kernel, stretch_by_kernel = by_kernel[..., :-1], by_kernel[..., -1:]
        by_kernel = by_kernel * sink.unsqueeze(-2) - torch.diag_embed(2 * rate * value * sink)
        by_local = by_local[:, :, :-1] * sink.unsqueeze(-1)
        # A of the docstring, (batch, n, heads, d, n): kappa (y_i - y_k), and minus their sum at k = i
        reach = kernel.unsqueeze(3) * apart.unsqueeze(2)
        total = kernel @ y.unsqueeze(1) - y.unsqueeze(2) / sink.unsqueeze(-1)
        reach.diagonal(dim1=1, dim2=4).add_(total.permute(0, 2, 3, 1))
        flat = reach.flatten(3)
        change = (by_kernel.mT @ flat).view_as(reach)
        change.diagonal(dim1=1, dim2=4).add_(by_local.permute(0, 2, 3, 1))
        full = along.unsqueeze(-1) * (stretch_by_kernel.mT @ flat).mT.squeeze(-1).unsqueeze(1)  # (batch, d, n, d n)
        bend = ((-2 * value * rate).unsqueeze(2) @ kernel).squeeze(2)
        bend = bend + bend.mT
        across = apart.transpose(1, 2)  # (batch, d, n, n)
        pair = (bend.unsqueeze(1) * across).unsqueeze(3) * across.permute(0, 2, 1, 3).unsqueeze(1)
        pair = pair + pull.view(batch, 1, n, 1, n) * eye.unsqueeze(-1)
        own = own + pair.sum(-1)
        columns, rows = flat.reshape(batch, n * self.heads, n * d), change.view(batch, n * self.heads, n * d)
        full = torch.baddbmm(full.flatten(1, 2), columns.mT, rows, alpha=-1)
        return displacement, without_mean(full.view(batch, d, n, d, n) - pair, own)


def ladder(square: Tensor, log_range: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Return exp(-2^k s / l^2), k < steps, stacked before the last axis, and the rates 2^k / l^2 `(steps,)`.

    Every step is the square of the one before: a single exponential.
    """
    rate = torch.exp(-log_range)
    values = [torch.exp(-rate * square)]
    for _ in range(steps - 1):
        values.append(values[-1].square())
    powers = 2.0 ** torch.arange(steps, dtype=square.dtype, device=square.device)
    return torch.stack(values, -2), rate * powers


def without_mean(full: Tensor, own: Tensor) -> Tensor:
    """Add blocks `own` `(batch, d, n, d)` to `full` `(batch, d, n, d, n)` and take out the motion of the centre."""
    batch, d, n = full.shape[:3]
    full.diagonal(dim1=2, dim2=4).add_(own.transpose(2, 3))
    full = full - full.mean(2, keepdim=True)
    return (full - full.mean(4, keepdim=True)).reshape(batch, d * n, d * n)
