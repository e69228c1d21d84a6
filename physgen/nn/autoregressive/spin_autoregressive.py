"""Normalised densities of spins as products of conditionals, each drawn given the spins before."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, silu

#: given a site and the spins drawn so far `(N + 1, batch)`, zeros behind them, returns its logit `(batch,)`
Conditional = Callable[[int, Tensor], Tensor]


class SpinAutoregressive(nn.Module):
    r"""A density of N spins -1 and +1, ln p(s) = sum_i ln sigmoid(s_i l_i(s_1, ..., s_{i-1})).

    With `even` the first spin is a fair coin and the others are drawn in the frame where it points up, so that
    p(-s) = p(s) exactly, at no cost.

    Source: D. Wu, L. Wang and P. Zhang, "Solving Statistical Mechanics Using Variational Autoregressive Networks",
    arXiv:1809.10606.

    Args:
        sites: N.
        even: whether p(-s) = p(s).
    """

    def __init__(self, sites: int, even: bool) -> None:
        super().__init__()
        self.sites, self.even = sites, even

    @abstractmethod
    def logits(self, s: Tensor) -> Tensor:
        """Return l `(batch, N)` of spins `(batch, N)`."""

    @abstractmethod
    def walk(self) -> Conditional:
        """Return a function that gives the logits one by one, in the order of the sites, for one batch."""

    def log_prob(self, s: Tensor) -> Tensor:
        """Return ln p `(batch,)` of spins `(batch, N)`."""
        if not self.even:
            return logsigmoid(self.logits(s) * s).sum(-1)
        framed = s * s[:, :1]
        return logsigmoid(self.logits(framed) * framed)[:, 1:].sum(-1) - math.log(2)

    @torch.no_grad()
    def sample(self, num: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw spins `(num, N)`; return them and their ln p `(num,)`."""
        like = next(self.parameters())
        uniform = torch.rand(num, self.sites, generator=generator, dtype=like.dtype, device=like.device)
        s, log_prob, sign = like.new_zeros(self.sites + 1, num), like.new_zeros(num), like.new_ones(num)
        conditional = self.walk()
        for i in range(self.sites):
            if self.even and i == 0:
                sign = torch.where(uniform[:, 0] < 0.5, 1.0, -1.0).to(s)
                s[0], log_prob = 1.0, log_prob - math.log(2)
                continue
            logit = conditional(i, s)
            s[i] = torch.where(uniform[:, i] < torch.sigmoid(logit), 1.0, -1.0)
            log_prob = log_prob + logsigmoid(logit * s[i])
        return (s[:-1] * sign).T.contiguous(), log_prob


class SiteNetworks(SpinAutoregressive):
    r"""Conditionals by one small network a site, of the spins before it that it can depend on.

    l_i = 2 beta sum_{j < i} J_ij s_j + linear(s) + W_3 h_2,  h_1 = silu(W_1 s), h_2 = h_1 + silu(W_2 h_1)

    The first term, the Hamiltonian's own, is not trained: with couplings that form a tree the untrained density is
    exact. Networks of different sites share a part of their first layers.

    Given the spins before it, a spin that couples to neighbours depends on few of them alone: those with a bond to a
    site, from i on, that a path of such sites connects with i (its Markov boundary). On a lattice in its rows these
    are the last row's worth of spins, and on a torus the first row: with this context nothing that the exact
    conditional depends on is left out.

    Args:
        couplings: J `(N, N)`, symmetric.
        beta: inverse temperature, which the Hamiltonian's term is multiplied by.
        context: `boundary` for the Markov boundary, `all` for all spins before.
        width: units of the hidden layers; 0 leaves them out.
        even: whether p(-s) = p(s).
    """

    parents: Tensor
    own: Tensor
    share: Tensor

    def __init__(self, couplings: Tensor, beta: float, context: str = "boundary", width: int = 48, even: bool = True):
        super().__init__(len(couplings), even)
        n = self.sites
        parents = markov_boundary(couplings != 0) if context == "boundary" else [list(range(i)) for i in range(n)]
        most = max(1, *map(len, parents))
        table = torch.tensor([row + [n] * (most - len(row)) for row in parents])
        own = torch.cat([couplings, torch.zeros(n, 1).to(couplings)], 1).gather(1, table)
        self.register_buffer("parents", table, persistent=False)
        self.register_buffer("own", 2 * beta * own[..., None].to(torch.get_default_dtype()), persistent=False)
        #: part of beta that the Hamiltonian's term has, while it rises
        self.register_buffer("share", torch.tensor(1.0))
        self.width = width
        self.linear = nn.Parameter(torch.zeros(n, most, 1))
        self.bias = nn.Parameter(torch.zeros(n, 1, 1))
        if width:
            self.shared = nn.ParameterList(
                [torch.randn(most, width) / most**0.5, torch.randn(width, width) / (2 * width**0.5)]
            )
            self.weights = nn.ParameterList([torch.zeros(n, most, width), torch.zeros(n, width, width)])
            self.biases = nn.ParameterList([torch.zeros(n, 1, width), torch.zeros(n, 1, width)])
            self.out = nn.Parameter(torch.zeros(n, width, 1))

    def layers(self) -> list[Tensor]:
        """Return the weights of all sites, along their first axis."""
        layers = [self.linear + self.share * self.own, self.bias]
        if self.width:
            first, second = (shared + own for shared, own in zip(self.shared, self.weights, strict=True))
            layers += [first, self.biases[0], second, self.biases[1], self.out]
        return layers

    def evaluate(self, s: Tensor, layers: list[Tensor]) -> Tensor:
        """Return logits `(..., batch, 1)` of the spins `(..., batch, parents)`."""
        linear, bias, *hidden = layers
        logit = s @ linear + bias
        if hidden:
            first, first_bias, second, second_bias, out = hidden
            h = silu(s @ first + first_bias)
            h = h + silu(h @ second + second_bias)
            logit = logit + h @ out
        return logit

    def logits(self, s: Tensor) -> Tensor:
        """Return l `(batch, N)` of spins `(batch, N)`."""
        padded = torch.cat([s.T, torch.zeros_like(s[:, :1].T)])  # a zero stands for no spin
        context = padded[self.parents].mT  # (N, batch, parents)
        return self.evaluate(context, self.layers())[..., 0].T

    def walk(self) -> Conditional:
        """Return a function that gives the logits one by one."""
        layers = list(zip(*(layer.unbind() for layer in self.layers()), strict=True))

        def conditional(i: int, s: Tensor) -> Tensor:
            return self.evaluate(s[self.parents[i]].T, list(layers[i]))[:, 0]

        return conditional


