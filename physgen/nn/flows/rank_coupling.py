"""Coupling layers on particles ranked by their radius: one group moves on segments, by attention on the others."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from physgen.core.errors import check_choice, check_integer
from physgen.nn.flows.monotone import affine, affine_inverse, spline, spline_inverse

KINDS = ("affine", "spline")
TWO_PI = 2 * math.pi
#: of the output of a perceptron: ln rho spans several nats, and Adam moves every weight by its learning rate
GAIN = 5.0


class Polar(NamedTuple):
    """Particles of the plane by rising half square radius s = r^2/2 and angle, `(batch, n)` each; dx dy = ds dangle."""

    half: Tensor
    angle: Tensor

    @property
    def points(self) -> Tensor:
        """Cartesian coordinates `(batch, n, 2)`."""
        return polar(self.half, self.angle)


def polar(half: Tensor, angle: Tensor) -> Tensor:
    """Return points `(..., 2)` of half square radii and angles `(...)`; with finite derivatives at the origin too."""
    radius = torch.sqrt(2 * half.clamp_min(torch.finfo(half.dtype).tiny))
    return radius.unsqueeze(-1) * torch.stack([angle.cos(), angle.sin()], -1)


def of_points(x: Tensor) -> Polar:
    """Return half square radii and angles of points `(batch, n, 2)`; the angle of the origin is 0 and rests there."""
    half = 0.5 * x.square().sum(-1)
    first = torch.where(half > 0, x[..., 0], 1.0)
    return Polar(half, torch.atan2(x[..., 1], first))


class RadiusChain(nn.Module):
    r"""Monotone map of every gap s_k - s_{k-1} of the ranked half square radii given s_{k-1}, from the centre out.

    u = g / (g + 1/(n - k)), u -> v(u; k, s_{k-1}), and back; ranks stay, for any weights. Among n Gaussian points the
    gaps are independent and exponential with mean 1/(n - k) (Renyi); here the radii become a Markov chain, so that they
    can be as stiff as those of repelling particles. The map is autoregressive: ln |det| is a sum.

    Args:
        n: number of particles.
        kind: `affine` (in the logit of u) or `spline`.
        bins: intervals of the spline.
        hidden: units of the perceptron of s_{k-1}.
    """

    mean: Tensor

    def __init__(self, n: int, kind: str, bins: int, hidden: int = 16) -> None:
        super().__init__()
        self.n, self.kind = check_integer("n", n, 2), check_choice("coupling", kind, KINDS)
        outputs = bins + 1 if kind == "spline" else 2
        self.weight = nn.Parameter(2 * torch.randn(hidden))
        self.bias = nn.Parameter(torch.randn(hidden))
        self.last = nn.Parameter(1e-3 * torch.randn(n, hidden, outputs))
        self.values = nn.Parameter(torch.zeros(n, outputs))
        self.register_buffer("mean", 1 / torch.arange(n, 0, -1.0), persistent=False)

    def forward(self, x: Polar) -> tuple[Polar, Tensor]:
        """Return the moved particles and ln |det| `(batch,)`."""
        gap = torch.diff(x.half, dim=-1, prepend=torch.zeros_like(x.half[:, :1]))
        total, half = torch.zeros_like(x.half[:, 0]), torch.zeros_like(x.half[:, :1])
        radii = []
        for k in range(self.n):
            step, slope = self.moved(gap[:, k : k + 1], half, slice(k, k + 1), inverse=False)
            half, total = half + step, total + slope[:, 0]
            radii.append(half)
        return Polar(torch.cat(radii, -1), x.angle), total

    def inverse(self, x: Polar) -> tuple[Polar, Tensor]:
        """Return the particles before and ln |det| of the inverse `(batch,)`."""
        before = torch.nn.functional.pad(x.half[:, :-1], (1, 0))
        gap, slope = self.moved(x.half - before, before, slice(0, self.n), inverse=True)
        return Polar(gap.cumsum(-1), x.angle), slope.sum(-1)

    def moved(self, gap: Tensor, before: Tensor, ranks: slice, inverse: bool) -> tuple[Tensor, Tensor]:
        """Return the mapped gaps `(batch, m)` and ln of the slopes, given the half square radii before them."""
        mean = self.mean[ranks].to(gap)
        edge = 1 - torch.finfo(gap.dtype).eps
        u = (gap / (gap + mean)).clamp_max(edge)
        inner = torch.tanh(before.unsqueeze(-1) * self.weight + self.bias)
        values = self.values[ranks] + torch.einsum("bkh,kho->bko", inner, self.last[ranks])
        if self.kind == "spline":
            v, slope = spline(u, values) if inverse else spline_inverse(u, values)
        else:
            v, slope = (affine_inverse if inverse else affine)(u, *bounded(*values.unbind(-1)))
        v = v.clamp_max(edge)
        # dg/du = mean / (1 - u)^2
        return mean * v / (1 - v), slope + 2 * (torch.log1p(-u) - torch.log1p(-v))


def bounded(shift: Tensor, log_gain: Tensor) -> tuple[Tensor, Tensor]:
    """Return shift and ln gain, softly bounded: many moves must not press points together beyond rounding."""
    return 2 * torch.tanh(0.5 * shift), 0.5 * torch.tanh(2 * log_gain)


class RankCoupling(nn.Module):
    r"""A sweep of coupling moves: groups of particles by rank, one after another, move given all others.

    The ranks k = g, g + G, g + 2 G, ... are a group. First the angle of each of its particles moves round the circle
    from the particle one rank below, then its half square radius between those of the ranks below and above, which
    are in other groups: ranks never change. A position on such a segment is u in [0, 1]. At trial points u_m attention
    on the distances to the particles of the other groups, as in `PairAttention`,

    c_h(u_m) = sum_j exp(-2^h |x(u_m) - x_j|^2 / l^2),

    one sum over those j that moved in this sweep already and one over the rest, and the own radius enter a perceptron
    with a bias for every rank, whose output there is ln rho(u_m); the map is the monotone spline with this density, or
    affine in the logit of u with gain and shift linear in ln rho(u_m). All of it depends on distances alone, so the
    map commutes with rotations and reflections; as it depends on ranks and not on labels, with permutations too. Its
    inverse takes the groups backwards; ln |det| is a sum of slopes.

    Sources: Dinh, Sohl-Dickstein and Bengio, "Density estimation using Real NVP", arXiv:1605.08803; Durkan et al.,
    "Neural Spline Flows", arXiv:1906.04032; Wirnsberger et al., "Normalizing flows for atomic solids",
    arXiv:2111.08696.

    Args:
        n: number of particles, at least 2.
        kind: `affine` or `spline`.
        groups: G, from 2; n where there are fewer particles.
        heads: heads of the attention, their ranges falling by sqrt(2) from one to the next.
        radii: functions of the particle's own distance to the centre.
        hidden: units of the perceptrons.
        bins: intervals of trial points round the circle; a quarter of them along the radius.

    Raises:
        InputError: an argument out of its range.
    """

    def __init__(
        self, n: int, kind: str, groups: int = 5, heads: int = 6, radii: int = 4, hidden: int = 32, bins: int = 32
    ) -> None:
        super().__init__()
        self.n, self.kind = check_integer("n", n, 2), check_choice("coupling", kind, KINDS)
        self.groups = min(check_integer("groups", groups, 2), n)
        check_integer("bins", bins, 4)
        self.round = Potential(n, kind, heads, radii, hidden, bins, even=True)
        self.along = Potential(n, kind, heads, radii, hidden, bins // 4, even=False)

    def forward(self, x: Polar) -> tuple[Polar, Tensor]:
        """Return the moved particles and ln |det| `(batch,)`."""
        total = torch.zeros_like(x.half[:, 0])
        for group in range(self.groups):
            for move in (self.turned, self.shifted):
                x, log_det = move(x, group, inverse=False)
                total = total + log_det
        return x, total

    def inverse(self, x: Polar) -> tuple[Polar, Tensor]:
        """Return the particles before and ln |det| of the inverse `(batch,)`."""
        total = torch.zeros_like(x.half[:, 0])
        for group in reversed(range(self.groups)):
            for move in (self.shifted, self.turned):
                x, log_det = move(x, group, inverse=True)
                total = total + log_det
        return x, total

    def split(self, group: int) -> tuple[Tensor, Tensor]:
        """Return the ranks of a group and all others."""
        ranks = torch.arange(self.n)
        own = ranks % self.groups == group
        return ranks[own], ranks[~own]

    def turned(self, x: Polar, group: int, inverse: bool) -> tuple[Polar, Tensor]:
        """Move the angles of a group round the circle, from the particle one rank below (above for the innermost)."""
        own, others = self.split(group)
        start = x.angle[:, torch.where(own > 0, own - 1, own + 1)]
        u = torch.remainder(x.angle[:, own] - start, TWO_PI) / TWO_PI
        trial = torch.linspace(0, 1, self.round.bins + 1, dtype=u.dtype, device=u.device)
        half = x.half[:, own].unsqueeze(-1)
        at = polar(half, start.unsqueeze(-1) + TWO_PI * trial)
        halves = half.expand(-1, -1, len(trial))
        done = others % self.groups < group
        v, slope = self.round(u, own, at, halves, x.points[:, others], done, inverse)
        return Polar(x.half, x.angle.index_copy(1, own.to(u.device), start + TWO_PI * v)), slope.sum(-1)

    def shifted(self, x: Polar, group: int, inverse: bool) -> tuple[Polar, Tensor]:
        """Move the half square radii of a group between those of the ranks below and above."""
        own, others = self.split(group)
        low = torch.nn.functional.pad(x.half, (1, 0))[:, own]
        open_end = own == self.n - 1
        width = x.half[:, (own + 1).clamp_max(self.n - 1)] - low
        half = x.half[:, own]
        edge = 1 - torch.finfo(half.dtype).eps
        open_end = open_end.to(half.device)
        # the outermost has no upper end: s = low + u / (1 - u)
        width = torch.where(open_end, 1.0, width).clamp_min(torch.finfo(half.dtype).tiny)
        u = (half - low) / width
        u = torch.where(open_end, u / (1 + u), u).clamp(0, edge)
        trial = torch.linspace(0, 1, self.along.bins + 1, dtype=u.dtype, device=u.device)
        far = trial / (1 - trial.clamp_max(1 - 0.25 / self.along.bins))
        reached = torch.where(open_end.unsqueeze(-1), far, trial)
        halves = low.unsqueeze(-1) + width.unsqueeze(-1) * reached
        at = polar(halves, x.angle[:, own].unsqueeze(-1))
        done = others % self.groups < group
        v, slope = self.along(u, own, at, halves, x.points[:, others], done, inverse)
        v = v.clamp_max(edge)
        slope = slope + torch.where(open_end, 2 * (torch.log1p(-u) - torch.log1p(-v)), 0.0)
        half = low + width * torch.where(open_end, v / (1 - v), v)
        return Polar(x.half.index_copy(1, own.to(u.device), half), x.angle), slope.sum(-1)


class Potential(nn.Module):
    """Perceptron on attention features at trial points of a segment, and the monotone map that it gives.

    Args:
        n: number of ranks, each with a bias of its own.
        kind: `affine` or `spline`.
        heads: heads of the attention.
        radii: functions of the own radius.
        hidden: units.
        bins: intervals between trial points.
        even: whether segments are circles, whose two directions a reflection swaps.
    """

    def __init__(self, n: int, kind: str, heads: int, radii: int, hidden: int, bins: int, even: bool) -> None:
        super().__init__()
        self.heads, self.radii = check_integer("heads", heads, 1), check_integer("radii", radii, 1)
        check_integer("hidden", hidden, 1)
        self.kind, self.bins, self.even = kind, bins, even
        self.first = nn.Linear(2 * heads + radii, hidden, bias=False)
        self.bias = nn.Parameter(0.3 * torch.randn(n, hidden))
        self.last = nn.Linear(hidden, 1, bias=False)
        nn.init.normal_(self.first.weight, std=(2 * heads + radii) ** -0.5)
        nn.init.normal_(self.last.weight, std=1e-3)  # starts near the identity
        self.log_range = nn.Parameter(torch.tensor(2 * math.log(3.0)))
        self.log_radius = nn.Parameter(torch.tensor(2 * math.log(2.0)))
        if kind == "affine":
            self.read = nn.Parameter(torch.randn(2, bins + 1) / (bins + 1))

    def values(self, ranks: Tensor, at: Tensor, halves: Tensor, others: Tensor, done: Tensor) -> Tensor:
        """Return ln rho `(batch, m, bins + 1)` at trial points `(batch, m, bins + 1, 2)` by others `(batch, k, 2)`."""
        sets = torch.stack([done, ~done], -1).to(others)
        flat = at.flatten(1, 2)
        square = 2 * halves.flatten(1).unsqueeze(-1) + others.square().sum(-1).unsqueeze(1)
        square = square - 2 * flat @ others.mT
        kernel = torch.exp(-torch.exp(-self.log_range) * square)
        features = [kernel @ sets]
        for _ in range(self.heads - 1):
            kernel = kernel.square()
            features.append(kernel @ sets)
        features = [torch.log1p(count) for count in features]
        own = torch.exp(-2 * torch.exp(-self.log_radius) * halves.flatten(1))
        for _ in range(self.radii):
            features.append(own.unsqueeze(-1))
            own = own.square()
        inner = self.first(torch.cat(features, -1)).unflatten(1, halves.shape[1:]) + self.bias[ranks].unsqueeze(1)
        values: Tensor = GAIN * self.last(torch.tanh(inner))[..., 0]
        return values

    def forward(
        self, u: Tensor, ranks: Tensor, at: Tensor, halves: Tensor, others: Tensor, done: Tensor, inverse: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the moved u `(batch, m)` and ln of the slopes; `done` `(k,)` says which others moved in this sweep."""
        values = self.values(ranks, at, halves, others, done)
        if self.kind == "spline":
            return spline(u, values) if inverse else spline_inverse(u, values)
        weight: Tensor = self.read
        if self.even:  # a reflection turns u into 1 - u: the shift must change sign with it, the gain must not
            weight = 0.5 * torch.stack([weight[0] - weight[0].flip(-1), weight[1] + weight[1].flip(-1)])
        shift, log_gain = (values @ weight.mT).unbind(-1)
        return (affine_inverse if inverse else affine)(u, *bounded(shift, log_gain))
