"""Streams of electrons and of pairs that exchange messages: the permutation-equivariant body of a backflow."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.modulation import Change, unchanged
from physgen.nn.forward_laplacian import (
    Jet,
    Values,
    activation,
    add_own_rows,
    linear,
    smooth_features,
    spread_out,
)


def normal(rows: int, columns: int, gain: float = 1.0) -> nn.Parameter:
    """Return a weight `(rows, columns)` of normal numbers with variance gain^2/columns."""
    return nn.Parameter(gain * columns**-0.5 * torch.randn(rows, columns))


def kinds_of_pairs(spin: Tensor) -> Tensor:
    """Return 1, 0 for unlike and 0, 1 for like spins `(n, n, 2)`: a product with it picks, and so does its gradient.

    Args:
        spin: of the particles `(n,)`.
    """
    like = spin[:, None] == spin
    return torch.stack([~like, like], -1).to(torch.get_default_dtype())


class MessagePassing(nn.Module):
    r"""Streams $h_i$ of electrons and $g_{ij}$ of pairs, equivariant under permutations within each spin.

    $h_i \leftarrow h_i + f\big(W h_i + \sum_s [W_s \langle h_j \rangle_{j \in s} + V_s \langle g_{ij} \rangle_{j \in
    s}] + b\big)$ and $g_{ij} \leftarrow g_{ij} + f(U g_{ij} + c)$, where s is the spin of i or the other one

    Both streams start from smooth features of $r_i$ and $r_i - r_j$, so the output is smooth where electrons meet. The
    weights know spins only as like and unlike: turning all spins over permutes the output, and a state with as many
    spins up as down is even or odd under it. The pair stream carries derivatives with respect to $r_i - r_j$ alone.

    Source: the streams of Pfau, Spencer, Matthews and Foulkes, "Ab-Initio Solution of the Many-Electron Schroedinger
    Equation with Deep Neural Networks", arXiv:1909.02487.

    Args:
        n: electrons; the first `n_up` have spin up.
        dim: dimensions.
        n_up: electrons with spin up.
        width: features F of an electron.
        pair_width: features of a pair.
        layers: exchanges of messages.
        nonlinearity: name of the activation f.
    """

    kinds: Tensor

    def __init__(
        self, n: int, dim: int, n_up: int, width: int, pair_width: int, layers: int, nonlinearity: str = "tanh"
    ) -> None:
        super().__init__()
        self.n, self.n_up, self.nonlinearity = n, n_up, nonlinearity
        edges = [(0, n_up), (n_up, n)]
        self.spins = [(a, b) for a, b in edges if b > a]
        self.embed = normal(width, dim + 1)
        self.embed_pair = normal(pair_width, dim + 1)
        # one bias for unlike and one for like spins
        self.pair_bias = nn.Parameter(torch.randn(2, pair_width) / (dim + 1) ** 0.5)
        spin = torch.arange(n) >= n_up
        self.register_buffer("kinds", kinds_of_pairs(spin), persistent=False)
        fan = (1 + len(self.spins)) * width + len(self.spins) * pair_width
        gain = (1 / fan) ** 0.5

        def weights(rows: int, columns: int, count: int) -> nn.ParameterList:
            return nn.ParameterList([normal(rows, columns, gain * columns**0.5) for _ in range(count)])

        self.own = weights(width, width, layers)
        self.message = nn.ParameterList([torch.stack([*weights(width, width, len(self.spins))]) for _ in range(layers)])
        self.pair_message = nn.ParameterList(
            [torch.stack([*weights(width, pair_width, len(self.spins))]) for _ in range(layers)]
        )
        self.bias = nn.ParameterList([torch.zeros(width) for _ in range(layers)])
        self.pair = nn.ParameterList([normal(pair_width, pair_width) for _ in range(layers - 1)])
        self.pair_shift = nn.ParameterList([torch.zeros(pair_width) for _ in range(layers - 1)])

    def forward(self, x: Values, pairs: Values, change: Change = unchanged) -> Values:
        """Return the electrons' features `(*, n, F)` of coordinates `(*, n, dim)` and differences `(*, n, n, dim)`.

        Jets, `own` and `pair`, give a jet of all coordinates.

        Args:
            x: coordinates.
            pairs: differences.
            change: what a `Modulation` makes of the arguments of `particle`, `pair`, and `message` and `pair` of a
                layer, before they are activated.
        """
        f = self.nonlinearity
        h = activation(change("particle", linear(smooth_features(x), self.embed)), f)
        g = change("pair", linear(smooth_features(pairs), self.embed_pair))
        bias = self.kinds @ self.pair_bias
        if isinstance(g, Jet):
            g.stack[0] += bias
            g = activation(g, f)
            g.stack[1:].diagonal(dim1=2, dim2=3).zero_()  # r_i - r_i does not vary
        else:
            g = activation(g + bias, f)
        for layer in range(len(self.own)):
            if isinstance(h, Jet) and isinstance(g, Jet):
                received = change(f"message{layer}", self.exchange_jets(layer, h, g))
                h = activation(received, f, residual=h if layer else spread_out(h))
            else:
                h = activation(change(f"message{layer}", self.exchange(layer, h, g)), f, residual=h)
            if layer < len(self.pair):
                passed = change(f"pair{layer}", linear(g, self.pair[layer], self.pair_shift[layer]))
                g = activation(passed, f, residual=g)
        return h

    def exchange(self, layer: int, h: Tensor, g: Tensor) -> Tensor:
        """Return what the electrons of one layer receive, `(*, n, F)`."""
        # split and joined, never sliced: the gradient of a slice is a tensor of zeros
        sizes = [b - a for a, b in self.spins]
        means = [part.mean(-2, keepdim=True) for part in h.split(sizes, -2)]
        near = [part.mean(-2).split(sizes, -2) for part in g.split(sizes, -2)]  # by spin of j, then of i
        weight, pair_weight = self.message[layer], self.pair_message[layer]
        received = linear(h, self.own[layer], self.bias[layer])
        sent = []
        for kind in range(len(sizes)):
            senders = [abs(spin - kind) for spin in range(len(sizes))]  # the like spin, then the unlike one
            received = received + linear(torch.cat([near[j][i] for i, j in enumerate(senders)], -2), pair_weight[kind])
            sent.append([linear(means[j], weight[kind]) for j in senders])
        by_receiver = zip(sizes, zip(*sent, strict=True), strict=True)
        shared = [sum(parts[1:], parts[0]).expand(*h.shape[:-2], size, -1) for size, parts in by_receiver]
        return received + torch.cat(shared, -2)

    def exchange_jets(self, layer: int, h: Jet, g: Jet) -> Jet:
        """Return what the electrons of one layer receive as a jet of all coordinates; `h` of layer 0 is `own`."""
        own = len(h.stack) == len(g.stack) and layer == 0
        z = linear(h, self.own[layer])
        out = (spread_out(z) if own else z).stack
        out[0] += self.bias[layer]
        dim, n = len(g.stack) - 2, self.n
        by_particle = out[2:].view(n, dim, *out.shape[1:])
        near = g.stack.new_empty(2 + dim, *out.shape[1:])
        for rows in self.spins:
            here = slice(*rows)
            near_here = []
            for columns in self.spins:
                there, kind, count = slice(*columns), int(rows != columns), columns[1] - columns[0]
                weight, pair_weight = self.message[layer][kind], self.pair_message[layer][kind]
                if own:
                    # each particle's own derivatives, an n-th of them in the mean
                    sent = linear(Jet(h.stack[:, :, there]), weight / count).stack
                    out[:2, :, here] += sent[:2].sum(2, keepdim=True)
                    by_particle[there, :, :, here] += sent[2:].permute(2, 0, 1, 3).unsqueeze(3)
                else:
                    mean = h.stack[:, :, there].mean(2, keepdim=True)
                    out[:, :, here] += linear(Jet(mean), weight).stack
                block = linear(Jet(g.stack[:, :, here, there]), pair_weight / count).stack
                near_here.append(block.sum(3))
                # d/dr_j = -d/d(r_i - r_j)
                by_particle[there, :, :, here] -= block[2:].permute(3, 0, 1, 2, 4)
            near[:, :, here] = sum(near_here[1:], near_here[0])
        out[0] += near[0]
        out[1] += 2 * near[1]  # the Laplacian of f(r_i - r_j) over both particles
        add_own_rows(out, near[2:])
        return Jet(out)
