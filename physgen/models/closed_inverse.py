"""Flows whose inverse is in closed form."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.models.flow import FlowModel


class ClosedInverseFlow(FlowModel):
    """A flow whose `log_prob` costs no more than a draw: scores and draws at fixed x go through it, without solves."""

    abstract = True

    def draw_with_score(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return x, differentiable, with ln p(x) and d ln p/dx at fixed parameters, both held fixed."""
        x, _ = self.draw(z)
        with torch.enable_grad():
            leaf = x.detach().requires_grad_(True)
            log_prob = self.log_prob(leaf)
            (score,) = torch.autograd.grad(log_prob.sum(), leaf)
        return x, log_prob.detach(), score

    def draw_fixed(self, num_samples: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return draws, held fixed, and ln p(x), differentiable in the parameters."""
        x, _ = self.draw_batch(num_samples, generator)
        return x, self.log_prob(x)
