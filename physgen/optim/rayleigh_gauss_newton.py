"""Gauss-Newton steps for the Rayleigh quotient of a wavefunction that is known on a mesh."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from physgen.core.errors import check_positive
from physgen.core.full_precision import full_precision

#: trials of one step, each with four times the damping of the last, and the smallest damping
TRIALS, LEAST = 8, 1e-9


class RayleighGaussNewton(torch.optim.Optimizer):
    r"""Minimise $E(\theta) = \psi^T H \psi / \psi^T \psi$ by damped Gauss-Newton steps.

    With $\psi$ normalised and J its Jacobian, orthogonal to $\psi$, the curvature of E is $G = J^T (H - E) J$ near an
    eigenstate, and

        theta <- theta - (G_+ + lambda)^-1 J^T H psi

    where G_+ has no negative eigenvalues. A step that does not lower E is taken back and tried again with 4 lambda;
    after one that does, lambda is divided by 5 (Levenberg and Marquardt). The metric H - E levels kinetic energies that
    span many orders of magnitude, where first-order steps follow the largest. All is in float64.

    Args:
        params: parameters, in the order of the columns of J.
        hamiltonian: H `(M, M)`, symmetric.
        damping: lambda to start with.

    Raises:
        InputError: damping is not a positive number.
    """

    def __init__(self, params: Iterable[Tensor], hamiltonian: Tensor, damping: float = 1.0) -> None:
        check_positive("damping", damping)
        super().__init__(params, {"damping": damping})
        self.hamiltonian = hamiltonian.double()
        self.report: dict[str, float] = {}

    @full_precision
    @torch.no_grad()
    def step(self, closure: Callable[[], tuple[Tensor, Callable[[], Tensor]]]) -> None:  # type: ignore[override]
        """Take one step.

        Args:
            closure: returns psi `(M,)` at the parameters as they are, and a function that gives its Jacobian `(M, P)`.
        """
        group = self.param_groups[0]
        parameters = group["params"]
        with torch.enable_grad():
            psi, slopes = closure()
            jacobian = slopes()
        h = self.hamiltonian
        norm = psi.norm()
        psi, jacobian = psi.double() / norm, jacobian.double() / norm
        jacobian = jacobian - psi[:, None] * (psi @ jacobian)
        energy = psi @ h @ psi
        curvature = jacobian.mT @ (h @ jacobian) - energy * (jacobian.mT @ jacobian)
        gradient = jacobian.mT @ (h @ psi)
        values, vectors = torch.linalg.eigh(0.5 * (curvature + curvature.mT))
        along, values = vectors.mT @ gradient, values.clamp_min(0)
        before = [p.detach().clone() for p in parameters]
        for trial in range(1, TRIALS + 1):
            step = -(vectors @ (along / (values + group["damping"])))
            self._move(before, step)
            after, _ = closure()
            after = after.double()
            lowered = bool(after @ h @ after < energy * (after @ after))
            self.report = {"step_norm": float(step.norm()), "damping": group["damping"], "trials": float(trial)}
            if lowered:
                group["damping"] = max(group["damping"] / 5, LEAST)
                return
            group["damping"] *= 4
        self._move(before, torch.zeros_like(gradient))

    def _move(self, start: list[Tensor], step: Tensor) -> None:
        parameters = self.param_groups[0]["params"]
        parts = step.split([p.numel() for p in parameters])
        for parameter, at, change in zip(parameters, start, parts, strict=True):
            parameter.copy_(at + change.view_as(at).to(at.dtype))
