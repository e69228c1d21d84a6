"""The map of an ordinary differential equation in a few steps, with the determinant of these steps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jvp, vmap

from physgen.nn.solve import solve

#: numbers of one intermediate of a field whose derivatives are taken at once
AT_ONCE = 2_000_000
#: a preimage is taken where a step misses its target by less, relative to 1 + |x|
TOLERANCE = 1e-11


class RungeKuttaMap:
    r"""x(t_1) from x(t_0) where dx/dt = v(x, t), by K steps of the classical fourth order.

    The determinant is that of the steps themselves, $\ln |\det| = \sum_k \ln |\det \partial x_{k+1}/\partial x_k|$, not
    the integral of the divergence: a density that is carried along is normalised for any K wherever the steps can be
    inverted, and K decides how near it comes to that of the continuous equation.

    Args:
        field: v(x, t) `(batch, n, dim)` of positions `(batch, n, dim)` and times `(batch,)`.
        basis: orthonormal directions `(D, n, dim)` that positions move in.
        begin: t_0.
        end: t_1.
        steps: K.
        size: largest number of values that the field holds for one position, by which batches are split.
    """

    def __init__(
        self,
        field: Callable[[Tensor, Tensor], Tensor],
        basis: Tensor,
        begin: float,
        end: float,
        steps: int,
        size: int = 1,
    ) -> None:
        self.field, self.basis, self.begin, self.steps = field, basis, begin, steps
        self.length = (end - begin) / steps
        self.rows = max(1, AT_ONCE // max(size * len(basis), 1))

    def step(self, x: Tensor, k: int, back: bool = False) -> Tensor:
        """Return x after step k, or before it as the same formula says with the time reversed."""
        h = -self.length if back else self.length
        start = self.begin + self.length * (k + back)

        def v(x: Tensor, share: float) -> Tensor:
            return self.field(x, torch.full_like(x[:, 0, 0], start + share * h))

        first = v(x, 0)
        second = v(x + 0.5 * h * first, 0.5)
        third = v(x + 0.5 * h * second, 0.5)
        return x + h / 6 * (first + 2 * second + 2 * third + v(x + h * third, 1))

    def jacobian(self, x: Tensor, k: int) -> Tensor:
        """Return the Jacobian of step k `(batch, D, D)` by forward-mode products, `[b, a]` the change of a along b."""

        def along(direction: Tensor) -> Tensor:
            change: Tensor = jvp(lambda y: self.step(y, k), (x,), (direction.expand_as(x),))[1]
            return change

        return torch.einsum("sbnd,tnd->bst", vmap(along)(self.basis), self.basis)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return x(t_1), ln |det dx(t_1)/dx(t_0)| and the sign of the determinant, `(batch,)` each."""
        parts = [self._forward(part) for part in x.split(self.rows)]
        done, log_det, sign = (torch.cat(each) for each in zip(*parts, strict=True))
        return done, log_det, sign

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        total, sign = torch.zeros_like(x[:, 0, 0]), torch.ones_like(x[:, 0, 0])
        for k in range(self.steps):
            signs, log = torch.linalg.slogdet(self.jacobian(x, k))
            x, total, sign = self.step(x, k), total + log, sign * signs
        return x, total, sign

    def carry(self, x: Tensor) -> Tensor:
        """Return x(t_1) alone."""
        for k in range(self.steps):
            x = self.step(x, k)
        return x

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return x(t_0) of x(t_1), NaN where it is not found, and ln |det dx(t_1)/dx(t_0)| there; differentiable."""
        parts = [self._inverse(part) for part in x.split(self.rows)]
        found, log_det = (torch.cat(each) for each in zip(*parts, strict=True))
        return found, log_det

    def _inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        total = torch.zeros_like(x[:, 0, 0])
        for k in reversed(range(self.steps)):
            with torch.no_grad():
                y = self.before(x, k)
            if torch.is_grad_enabled():
                # a Newton step of value zero carries the motion of the preimage with weights and x
                miss = torch.einsum("bnd,tnd->bt", x - self.step(y, k), self.basis)
                slope = self.jacobian(y, k).detach()
                moved = solve(slope.mT, miss[..., None])[..., 0]
                y = y + torch.einsum("bt,tnd->bnd", moved - moved.detach(), self.basis)
            x = y
            total = total + torch.linalg.slogdet(self.jacobian(x, k))[1]
        return x, total

    def before(self, x: Tensor, k: int, iterations: int = 40) -> Tensor:
        """Return the preimages of step k: the step back in time is all but the inverse, and mends what it misses."""
        y = self.step(x, k, back=True)
        scale = TOLERANCE if x.dtype == torch.float64 else 1e-5
        limit = scale * (1 + x.flatten(1).norm(dim=-1))
        miss = (x - self.step(y, k)).flatten(1).norm(dim=-1)
        target = y
        for _ in range(iterations):
            rows = ((miss > 1e-3 * limit) & miss.isfinite()).nonzero()[:, 0]
            if not len(rows):
                break
            trial = y[rows] + target[rows] - self.step(self.step(y[rows], k), k, back=True)
            left = (x[rows] - self.step(trial, k)).flatten(1).norm(dim=-1)
            better = left < miss[rows]
            y = y.index_copy(0, rows, torch.where(better[:, None, None], trial, y[rows]))
            if not bool(better.any()):
                break
            miss = miss.index_copy(0, rows, torch.where(better, left, miss[rows]))
        return torch.where((miss <= limit)[:, None, None], y, torch.nan)
