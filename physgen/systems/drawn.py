"""Draws of a density, with its energies there found once."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import torch
from torch import Tensor


class Drawn:
    r"""Draws of a normalised density p in equilibrium, for everything that is measured of them.

    Args:
        system: gives `terms` and `beta`.
        x: configurations `(batch, *shape)`.
        log_prob: ln p `(batch,)` of them.
    """

    def __init__(self, system: Any, x: Tensor, log_prob: Tensor) -> None:
        self.system, self.x, self.log_prob = system, x, log_prob

    @cached_property
    def terms(self) -> dict[str, Tensor]:
        """Named terms of the energy, `(batch,)` each."""
        terms: dict[str, Tensor] = self.system.terms(self.x)
        return terms

    @cached_property
    def energy(self) -> Tensor:
        """H `(batch,)`."""
        return torch.stack(list(self.terms.values())).sum(0)

    @property
    def log_weight(self) -> Tensor:
        r"""Importance weight $\ln (e^{-\beta H}/p)$ `(batch,)`, not normalised."""
        return -float(self.system.beta) * self.energy - self.log_prob
