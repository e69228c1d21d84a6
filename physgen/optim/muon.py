"""Muon for hidden matrices, Adam for everything else, as one optimiser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check_positive


def orthogonalised(matrix: Tensor, steps: int = 5) -> Tensor:
    """Return about the polar factor of every matrix `(*, rows, columns)` by Newton-Schulz iterations."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.mT if tall else matrix
    x = x / (x.flatten(-2).norm(dim=-1)[..., None, None] + 1e-12)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    found: Tensor = x.mT if tall else x
    return found


class Muon(torch.optim.Optimizer):
    r"""Momentum with orthogonalised updates for matrices, Adam for the other parameters.

    Matrices `(*, rows, columns)`: M <- mu M + (1 - mu) G, W <- W - lr polar((1 - mu) G + mu M) sqrt(max(1,
    columns/rows)).

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024),
    https://kellerjordan.github.io/posts/muon/; Kingma and Ba, "Adam", arXiv:1412.6980.

    Args:
        params: all parameters.
        lr: step of Adam.
        matrix_lr: step of the orthogonalised updates.
        momentum: mu.
        betas: Adam's two decays.
        matrices: which of the parameters take orthogonalised updates; those of at least two axes unless given.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        matrix_lr: float = 0.02,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.99),
        matrices: Iterable[Tensor] | None = None,
    ) -> None:
        check_positive("learning_rate", lr)
        check_positive("matrix_learning_rate", matrix_lr)
        params = list(params)
        chosen = {id(p) for p in (params if matrices is None else matrices) if p.ndim >= 2}
        groups = [
            {"params": [p for p in params if id(p) in chosen], "lr": matrix_lr, "matrices": True},
            {"params": [p for p in params if id(p) not in chosen], "lr": lr, "matrices": False},
        ]
        super().__init__([g for g in groups if g["params"]], {"momentum": momentum, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step; `closure` computes the gradients, if it is given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    (self._matrix if group["matrices"] else self._adam)(p, p.grad, group)
        return loss

    def _matrix(self, p: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[p]
        if not state:
            state["momentum"] = torch.zeros_like(p)
        mu = group["momentum"]
        state["momentum"].lerp_(gradient, 1 - mu)
        update = orthogonalised(gradient.lerp(state["momentum"], mu))
        p.sub_(update, alpha=group["lr"] * max(1.0, p.shape[-1] / p.shape[-2]) ** 0.5)

    def _adam(self, p: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[p]
        if not state:
            state.update(step=torch.tensor(0.0), mean=torch.zeros_like(p), square=torch.zeros_like(p))
        first, second = group["betas"]
        state["step"] += 1
        count = float(state["step"])
        state["mean"].lerp_(gradient, 1 - first)
        state["square"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        scale = (state["square"] / (1 - second**count)).sqrt_().add_(1e-8)
        p.addcdiv_(state["mean"], scale, value=-group["lr"] / (1 - first**count))
