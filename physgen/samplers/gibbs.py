"""Gibbs sampling of visible and hidden units."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError
from physgen.samplers.base import LogDensity, Sampler


class Gibbs(Sampler):
    r"""Block Gibbs sampling of a restricted Boltzmann machine: h ~ p(h|x), then x ~ p(x|h).

    It needs a density that is the marginal over hidden units and gives both conditionals, as |psi|^2 of the
    Gaussian-binary RBM with psi = sqrt(F_rbm) and no Jastrow factor does; every other is refused.

    Source: Hinton, "A Practical Guide to Training Restricted Boltzmann Machines", doi:10.1007/978-3-642-35289-8_32.

    Args:
        walkers: number of chains on this rank.
        steps: sweeps of every walker between two samples.
        warm_up_steps: sweeps before the first sample of a run.
    """

    adapts = False

    continuous = True

    def __init__(self, walkers: int = 512, steps: int = 5, warm_up_steps: int = 200) -> None:
        super().__init__(walkers, steps, warm_up_steps)

    def evaluate(self, log_density: LogDensity, x: Tensor) -> dict[str, Tensor]:
        """Return the positions; Gibbs sampling needs no log-density."""
        return {"x": x}

    def move(self, log_density: Any, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        """Draw hidden units, then visible ones; every sweep is accepted."""
        require_conditionals(log_density)
        hidden = log_density.draw_hidden(state["x"], self.generator)
        x = log_density.draw_visible(hidden, self.generator)
        return {"x": x}, torch.ones((), dtype=x.dtype, device=x.device)


def require_conditionals(log_density: Any) -> None:
    """Raise `InputError` unless the density gives both conditionals p(h|x) and p(x|h)."""
    if not getattr(log_density, "has_conditionals", False):
        raise InputError(
            "sampler Gibbs needs |psi|^2 = F_rbm with its conditionals p(x|h), p(h|x): "
            "a GaussianBinaryRBM with form='sqrt' and jastrow=False; use Metropolis or MALA otherwise"
        )