def markov_boundary(bonds: Tensor) -> list[list[int]]:
    """Return for every site i the sites before it on which the conditional of i, given all before, can depend.

    Args:
        bonds: whether two sites couple, `(N, N)`, symmetric.
    """
    neighbours = [row.nonzero().flatten().tolist() for row in bonds]
    boundary = []
    for i in range(len(bonds)):
        inside, edge, seen = [i], set(), {i}
        while inside:
            for j in neighbours[inside.pop()]:
                if j < i:
                    edge.add(j)
                elif j not in seen:
                    seen.add(j)
                    inside.append(j)
        boundary.append(sorted(edge))
    return boundary


class MaskedDense(SpinAutoregressive):
    r"""Conditionals by one network of all sites whose weights are masked: `channels` hidden units a site.

    l_i = b_i + sum_{j < i} A_ij s_j + sum_{j <= i - 1, k} V_kij silu(c_kj + sum_{m <= j} U_kjm s_m)

    Source: M. Germain, K. Gregor, I. Murray and H. Larochelle, "MADE: Masked Autoencoder for Distribution Estimation",
    arXiv:1502.03509.

    Args:
        sites: N.
        channels: hidden units a site.
        even: whether p(-s) = p(s).
    """

    before: Tensor
    until: Tensor

    def __init__(self, sites: int, channels: int = 2, even: bool = True) -> None:
        super().__init__(sites, even)
        self.channels = channels
        self.register_buffer("before", torch.ones(sites, sites).tril(-1), persistent=False)
        self.register_buffer("until", torch.ones(sites, sites).tril(), persistent=False)
        self.linear, self.bias = nn.Parameter(torch.zeros(sites, sites)), nn.Parameter(torch.zeros(sites))
        self.inner = nn.Parameter(0.05 * torch.randn(channels, sites, sites))
        self.inner_bias = nn.Parameter(torch.zeros(channels, sites))
        self.outer = nn.Parameter(torch.zeros(channels, sites, sites))

    def logits(self, s: Tensor) -> Tensor:
        """Return l `(batch, N)` of spins `(batch, N)`."""
        hidden = silu(torch.einsum("bm,kjm->bkj", s, self.inner * self.until) + self.inner_bias)
        return (
            s @ (self.linear * self.before).T
            + self.bias
            + torch.einsum("bkj,kij->bi", hidden, self.outer * self.before)
        )

    def walk(self) -> Conditional:
        """Return a function that gives the logits one by one, and keeps the hidden units that it has met."""
        kept: list[Tensor] = []

        def conditional(i: int, s: Tensor) -> Tensor:
            while len(kept) < i:
                j = len(kept)
                kept.append(silu(s[: j + 1].T @ self.inner[:, j, : j + 1].T + self.inner_bias[:, j]))
            logit = s[:i].T @ self.linear[i, :i] + self.bias[i]
            if i:
                logit = logit + torch.einsum("jbk,kj->b", torch.stack(kept), self.outer[:, i, :i])
            return logit

        return conditional
