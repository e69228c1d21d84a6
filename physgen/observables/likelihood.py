"""The log-likelihood of samples that a density has not seen."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from physgen.observables.base import Findings, Observable
from physgen.stats.estimate import Estimate


class Likelihood(Observable):
    r"""`log_likelihood` $\langle \ln p \rangle$ of fresh samples, in nats, and `forward_kl` where F is known.

    $$KL(e^{-\beta H}/Z \| p) = \langle -\beta H + \beta F - \ln p \rangle$$

    Both logarithms are taken at the same samples, so that their scatter all but cancels. The error of an ln Z that is
    an estimate, `model.log_z_error`, is part of both errors.

    Args:
        model: gives `log_prob`, or a bound from below, `fresh_samples()` and `system`.
        exact: the free energy F, where it is known.
    """

    def __init__(self, model: Any, exact: float | None) -> None:
        self.model, self.exact = model, exact

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Return nothing: samples of the system are no draws of the model."""
        return {}

    def finish(self, found: Findings) -> None:
        """Add the log-likelihood and its distance from what the system's own law has."""
        x, beta = self.model.fresh_samples(), self.model.system.beta
        values = {"log_likelihood": self.model.log_prob(x).double()}
        if self.exact is not None:
            own = beta * (self.exact - self.model.system.energy(x).double())
            values["forward_kl"] = own - values["log_likelihood"]
        common = float(getattr(self.model, "log_z_error", 0.0))
        own = {}
        for name, value in values.items():
            error = math.hypot(float(value.std()) / len(value) ** 0.5, common)
            own[name] = Estimate(float(value.mean()), error)
        found.estimates = own | found.estimates
