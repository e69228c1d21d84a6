"""Bounds of the log-likelihood of samples from below, one above the other."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from physgen.observables.base import Findings, Observable
from physgen.stats.estimate import Estimate


class EvidenceLadder(Observable):
    r"""`elbo`, `iw_10`, `iw_100`, ...: means over fresh samples of bounds of ln p with 1, 10, 100, ... latents each.

    $$\text{ELBO} \le \text{IW-10} \le \text{IW-100} \le \dots \le \langle \ln p \rangle \le -S$$

    Args:
        model: gives `bounds_of_samples(x)`, values `(batch,)` by their number of latents, and `fresh_samples()`.
    """

    def __init__(self, model: Any) -> None:
        self.model = model

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Return nothing: samples of the system are no draws of the model."""
        return {}

    def finish(self, found: Findings) -> None:
        """Add the bounds."""
        for number, values in self.model.bounds_of_samples(self.model.fresh_samples()).items():
            name = "elbo" if number == 1 else f"iw_{number}"
            found.estimates[name] = Estimate(float(values.mean()), float(values.std() / len(values) ** 0.5))
