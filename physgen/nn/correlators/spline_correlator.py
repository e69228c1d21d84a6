"""Spin-independent correlations of pairs and triples by splines."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from physgen.nn.correlators.pair_correlator import over_pairs, summed
from physgen.nn.correlators.pair_tail import PairTail
from physgen.nn.correlators.spin_correlation import SpinCorrelation
from physgen.nn.even_spline import EvenSpline
from physgen.nn.forward_laplacian import Jet, Values, add, apply, product

#: squared length in fm^2 below which splines are even in the distance
NEAR = 0.25
#: signs of the products that make the three-body sums
SIGNS = (1.0, -1.0, 1.0, -1.0)


class SplineCorrelator(SpinCorrelation):
    r"""$\Psi = e^U |\Phi\rangle$ with splines of pairs and of two legs of a nucleon.

    $U = \sum_{i<j} [f(r_{ij}) + t(r_{ij})] + \sum_i \sum_{j<k \neq i} [g(r_{ij})\, g(r_{ik}) - h(r_{ij})\, h(r_{ik})]$

    f, g and h, two of each of the latter, are cubic splines of $\ln(1 + r^2/b^2)$, b^2 = 0.25 fm^2: fine where forces
    are, coarse in the tail, smooth at contact, and zero beyond the reach, where the tail t is all that is left.

    Source: the conventional correlator of Adams, Carleo, Lovato and Rocco, arXiv:2007.14282, equation 2; here its
    three-body sums stand in the exponent, so that $\Psi$ never changes sign.

    Args:
        frame: of the relative vectors, see `SpinCorrelation`.
        ends: nucleons of every pair as 0 and 1 `(pairs, A)`.
        first: $\Phi$ `(components,)`.
        knots: intervals of the splines.
        reach: length in fm where they end.
    """

    first: Tensor
    ends: Tensor
    signs: Tensor

    def __init__(self, frame: Tensor, ends: Tensor, first: Tensor, knots: int = 12, reach: float = 8.0) -> None:
        super().__init__(frame)
        constants = {"ends": ends, "first": first, "signs": torch.tensor(SIGNS)}
        for name, value in constants.items():
            self.register_buffer(name, value.to(torch.get_default_dtype()), persistent=False)
        self.spline, self.tail = EvenSpline(knots, math.log1p(reach**2 / NEAR)), PairTail(len(frame))
        self.coefficients = nn.Parameter(torch.zeros(1, self.spline.functions))
        # legs start off zero, where their product would have no slope
        legs = 0.05 * torch.randn(len(SIGNS), self.spline.functions) if len(frame) > 1 else torch.zeros(0, 0)
        self.legs = nn.Parameter(legs)

    def amplitudes(self, squares: Values) -> tuple[Values, Values]:
        """Return U `(*)` and the constant components `(*, components)` of squared distances `(*, pairs)`."""
        pairs = self.splines(squares, self.coefficients)
        factor = add(summed(summed(pairs)), summed(self.tail(squares)))
        if self.legs.numel():
            legs = self.splines(squares, self.legs)
            arms = over_pairs(legs, self.ends.mT)  # of every nucleon `(*, A, 2)`
            twice = add(summed_pairs(product(arms, arms)), scaled(summed_pairs(product(legs, legs)), -2.0))
            factor = add(factor, scaled(summed(scaled(twice, self.signs)), 0.5))
        return factor, constant(factor, self.first)

    def splines(self, squares: Values, coefficients: Tensor) -> Values:
        """Return splines `(*, pairs, kinds)` of squared distances `(*, pairs)`."""
        q = (squares.value if isinstance(squares, Jet) else squares).unsqueeze(-1)
        kinds = len(coefficients)
        # one interval off the origin, where the splines are even and would have no slope
        t = (torch.log1p(q / NEAR) + self.spline.step).expand(*q.shape[:-1], kinds)
        value: Tensor
        value, slope, curvature = self.spline(t, torch.arange(kinds, device=q.device), coefficients)
        if not isinstance(squares, Jet):
            return value
        stack = squares.stack.unsqueeze(-1).expand(*squares.stack.shape, kinds)
        rate = 1 / (q + NEAR)
        return apply(Jet(stack), value, slope * rate, (curvature - slope) * rate.square())


def scaled(h: Values, factors: Tensor | float) -> Values:
    """Return h times constants."""
    return Jet(h.stack * factors) if isinstance(h, Jet) else h * factors


def summed_pairs(h: Values) -> Values:
    """Return the sum over the axis before the last."""
    return Jet(h.stack.sum(-2)) if isinstance(h, Jet) else h.sum(-2)


def constant(like: Values, vector: Tensor) -> Values:
    """Return a vector `(C,)` as values `(*, C)` that do not vary."""
    if not isinstance(like, Jet):
        return vector.expand(*like.shape, len(vector))
    stack = like.stack.new_zeros(*like.stack.shape, len(vector))
    stack[0] = vector
    return Jet(stack)
