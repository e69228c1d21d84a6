"""Transformer block on the geometry of particles, equivariant under S_n and O(d), with its exact Jacobian."""

from __future__ import annotations

import math
from typing import Literal, overload

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from physgen.core.errors import check, check_choice, check_integer
from physgen.nn.flows.radial_features import bumps, ladder, soft_ranks

#: functions of a particle's own distance to the centre
RADIAL = ("ladder", "bumps")
#: first widths of soft ranks, in squares of the unit of y
RANK_WIDTHS = (0.3, 0.8, 0.15)


class PairAttention(nn.Module):
    r"""Displacement of particles by attention on distances and a multilayer perceptron with tied weights.

    Head m attends from particle i to the others and to a sink, with logits -2^m r_ij^2 / l^2 and 0:

    alpha_ij = kappa_ij / (1 + c_i),   kappa_ij = exp(-2^m r_ij^2 / l^2),   c_i = sum_{j != i} kappa_ij

    The perceptron, the same for every particle, sees ln(1 + c_i) of every head, functions of r_i^2 and soft ranks, and
    gives a value q_i for every head and a stretch u_i. The particles move by

    D_i = u_i y_i + sum_heads sum_j (alpha_ij q_i + alpha_ji q_j) (y_i - y_j),

    less the mean over particles: D(g y) = g D(y) for permutations, rotations and reflections, and the centre of mass
    stays. The Jacobian needs no automatic differentiation. Rows E_i hold half of d c_i/dy by the rate 2^m / l^2, y_i at
    i, and the slopes of the ranks; W_i are the slopes of (q_i / (1 + c_i), u_i) with them. It is
    (pair terms) - sum_i E_i^T W_i E_i, two products of small matrices.

    Sources: Vaswani et al., "Attention Is All You Need", arXiv:1706.03762; Kim, Papamakarios and Mnih, "The Lipschitz
    constant of self-attention", arXiv:2006.04710 (logits from distances).

    Args:
        heads: heads of the attention, their ranges falling by sqrt(2) from one to the next; 0 switches it off.
        radii: functions of the particle's own distance to the centre.
        hidden: units of the perceptron.
        range: first l of the widest head, which is learned, in the unit of y.
        radial: `ladder`, the functions exp(-2^k r_i^2 / R^2), or `bumps`, Gaussians on a grid of r_i^2.
        ranks: soft numbers of particles that are nearer to the centre.
        reach: r^2 of the last bump, in the unit of y.

    Raises:
        InputError: an argument out of its range.
    """

    def __init__(
        self,
        heads: int = 6,
        radii: int = 4,
        hidden: int = 32,
        range: float = 2.0,
        radial: str = "ladder",
        ranks: int = 0,
        reach: float = 4.2,
    ) -> None:
        super().__init__()
        self.heads, self.radii = check_integer("heads", heads, 0), check_integer("radii", radii, 1)
        check_integer("hidden", hidden, 1)
        check(range > 0, "range", range, "a number > 0")
        self.radial = check_choice("radial", radial, RADIAL)
        check(radii > 1 or radial == "ladder", "radii", radii, "an integer >= 2 with radial bumps")
        self.ranks = check_integer("ranks", ranks, 0, len(RANK_WIDTHS))
        self.reach = reach
        self.first = nn.Linear(heads + radii + ranks, hidden)
        self.last = nn.Linear(hidden, heads + 1)
        at_once = min(radii, 3) if radial == "bumps" else radii  # functions that are not small at a place
        nn.init.normal_(self.first.weight, std=(heads + at_once + ranks) ** -0.5)
        nn.init.normal_(self.first.bias, std=0.3)
        nn.init.normal_(self.last.weight, std=1e-3)  # starts near the identity
        nn.init.normal_(self.last.bias, std=1e-3)
        self.log_range = nn.Parameter(torch.tensor(2 * math.log(range))) if heads else None
        self.log_radius = nn.Parameter(torch.tensor(2 * math.log(2.0))) if radial == "ladder" else None
        self.log_rank = nn.Parameter(torch.tensor(RANK_WIDTHS[:ranks]).log()) if ranks else None

    def make_identity(self) -> None:
        """Let the block leave all particles where they are; it still learns."""
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, y: Tensor) -> Tensor:
        """Return the displacements `(batch, n, d)` of y `(batch, n, d)`, whose mean over particles should vanish."""
        return self.evaluate(y, jacobian=False)[0]

    def jacobian(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return displacements `(batch, n, d)` and their Jacobian `(batch, d n, d n)`, coordinate (a, i) at a n + i."""
        return self.evaluate(y, jacobian=True)

    def own(self, square: Tensor) -> tuple[Tensor, Tensor]:
        """Return functions of r_i^2 `(batch, n)` and their derivatives by it, `(batch, n, radii)` each."""
        if self.log_radius is None:
            return bumps(square, self.radii, self.reach)
        values, rate = ladder(square.unsqueeze(-1), self.log_radius, self.radii)
        values = values.squeeze(-1)
        return values, -rate * values

    @overload
    def evaluate(self, y: Tensor, jacobian: Literal[True]) -> tuple[Tensor, Tensor]: ...
    @overload
    def evaluate(self, y: Tensor, jacobian: Literal[False]) -> tuple[Tensor, None]: ...
    def evaluate(self, y: Tensor, jacobian: bool) -> tuple[Tensor, Tensor | None]:
        """Return displacements, and the Jacobian if it is asked for."""
        batch, n, d = y.shape
        heads, ranks = self.heads, self.ranks
        # inner axes are particles, not the few coordinates: reductions run along memory
        along = y.mT
        square = y.square().sum(-1)
        local, local_slope = self.own(square)
        features = [local]
        if self.log_range is not None:
            apart = y.unsqueeze(-1) - along.unsqueeze(1)  # (batch, n, d, n)
            kernel, rate = ladder(apart.square().sum(2), self.log_range, heads)  # (batch, n, heads, n)
            sink = 1 / kernel.sum(-1)  # the particle's own kernel, 1, is the sink
            features.insert(0, -sink.log())
        if self.log_rank is not None:
            rank, rank_slope = soft_ranks(square, self.log_rank.exp())
            features.append(rank)
        inner = torch.tanh(self.first(torch.cat(features, -1)))
        outer = self.last(inner)
        stretch = outer[..., -1:]
        displacement = stretch * y
        if heads:
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
        by_head, by_radius, by_rank = slope.split([heads, self.radii, self.ranks], 2)
        at_i = torch.eye(n, dtype=y.dtype, device=y.device).view(n, 1, 1, n)
        eye = torch.eye(d, dtype=y.dtype, device=y.device).view(d, 1, d)
        full = stretch.mT[..., None, None] * eye.unsqueeze(-1)
        # rows of E off and on the diagonal, that of r_i^2 last; slopes of (-q / (1 + c), u) with them
        weights, diagonal = 2 * local_slope.unsqueeze(2) @ by_radius, y.unsqueeze(2)
        rows = y.new_zeros(batch, n, 1, d, n)
        if heads:
            weights = torch.cat([by_head * (2 * sink * rate).unsqueeze(-1), weights], 2)
            weights = sunk(weights, sink) + pad(torch.diag_embed(2 * rate * value * sink), (0, 1, 0, 1))
            total = (kernel.flatten(1, 2) @ y).view(batch, n, heads, d) - y.unsqueeze(2) / sink.unsqueeze(-1)
            diagonal = torch.cat([total, diagonal], 2)
            rows = pad(kernel, (0, 0, 0, 1)).unsqueeze(3) * apart.unsqueeze(2)
            pair = pair_terms((2 * value * rate).unsqueeze(2) @ kernel, pull, apart)
            full = full - pair.sum(-1, keepdim=True)
        full = full * at_i.squeeze(1)
        if heads:
            full = full + pair
        rows = torch.addcmul(rows, diagonal.unsqueeze(-1), at_i).flatten(3)
        change = weights.mT @ rows
        if ranks:
            by_rank = sunk(2 * by_rank, sink) if heads else 2 * by_rank
            near = torch.addcmul(-rank_slope, rank_slope.sum(-1, keepdim=True), at_i.view(n, 1, n))
            change = change + by_rank.mT @ (near.unsqueeze(3) * along[:, None, None]).flatten(3)
        full = torch.baddbmm(full.view(batch, d * n, d * n), rows.flatten(1, 2).mT, change.flatten(1, 2))
        return displacement, without_mean(full.view(batch, d, n, d, n))


def sunk(slopes: Tensor, sink: Tensor) -> Tensor:
    """Return slopes of (-q / (1 + c), u) from slopes `(batch, n, rows, heads + 1)` of (q, u) where c is held fixed."""
    return torch.cat([slopes[..., :-1] * -sink.unsqueeze(-2), slopes[..., -1:]], -1)


def pair_terms(bend: Tensor, pull: Tensor, apart: Tensor) -> Tensor:
    """Return the changes of pulls with the distance of a pair, of their direction too, `(batch, d, n, d, n)`."""
    batch, n, d = apart.shape[:3]
    bend = bend.squeeze(2) + bend.squeeze(2).mT
    across = apart.transpose(1, 2)
    pair = (bend.unsqueeze(1) * across).unsqueeze(3) * across.transpose(1, 2).unsqueeze(1)
    eye = torch.eye(d, dtype=apart.dtype, device=apart.device).view(d, 1, d, 1)
    return torch.addcmul(pair, pull.view(batch, 1, n, 1, n), eye, value=-1)


def without_mean(full: Tensor) -> Tensor:
    """Return `full` `(batch, d, n, d, n)` without the motion of the centre, and at motions about it, as matrices."""
    batch, d, n = full.shape[:3]
    full = full - full.mean(2, keepdim=True)
    return (full - full.mean(4, keepdim=True)).reshape(batch, d * n, d * n)
