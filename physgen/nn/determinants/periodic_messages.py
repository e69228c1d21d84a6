"""Streams of particles and of pairs in a periodic cube that exchange messages; no particle knows where it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from physgen.nn.determinants.message_passing import kinds_of_pairs, normal
from physgen.nn.forward_laplacian import Jet, Values, activation, add_own_rows, linear

#: where the features of distances bend, in units of the side
BENDS = (0.1, 0.25, 0.6)


def periodic_features(u: Values) -> Values:
    r"""Return smooth periodic features of differences d `(*, dim)` in a cube of side 1, `(*, 2 dim + 3)`.

    $\sin 2\pi d$, $\cos 2\pi d$ and $\sqrt{e^2 + w} - e$ with $w = \sum_c \sin^2 \pi d_c$ and three lengths e. They are
    smooth also at d = 0, so that a network of them cannot spoil the cusps of a Jastrow factor.

    Args:
        u: differences, plain or a `pair` jet of them.
    """
    d = u.value if isinstance(u, Jet) else u
    sine, cosine = torch.sin(2 * math.pi * d), torch.cos(2 * math.pi * d)
    w = 0.5 * (1 - cosine).sum(-1, keepdim=True)
    roots: list[Tensor] = [torch.sqrt(e * e + w) for e in BENDS]
    value = torch.cat([sine, cosine, *(root - e for root, e in zip(roots, BENDS, strict=True))], -1)
    if not isinstance(u, Jet):
        return value
    dim, angle = d.shape[-1], 2 * math.pi
    # of w: slopes pi sin 2 pi d, Laplacian 2 pi^2 sum cos 2 pi d
    slopes, bend = math.pi * sine, 2 * math.pi**2 * cosine.sum(-1, keepdim=True)
    root = torch.cat(roots, -1)
    root_laplacian = bend / (2 * root) - slopes.square().sum(-1, keepdim=True) / (4 * root**3)
    laplacian = torch.cat([-(angle**2) * sine, -(angle**2) * cosine, root_laplacian], -1)
    rows = value.new_zeros(dim, *value.shape)
    for c in range(dim):
        rows[c, ..., c] = angle * cosine[..., c]
        rows[c, ..., dim + c] = -angle * sine[..., c]
        rows[c, ..., 2 * dim :] = slopes[..., c : c + 1] / (2 * root)
    return Jet(torch.cat([value[None], laplacian[None], rows]))


class PeriodicMessages(nn.Module):
    r"""Streams $h_i$ of particles and $g_{ij}$ of pairs, equivariant under permutations within each spin.

    $h_i = f\big(\sum_s P_s \langle g_{ij} \rangle_{j \in s} + b\big)$, then in every layer $h_i \leftarrow h_i +
    f\big(W h_i + \sum_s W_s \langle h_j \rangle_{j \in s} + V \langle (A g_{ij}) \circ (B h_j) \rangle_j + b\big)$,
    where s is the spin of i or the other one and $\circ$ multiplies entry by entry.

    They start from periodic features of $r_i - r_j$ alone: the output does not change when all particles are moved
    together, and is smooth where particles meet. The weights know spins only as like and unlike, so turning all spins
    over permutes the output. The pair stream carries derivatives with respect to $r_i - r_j$ alone.

    Sources: Kim et al., "Neural-network quantum states for ultra-cold Fermi gases", arXiv:2305.08831; Pescia et al.,
    "Message-passing neural quantum states for the homogeneous electron gas", arXiv:2305.07240.

    Args:
        n: particles; the first `n_up` have spin up.
        dim: dimensions.
        n_up: particles with spin up, half of them or all.
        width: features F of a particle.
        pair_width: features of a pair, and of a message.
        layers: exchanges of messages.
        nonlinearity: name of the activation f.
    """

    kinds: Tensor

    def __init__(
        self, n: int, dim: int, n_up: int, width: int, pair_width: int, layers: int, nonlinearity: str = "tanh"
    ) -> None:
        super().__init__()
        self.n, self.nonlinearity = n, nonlinearity
        edges = [(0, n_up), (n_up, n)]
        self.sizes = [b - a for a, b in edges if b > a]
        kinds = len(self.sizes)
        spin = torch.arange(n) >= n_up
        self.register_buffer("kinds", kinds_of_pairs(spin), persistent=False)
        self.embed = normal(pair_width, 2 * dim + len(BENDS), gain=1.5)
        # one bias for unlike and one for like spins
        self.pair_bias = nn.Parameter(0.5 * torch.randn(2, pair_width))
        self.pair = normal(pair_width, pair_width)
        self.pair_shift = nn.Parameter(torch.zeros(pair_width))
        self.first = nn.Parameter(torch.stack([normal(width, pair_width, gain=1.5) for _ in range(kinds)]))
        self.first_bias = nn.Parameter(torch.zeros(width))
        self.own = nn.ParameterList([normal(width, width) for _ in range(layers)])
        self.shared = nn.ParameterList(
            [torch.stack([normal(width, width, gain=0.7) for _ in range(kinds)]) for _ in range(layers)]
        )
        self.bias = nn.ParameterList([torch.zeros(width) for _ in range(layers)])
        self.filter = nn.ParameterList([normal(pair_width, pair_width) for _ in range(layers)])
        self.sender = nn.ParameterList([normal(pair_width, width) for _ in range(layers)])
        self.message = nn.ParameterList([normal(width, pair_width) for _ in range(layers)])

    def forward(self, pairs: Values) -> tuple[Values, Values]:
        """Return the features `(*, n, F)` of particles and `(*, n, n, pair_width)` of pairs.

        Args:
            pairs: differences `(*, n, n, dim)` in units of the side; a `pair` jet gives a jet of all coordinates, and a
                `pair` jet.
        """
        g = self.pair_stream(pairs)
        f = self.nonlinearity
        h = activation(self.gathered(g), f)
        for layer in range(len(self.own)):
            h = activation(self.exchange(layer, h, g), f, residual=h)
        return h, g

    def pair_stream(self, pairs: Values) -> Values:
        """Return the features of pairs."""
        f = self.nonlinearity
        g = linear(periodic_features(pairs), self.embed)
        bias = self.kinds @ self.pair_bias
        if isinstance(g, Jet):
            g.stack[0] += bias
            g = activation(g, f)
        else:
            g = activation(g + bias, f)
        g = activation(linear(g, self.pair, self.pair_shift), f, residual=g)
        if isinstance(g, Jet):
            g.stack[1:].diagonal(dim1=2, dim2=3).zero_()  # r_i - r_i does not vary
        return g

    def gathered(self, g: Values) -> Values:
        """Return what particles take from their pairs before the first layer, `(*, n, F)`."""
        kinds, stack = len(self.sizes), g.stack if isinstance(g, Jet) else g
        near = [part.mean(-2).split(self.sizes, -2) for part in stack.split(self.sizes, -2)]  # by spin of j, then of i
        received = []
        for kind in range(kinds):
            # the like spin, then the unlike one
            sent = torch.cat([near[abs(spin - kind)][spin] for spin in range(kinds)], -2)
            bias = None if kind or isinstance(g, Jet) else self.first_bias
            received.append(linear(sent, self.first[kind], bias))
        total = sum(received[1:], received[0])
        if not isinstance(g, Jet):
            return total
        dim, (batch, n, width) = len(stack) - 2, total.shape[1:]
        out = stack.new_empty(2 + n * dim, batch, n, width)
        by_particle = out[2:].view(n, dim, batch, n, width)
        for i, rows in enumerate(stack[2:].split(self.sizes, 2)):
            for j, block in enumerate(rows.split(self.sizes, 3)):
                here, there = (slice(s * self.sizes[0], s * self.sizes[0] + self.sizes[s]) for s in (i, j))
                # d/dr_j = -d/d(r_i - r_j)
                change = linear(Jet(block), self.first[abs(i - j)] / -self.sizes[j]).stack
                by_particle[there, :, :, here] = change.permute(3, 0, 1, 2, 4)
        torch.add(total[0], self.first_bias, out=out[0])
        torch.mul(total[1], 2, out=out[1])  # the Laplacian of f(r_i - r_j) over both particles
        add_own_rows(out, total[2:])
        return Jet(out)

    def exchange(self, layer: int, h: Values, g: Values) -> Values:
        """Return what the particles of one layer receive, `(*, n, F)`."""
        received = linear(h, self.own[layer], self.bias[layer])
        weighed = self.filtered(layer, h, g)
        features, out = (v.stack if isinstance(v, Jet) else v for v in (h, received))
        means = [part.mean(-2, keepdim=True) for part in features.split(self.sizes, -2)]
        shared = []
        for spin in range(len(self.sizes)):
            sent = [linear(means[abs(spin - kind)], self.shared[layer][kind]) for kind in range(len(self.sizes))]
            shared.append(sum(sent[1:], sent[0]))
        if isinstance(weighed, Jet):
            # in place: a sum of stacks takes as long as a product
            message = self.message[layer]
            out.view(-1, out.shape[-1]).addmm_(weighed.stack.view(-1, message.shape[1]), message.T)
            for part, more in zip(out.split(self.sizes, -2), shared, strict=True):
                part += more
            return received
        each = [more.expand(*more.shape[:-2], size, -1) for more, size in zip(shared, self.sizes, strict=True)]
        return received + torch.cat(each, -2) + linear(weighed, self.message[layer])

    def filtered(self, layer: int, h: Values, g: Values) -> Values:
        """Return the mean over j of filters of the pair ij times features of j, `(*, n, pair_width)`."""
        sent = linear(h, self.sender[layer])
        if not isinstance(sent, Jet) or not isinstance(g, Jet):
            return (linear(g, self.filter[layer]) * sent.unsqueeze(-3)).mean(-2)
        a, u = linear(g, self.filter[layer] / self.n).stack, sent.stack
        dim, n = len(a) - 2, self.n
        out = torch.einsum("bijf,dbjf->dbif", a[0], u).contiguous()
        change = a[1:] * u[0].unsqueeze(1)
        # 2 grad A . grad u: A grows with r_i and falls with r_j
        rows = u[2:].unflatten(0, (n, dim))
        own = rows.diagonal(dim1=0, dim2=3)  # (dim, batch, F, j): d u_j/d r_j
        for c in range(dim):
            turned = rows[:, c].transpose(0, 1) - own[c].transpose(1, 2).unsqueeze(1)  # (batch, i, j, F)
            change[0].addcmul_(a[2 + c], turned)
        own_sum = change.sum(3)
        out[1] += 2 * own_sum[0]
        add_own_rows(out, own_sum[1:])
        # d/dr_j = -d/d(r_i - r_j)
        out[2:].view(n, dim, *out.shape[1:]).sub_(change[1:].permute(3, 0, 1, 2, 4))
        return Jet(out)
