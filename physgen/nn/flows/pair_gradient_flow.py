"""A flow of relative vectors that pushes particles apart: a gradient field of pair distances, with its derivatives."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from torch import Tensor, nn

from physgen.nn.oscillator.jacobi_vectors import jacobi_vectors

#: distance at which the radial functions change from their value at 0 to that at infinity
RANGE = 1.5


class PairGradientFlow(nn.Module):
    r"""A map of relative vectors, equivariant under exchanges, turns and reflections, that leaves the centre of mass.

    $$x = \xi + \sum_e v_e\, u_e\, \eta_e(|u_e|), \qquad u_e = v_e \cdot \xi,$$

    over differences $u = z_i - z_j$ of pairs and, of more than two particles, places $u = z_i$ in the frame of the
    centre of mass. $\eta(r) = \sum_k c_k T_k(1 - 2 / (1 + r/1.5))$ with Chebyshev polynomials: linear in r where
    particles meet, so that flowed functions can have a cusp. It is the gradient of a potential: the Jacobian J is
    symmetric, and the map is one-to-one where J is positive everywhere. At the start it is the identity.

    Args:
        n: number of particles.
        pair_terms: numbers c of pairs.
        place_terms: numbers c of places, without effect on two particles.

    Source: one map for all states of an ensemble, arXiv:2105.08644; a cusp by a map linear in r is of physgen.
    """

    directions: Tensor
    is_pair: Tensor

    def __init__(self, n: int, pair_terms: int, place_terms: int) -> None:
        super().__init__()
        pairs = [np.eye(n)[i] - np.eye(n)[j] for i, j in itertools.combinations(range(n), 2)]
        places = list(np.eye(n)) if n > 2 and place_terms else []
        directions = np.array([*pairs, *places]) @ jacobi_vectors(n).T
        self.register_buffer("directions", torch.as_tensor(directions, dtype=torch.float64), False)
        self.pairs = len(pairs)
        self.pair = nn.Parameter(torch.zeros(pair_terms))
        self.place = nn.Parameter(torch.zeros(place_terms if places else 0))

    def arms(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return u `(batch, edges, 2)` and its length `(batch, edges)` of relative vectors `(batch, 2 (n - 1))`."""
        u = torch.einsum("ek,bka->bea", self.directions.to(x), x.view(len(x), -1, 2))
        return u, u.square().sum(-1).sqrt()

    def radial(self, r: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        r"""Return $\eta$, $\eta'$ and $\eta''$ `(batch, edges)` at distances `(batch, edges)`."""
        value, first, second = chebyshev(r[:, : self.pairs], self.pair.to(r))
        if not self.place.numel():
            return value, first, second
        more = chebyshev(r[:, self.pairs :], self.place.to(r))
        return torch.cat([value, more[0]], 1), torch.cat([first, more[1]], 1), torch.cat([second, more[2]], 1)

    def spread_out(self, vectors: Tensor) -> Tensor:
        """Return sum_e v_e a_e `(batch, size)` of vectors a `(batch, edges, 2)`."""
        return torch.einsum("ek,bea->bka", self.directions.to(vectors), vectors).flatten(1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return images `(batch, size)` and Jacobians `(batch, size, size)` of relative vectors `(batch, size)`."""
        u, r = self.arms(x)
        value, first, _ = self.radial(r)
        return x + self.spread_out(u * value[..., None]), self.jacobian(u, value, first / r)

    def jacobian(self, u: Tensor, value: Tensor, over: Tensor) -> Tensor:
        r"""Return $1 + \sum_e v_e v_e^T \otimes (\eta + \tfrac{\eta'}{r} u u^T)$ `(batch, size, size)`."""
        eye = torch.eye(2, dtype=u.dtype, device=u.device)
        inner = value[..., None, None] * eye + over[..., None, None] * u[..., None] * u[..., None, :]
        v = self.directions.to(u)
        size = 2 * v.shape[1]
        found = torch.einsum("ek,el,beac->bkalc", v, v, inner).reshape(-1, size, size)
        return found + torch.eye(size, dtype=u.dtype, device=u.device)

    def with_slope(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        r"""Return image, Jacobian, its inverse and $w = \nabla \ln|J|$ `(batch, size)` of relative vectors."""
        u, r = self.arms(x)
        value, first, second = self.radial(r)
        over = first / r
        jacobian = self.jacobian(u, value, over)
        inverse = torch.linalg.inv(jacobian)
        v = self.directions.to(u)
        inner = torch.einsum("ek,bkalc,el->beac", v, inverse.view(-1, v.shape[1], 2, v.shape[1], 2), v)
        turned = torch.einsum("beac,bec->bea", inner, u)
        trace = inner.diagonal(dim1=-2, dim2=-1).sum(-1)
        along = over * trace + (second - over) / r.square() * (u * turned).sum(-1)
        slope = along[..., None] * u + 2 * over[..., None] * turned
        return x + self.spread_out(u * value[..., None]), jacobian, inverse, self.spread_out(slope)

    def tangents(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return $u_k = J^{-1} \partial x / \partial c_k$ `(batch, P, size)` and its divergences `(batch, P)`.

        By them every state changes with the numbers of the flow:
        $\partial \psi / \partial c_k = -|J|^{-1/2} (u_k \cdot \nabla \Phi + \tfrac12 (\nabla \cdot u_k) \Phi)$.
        """

        def field(point: Tensor) -> Tensor:
            u, r = self.arms(point)
            parts = []
            for edges, numbers in ((slice(self.pairs), self.pair), (slice(self.pairs, None), self.place)):
                if numbers.numel():
                    basis, v = polynomials(r[:, edges], numbers.numel()), self.directions[edges].to(u)
                    parts.append(torch.einsum("ek,bea,bep->bpka", v, u[:, edges], basis))
            _, jacobian = self.forward(point)
            found: Tensor = torch.cat(parts, 1).flatten(2) @ torch.linalg.inv(jacobian)
            return found

        with torch.no_grad():
            found = field(x)
            divergence = torch.zeros_like(found[..., 0])
            for d in range(x.shape[1]):
                along = torch.zeros_like(x)
                along[:, d] = 1
                divergence = divergence + torch.func.jvp(field, (x,), (along,))[1][..., d]
        return found, divergence


def polynomials(r: Tensor, count: int) -> Tensor:
    """Return Chebyshev polynomials `(*, count)` of 1 - 2 / (1 + r / RANGE) at distances `(*)`."""
    y = 1 - 2 / (1 + r / RANGE)
    found = [torch.ones_like(y), y]
    for k in range(2, count):
        found.append(2 * y * found[k - 1] - found[k - 2])
    return torch.stack(found[:count], -1)


def chebyshev(r: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sum of `polynomials` with these numbers, and its first two derivatives by the distance."""
    part = 1 / (1 + r / RANGE)
    y, first, second = 1 - 2 * part, 2 * part**2 / RANGE, -4 * part**3 / RANGE**2
    one, zero = torch.ones_like(y), torch.zeros_like(y)
    value, slope, bend = [one, y], [zero, one], [zero, zero]
    for k in range(2, len(numbers)):
        value.append(2 * y * value[k - 1] - value[k - 2])
        slope.append(2 * value[k - 1] + 2 * y * slope[k - 1] - slope[k - 2])
        bend.append(4 * slope[k - 1] + 2 * y * bend[k - 1] - bend[k - 2])
    total, by_y, by_y2 = (
        sum((c * each for c, each in zip(numbers, parts, strict=False)), zero) for parts in (value, slope, bend)
    )
    return total, by_y * first, by_y2 * first**2 + by_y * second
