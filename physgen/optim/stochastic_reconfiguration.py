"""Natural gradient for variational Monte Carlo: SR, minSR and SPRING."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check_choice, check_number, check_positive
from physgen.core.full_precision import full_precision
from physgen.core.ranks import agreed, gather, summed, world_size


class StochasticReconfiguration(torch.optim.Optimizer):
    r"""Stochastic reconfiguration with SPRING momentum, in the smaller of parameter and sample space.

    With rows O `(R, P)` and residuals e `(R,)` that an objective made, for the energy of B samples the centred
    O = (d ln|psi(x_k)|/d theta - mean)/sqrt(B) and e = (E_L(x_k) - mean)/sqrt(B), the step d solves the damped
    least-squares problem

        d = argmin |O d - e|^2 + lambda |d - mu d_prev|^2,    theta <- theta - lr d,  |lr d|^2 <= norm_limit,

    as (O^T O + lambda) d = O^T e + lambda mu d_prev when P <= R, and through the kernel O O^T (minSR) otherwise.
    mu = 0 is plain SR; one step of lr is an imaginary-time step of that length. Moments in parameter space and every
    solve are in float64; the kernel is multiplied in the precision of the gradients, a block of columns at a time, and
    summed in float64: its rounding is far below the damping, and float32 halves time and memory. When the
    Cholesky factorisation fails or gives non-finite numbers, the damping is raised tenfold, at most four times, and
    then the plain gradient is followed; both are counted in `report`. Over several ranks, moments or rows are
    gathered and every rank takes the same step.

    Sources: Sorella, "Green function Monte Carlo with stochastic reconfiguration", cond-mat/9803107; Chen and Heyl,
    "Empowering deep neural quantum states through efficient optimization", arXiv:2302.01941 (minSR); Goldshlager,
    Abrahamsen and Lin, "A Kaczmarz-inspired approach to accelerate the optimization of neural network wavefunctions",
    arXiv:2401.10190 (SPRING).

    Args:
        params: parameters, in the order of the columns of O.
        lr: step length in units of the inverse energy scale.
        damping: lambda, relative to a unit of O^2.
        momentum: mu of SPRING, in [0, 1).
        norm_limit: largest squared norm of a step.
        space: `auto`, `parameters` or `samples`.

    Raises:
        InputError: an argument out of its range.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 0.05,
        damping: float = 1e-3,
        momentum: float = 0.95,
        norm_limit: float = 2e-2,
        space: str = "auto",
    ) -> None:
        check_positive("learning_rate", lr)
        check_positive("damping", damping)
        check_positive("norm_limit", norm_limit)
        check_number("momentum", momentum, 0, math.nextafter(1, 0), "a number in [0, 1)")
        check_choice("space", space, ("auto", "parameters", "samples"))
        super().__init__(params, {"lr": lr, "damping": damping, "momentum": momentum, "norm_limit": norm_limit})
        self.space = space
        self.report: dict[str, float] = {}
        self.fallbacks = 0

    @full_precision
    @torch.no_grad()
    def step(self, closure: Callable[[], tuple[Tensor, Tensor]]) -> None:  # type: ignore[override]  # rows, no loss
        """Take one step.

        Args:
            closure: returns this rank's rows `(R, P)` and residuals `(R,)`, centred and scaled over all ranks; the
                gradient of what the step lowers is 2 O^T e.
        """
        with torch.enable_grad():
            rows, residuals = closure()
        group = self.param_groups[0]
        state = self.state[group["params"][0]]
        previous = state.get("direction")
        if previous is None:
            previous = rows.new_zeros(rows.shape[1], dtype=torch.float64)
        direction, damping, fallback = self.direction(rows, residuals, previous)
        norm = float(direction.norm()) * group["lr"]
        shrink = min(1.0, group["norm_limit"] ** 0.5 / max(norm, 1e-300))
        # a step that could not be solved for leaves no momentum: a huge gradient would rule all later steps
        state["direction"] = torch.zeros_like(direction) if fallback else direction
        self.fallbacks += int(fallback)
        self.report = {
            "step_norm": norm * shrink,
            "damping": damping,
            "fallbacks": float(self.fallbacks),
        }
        change = direction * (group["lr"] * shrink)
        start = 0
        for parameter in group["params"]:
            end = start + parameter.numel()
            parameter.sub_(change[start:end].view_as(parameter).to(parameter.dtype))
            start = end

    def direction(self, o: Tensor, e: Tensor, previous: Tensor) -> tuple[Tensor, float, bool]:
        """Return the step d `(P,)` in float64, the damping it took, and whether it fell back to the gradient."""
        group = self.param_groups[0]
        few_parameters = self.space == "parameters" or (
            self.space == "auto" and o.shape[1] <= o.shape[0] * world_size()
        )
        e, mu, damping = e.double(), group["momentum"], group["damping"]
        if few_parameters:
            o = o.double()
            gradient, matrix = summed(transposed_times(o, e)), summed(o.mT @ o)
        else:
            o, e = gather(o), gather(e)
            matrix, right = kernel(o), e - mu * (o @ previous.to(o.dtype)).double()
        diagonal = matrix.diagonal().clone()
        for _ in range(5):
            torch.add(diagonal, damping, out=matrix.diagonal())
            factor, failure = torch.linalg.cholesky_ex(matrix)
            if few_parameters:
                found = torch.cholesky_solve((gradient + damping * mu * previous)[:, None], factor)[:, 0]
            else:
                found = transposed_times(o, torch.cholesky_solve(right[:, None], factor)[:, 0]) + mu * previous
            if not bool(failure) and bool(found.isfinite().all()):
                return agreed(found), damping, False
            damping *= 10
        if not few_parameters:
            gradient = transposed_times(o, e)  # of the rows of all ranks
        # scaled to at most 1e100, whose square is finite, so that a huge gradient keeps its direction
        gradient = torch.nan_to_num(2 * gradient)
        return agreed(gradient * (1e100 / gradient.abs().max().clamp_min(1e100))), damping, True

    def state_dict(self) -> dict[str, Any]:
        """Return the optimiser's memory, the number of fallbacks included."""
        return {**super().state_dict(), "fallbacks": self.fallbacks}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave; the momentum keeps its float64."""
        memory = {k: v for k, v in state_dict.items() if k != "fallbacks"}
        self.fallbacks = int(state_dict.get("fallbacks", 0))
        super().load_state_dict(memory)
        first = self.param_groups[0]["params"][0]
        for held in memory["state"].values():
            if "direction" in held:  # the base class casts it to the dtype of the parameters
                self.state[first]["direction"] = held["direction"].to(first.device)


def kernel(o: Tensor, rows: int = 64, columns: int = 16384) -> Tensor:
    """Return O O^T `(B, B)` in float64, blocks of its lower half multiplied in the precision of `o` `(B, P)`."""
    total = torch.zeros(len(o), len(o), dtype=torch.float64, device=o.device)
    for part in o.split(columns, dim=1):
        for start in range(0, len(o), rows):
            end = min(start + rows, len(o))
            total[start:end, :end] += part[start:end] @ part[:end].mT
    return torch.tril(total) + torch.tril(total, -1).mT


def transposed_times(o: Tensor, vector: Tensor) -> Tensor:
    """Return O^T v `(P,)` in float64, multiplied in the precision of `o` `(B, P)`."""
    return (vector.to(o.dtype) @ o).double()
