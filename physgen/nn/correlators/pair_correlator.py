"""A network of pairs that exchange messages, as a correlation factor and as the strengths of spin operators."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.correlators.pair_tail import PairTail
from physgen.nn.correlators.spin_correlation import SpinCorrelation
from physgen.nn.determinants.message_passing import normal
from physgen.nn.forward_laplacian import Jet, Values, activation, add, apply, linear, mean

#: squared widths in fm^2 of Gaussian features beside that of the force
WIDTHS = (0.7, 2.5, 9.0)


class PairCorrelator(SpinCorrelation):
    r"""$\Psi = e^U \big[ 1 + \sum_{i<j} u_{ij}\, \sigma_i \cdot \sigma_j \big] |\Phi\rangle$ with a network of pairs.

    Features $e_{ij}$ of pairs start from smooth functions of $r_{ij}^2$ and receive the mean of the pairs that share a
    nucleon with them, $e_{ij} \leftarrow e_{ij} + \tanh(W e_{ij} + V \langle e_{ik} \rangle + b)$: they move with the
    nucleons when these are exchanged. $u_{ij}$ is linear in them, and

    $U = \sum_{i<j} \big[ w \cdot e_{ij} - a \sqrt{r_{ij}^2 + b^2} - \tfrac{c}{2} \ln(1 + r_{ij}^2/b^2) \big] +
    g(\langle e \rangle)$

    where the bounded features leave the tail to a, b and c. U is symmetric and the sum over pairs a scalar, so $\Psi$
    is as antisymmetric as $\Phi$: no determinants, no sum over permutations.

    Sources: messages as in Pfau, Spencer, Matthews and Foulkes, arXiv:1909.02487; correlations that act on spins as in
    Lovato, Adams, Carleo and Rocco, Hidden-nucleons neural-network quantum states for the nuclear many-body problem,
    arXiv:2206.10021, and the references there.

    Args:
        frame: of the relative vectors, see `SpinCorrelation`.
        pairs: nucleons of every pair.
        first: $\Phi$ `(components,)`.
        spin_states: $\sigma_i \cdot \sigma_j \Phi$ of every pair `(pairs, components)`.
        shortest: range in fm of the shortest force, the width of one feature.
        width: features of a pair.
        layers: exchanges of messages.
    """

    first: Tensor
    spin_states: Tensor
    near: Tensor
    squares: Tensor

    def __init__(
        self,
        frame: Tensor,
        pairs: list[tuple[int, int]],
        first: Tensor,
        spin_states: Tensor,
        shortest: float,
        width: int = 24,
        layers: int = 2,
    ) -> None:
        super().__init__(frame)
        kind = torch.get_default_dtype()
        constants = {"first": first, "spin_states": spin_states, "near": sharing(pairs)}
        constants["squares"] = torch.tensor([shortest**2, *WIDTHS])
        for name, value in constants.items():
            self.register_buffer(name, value.to(kind), persistent=False)
        self.embed, self.embed_bias = normal(width, len(self.squares) + 4), nn.Parameter(torch.zeros(width))
        self.own = nn.ParameterList([normal(width, width) for _ in range(layers)])
        self.bias = nn.ParameterList([torch.zeros(width) for _ in range(layers)])
        several = len(pairs) > 1
        self.message = nn.ParameterList([normal(width, width, 0.5) for _ in range(layers if several else 0)])
        self.out = normal(1, width, 0.02)
        self.pool, self.pool_bias = normal(width, width), nn.Parameter(torch.zeros(width))
        self.pool_out = normal(1, width, 0.02)
        self.spin_out = normal(1, width, 1e-3)
        self.tail = PairTail(len(pairs))

    def amplitudes(self, squares: Values) -> tuple[Values, Values]:
        """Return U `(*)` and a `(*, components)` of squared distances `(*, pairs)`."""
        e = activation(linear(features(squares, self.squares), self.embed, self.embed_bias), "tanh")
        for layer, own in enumerate(self.own):
            z = linear(e, own, self.bias[layer])
            if len(self.message):
                z = add(z, linear(over_pairs(e, self.near), self.message[layer]))
            e = activation(z, "tanh", residual=e)
        pooled = activation(linear(mean(e, -2), self.pool, self.pool_bias), "tanh")
        pairs = summed(add(last(linear(e, self.out)), self.tail(squares)))
        factor = add(pairs, last(last(linear(pooled, self.pool_out))))
        return factor, linear(last(linear(e, self.spin_out)), self.spin_states.mT, self.first)


def sharing(pairs: list[tuple[int, int]]) -> Tensor:
    """Return the weights `(pairs, pairs)` of the mean over the pairs that share one nucleon with a pair."""
    shared = torch.tensor([[float(len({*one} & {*other}) == 1) for other in pairs] for one in pairs])
    return shared / shared.sum(1, keepdim=True).clamp_min(1)


def features(squares: Values, widths: Tensor) -> Values:
    r"""Return smooth functions `(*, pairs, widths + 4)` of squared distances q `(*, pairs)`.

    $e^{-q/w}$ for every squared width w, $1/(1 + q)$, $\ln(1 + 5q)/3$, $\ln(1 + q/2)/2$ and $(\sqrt{1 + q} - 1)/3$, q
    in fm^2.
    """
    q = (squares.value if isinstance(squares, Jet) else squares).unsqueeze(-1)
    gauss, inverse, root = torch.exp(-q / widths), 1 / (1 + q), torch.sqrt(1 + q)
    value = torch.cat([gauss, inverse, torch.log1p(5 * q) / 3, torch.log1p(q / 2) / 2, (root - 1) / 3], -1)
    if not isinstance(squares, Jet):
        return value
    near, far = 1 / (q + 0.2), 1 / (q + 2)
    slope = torch.cat([-gauss / widths, -inverse.square(), near / 3, far / 2, 1 / (6 * root)], -1)
    curvature = [gauss / widths.square(), 2 * inverse**3, -near.square() / 3, -far.square() / 2, -1 / (12 * root**3)]
    stack = squares.stack.unsqueeze(-1).expand(*squares.stack.shape, value.shape[-1])
    return apply(Jet(stack), value, slope, torch.cat(curvature, -1))


def over_pairs(h: Values, weights: Tensor) -> Values:
    """Return sums over the pairs with `weights` `(rows, pairs)` of `(*, pairs, F)`."""
    return Jet(weights @ h.stack) if isinstance(h, Jet) else weights @ h


def summed(h: Values) -> Values:
    """Return the sum over the last axis."""
    return Jet(h.stack.sum(-1)) if isinstance(h, Jet) else h.sum(-1)


def last(h: Values) -> Values:
    """Return `(*, 1)` as `(*)`."""
    return Jet(h.stack.squeeze(-1)) if isinstance(h, Jet) else h.squeeze(-1)
