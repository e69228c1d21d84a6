"""Least squares of several independent problems at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class LevenbergMarquardt(torch.optim.Optimizer):
    r"""Least squares of R independent problems whose parameters and residuals stand along first axes of length R.

    $$(J^T J + \mu) \delta = -J^T r, \qquad \text{accepted where } |r(\theta + \delta)|^2 < |r(\theta)|^2$$

    with a damping mu for every problem, which falls after an accepted step and rises after a refused one. The system is
    solved in the smaller of the two spaces, of parameters and of residuals.

    Source: K. Levenberg, "A method for the solution of certain non-linear problems in least squares",
    doi:10.1090/qam/10666; D. W. Marquardt, doi:10.1137/0111030.

    Args:
        params: tensors `(R, ...)`.
        damping: mu to start with, in units of the mean square of a column of J.
        fall: factor of mu after an accepted step.
        rise: factor of mu after a refused one.
        least: smallest mu.
    """

    def __init__(
        self, params: Any, damping: float = 1e-2, fall: float = 1 / 3, rise: float = 4.0, least: float = 1e-14
    ) -> None:
        super().__init__(params, {"lr": 1.0})
        self.damping, self.fall, self.rise, self.least = damping, fall, rise, least

    @torch.no_grad()
    def step(self, closure: Callable[[], tuple[Tensor, Callable[[], Tensor]]]) -> Tensor:  # type: ignore[override]
        """Take one step of every problem; return the sums of squares `(R,)` before it.

        Args:
            closure: returns residuals `(R, m)`, and a function that gives their Jacobian `(R, m, p)`: p parameters of
                one problem in the order of `params`. It is called once more at trial parameters, without Jacobian.
        """
        params = [p for group in self.param_groups for p in group["params"]]
        residuals, derivatives = closure()
        jacobian = derivatives()
        cost = residuals.square().sum(1)
        state = self.state[params[0]]
        if "damping" not in state:
            state["damping"] = torch.full_like(cost, self.damping)
        scale = jacobian.square().sum((1, 2)) / jacobian.shape[2]
        mu = state["damping"] * scale.clamp(min=1e-300)
        change = -damped_solution(jacobian, residuals, mu)
        before = [p.clone() for p in params]
        parts = change.split([p[0].numel() for p in params], 1)
        for p, part in zip(params, parts, strict=True):
            p.add_(part.view_as(p))
        trial = closure()[0].square().sum(1)
        better = trial < cost  # never true for NaN
        for p, old in zip(params, before, strict=True):
            p.copy_(torch.where(better.view(-1, *[1] * (p.ndim - 1)), p, old))
        factor = torch.where(better, self.fall, self.rise)
        state["damping"] = (state["damping"] * factor).clamp(self.least, 1e6)
        return cost


def damped_solution(jacobian: Tensor, residuals: Tensor, mu: Tensor) -> Tensor:
    """Return (J^T J + mu)^-1 J^T r `(R, p)` of `jacobian` `(R, m, p)`, `residuals` `(R, m)` and `mu` `(R,)`."""
    rows, columns = jacobian.shape[1:]
    few = rows < columns
    gram = jacobian @ jacobian.mT if few else jacobian.mT @ jacobian
    gram.diagonal(dim1=1, dim2=2).add_(mu[:, None])
    right = residuals if few else torch.einsum("rmp,rm->rp", jacobian, residuals)
    factor, _ = torch.linalg.cholesky_ex(gram)
    solved = torch.cholesky_solve(right[..., None], factor)[..., 0]
    return torch.einsum("rmp,rm->rp", jacobian, solved) if few else solved
