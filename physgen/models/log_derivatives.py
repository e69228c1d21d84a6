"""Derivatives of ln|psi|: by coordinates for the local energy, by parameters for natural gradients."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from physgen.models.base import Model
from physgen.models.numpy_edge import Configurations, takes_arrays
from physgen.nn.derivatives import DerivativeRule
from physgen.nn.sample_gradients import SampleGradients
from physgen.systems import At


class LogDerivatives(Model):
    """A wavefunction by a network: `net(x) -> (sign, ln|psi|)` of coordinates in units of the system's length."""

    abstract = True
    net: nn.Module
    #: the system's length, in units of which the network sees coordinates
    length: float
    _rule: DerivativeRule | None = None
    _gradients: SampleGradients | None = None

    def derivatives(self, x: Configurations) -> tuple[Configurations, Configurations]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi|.

        By the network's own rule where it gives one (in closed form, or by the forward Laplacian), else by one backward
        pass for every coordinate; in chunks of bounded memory.
        """
        rule: Any = self.rule  # of tensors: at the edge arrays were made tensors
        gradient, laplacian = rule(x / self.length)
        return gradient / self.length, laplacian / self.length**2

    @property
    def rule(self) -> DerivativeRule:
        """How the network's derivatives are found."""
        if self._rule is None or self._rule.net is not self.net:
            self._rule = DerivativeRule(self.net)
        return self._rule

    @takes_arrays
    def jacobian(self, x: Tensor) -> Tensor:
        """Return per-sample gradients of ln|psi| `(batch, P)`, columns in the order of the trained parameters.

        By one backward pass of a chunk of walkers, see `SampleGradients`; what is needed beside the result is bounded.
        """
        return self.gradients(x / self.length)[:, 0]

    def kept_jacobian(self, x: Tensor) -> Tensor:
        """Return `jacobian(x)` in memory that is kept and overwritten by the next call: a training step needs no new.

        A model with a `jacobian` of its own gives that.
        """
        if type(self).jacobian is not LogDerivatives.jacobian:
            own: Tensor = self.jacobian(x)
            return own.clone()
        return self.gradients(x / self.length, keep=True)[:, 0]

    @property
    def gradients(self) -> SampleGradients:
        """How the gradients of samples are found."""
        if self._gradients is None or self._gradients.net is not self.net:
            self._gradients = SampleGradients(self.net, log_value)
        return self._gradients

    def on_fit_start(self) -> None:
        """Compare the derivatives that the local energy asks for with autograd, then start or restore the walkers.

        Raises:
            TrainingError: they disagree.
        """
        guesses = torch.Generator(self.device).manual_seed(0)
        dtype = self.configurations_dtype or next(self.parameters()).dtype
        at = At(self, self.system.initial(4, guesses, dtype, self.device))
        with torch.no_grad():
            at.local_energy(at.x)
        if at.known_gradient() is not None:  # a local energy of its own may ask for none
            self.rule.check(at.x / self.length)
        super().on_fit_start()


def log_value(given: tuple[Tensor, Tensor]) -> Tensor:
    """Return ln|psi| `(1,)` of what a network gives for one configuration."""
    return given[1]
