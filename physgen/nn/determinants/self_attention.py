"""Self-attention over electrons: the permutation-equivariant body of a transformer wavefunction."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.message_passing import kinds_of_pairs, normal
from physgen.nn.forward_laplacian import (
    Jet,
    Values,
    activation,
    add,
    attention,
    layer_norm,
    linear,
    smooth_features,
    spread_out,
)


class SelfAttention(nn.Module):
    r"""Layers of self-attention over electrons, equivariant under permutations within each spin.

    $h \leftarrow h + W_o\,\mathrm{attention}(h)$, then $h \leftarrow h + f(W h + b)$; attention adds to the logits of
    each head a number for like and one for unlike spins, so turning all spins over permutes the output. The features
    start as smooth functions of the electron's own coordinates.

    Source: von Glehn, Spencer and Pfau, "A Self-Attention Ansatz for Ab-initio Quantum Chemistry", arXiv:2211.13672.

    Args:
        n: electrons; the first `n_up` have spin up.
        dim: dimensions.
        n_up: electrons with spin up.
        width: features F of an electron; `heads` divides it.
        heads: heads of the attention.
        layers: layers.
        nonlinearity: name of the activation f.
        normalise: whether features are normalised before attention and perceptron.
    """

    like: Tensor

    def __init__(
        self,
        n: int,
        dim: int,
        n_up: int,
        width: int,
        heads: int,
        layers: int,
        nonlinearity: str = "tanh",
        normalise: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.nonlinearity, self.normalise = heads, nonlinearity, normalise
        self.embed = normal(width, dim + 1)
        spin = torch.arange(n) >= n_up
        self.register_buffer("kinds", kinds_of_pairs(spin), persistent=False)

        def weights() -> nn.ParameterList:
            return nn.ParameterList([normal(width, width) for _ in range(layers)])

        self.query, self.key, self.value, self.mixed, self.dense = (weights() for _ in range(5))
        self.shift = nn.ParameterList([torch.zeros(width) for _ in range(layers)])
        # heads start apart: each prefers like or unlike spins by another amount
        self.spin_bias = nn.ParameterList([torch.randn(heads, 2) for _ in range(layers)])

    def forward(self, x: Values, pairs: Values) -> Values:
        """Return the electrons' features `(*, n, F)` of coordinates `(*, n, dim)`; an `own` jet gives a full one."""
        h = linear(smooth_features(x), self.embed)
        if isinstance(h, Jet):
            h = spread_out(h)
        for layer in range(len(self.query)):
            u = layer_norm(h) if self.normalise else h
            q, k, v = (linear(u, w[layer]) for w in (self.query, self.key, self.value))
            found = attention(q, k, v, self.heads, (self.kinds @ self.spin_bias[layer].mT).movedim(-1, 0))
            h = add(h, linear(found, self.mixed[layer]))
            u = layer_norm(h) if self.normalise else h
            h = activation(linear(u, self.dense[layer], self.shift[layer]), self.nonlinearity, residual=h)
        return h
