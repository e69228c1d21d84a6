"""Derivatives of ln|psi|: by coordinates for the local energy, by parameters for natural gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from physgen.models.base import Model
from physgen.models.numpy_edge import Configurations, takes_arrays
from physgen.nn.derivatives import DerivativeRule
from physgen.objectives.component_energy import JACOBIAN_NUMBERS
from physgen.systems import At


class LogDerivatives(Model):
    """A wavefunction by a network: `net(x) -> (sign, ln|psi|)` of coordinates in units of the system's length."""

    abstract = True
    net: nn.Module
    #: the system's length, in units of which the network sees coordinates
    length: float
    _rule: DerivativeRule | None = None

    def derivatives(self, x: Configurations) -> tuple[Configurations, Configurations]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi|.

        By the network's own rule where it gives one (in closed form, or by the forward Laplacian), else by one backward
        pass for every coordinate; in chunks of bounded memory.
        """
        gradient, laplacian = self.rule(x / self.length)
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

        In chunks of walkers, so that what is needed beside the result is bounded.
        """
        trained = {k: p for k, p in self.net.named_parameters() if p.requires_grad}
        rest = {k: p for k, p in self.net.named_parameters() if not p.requires_grad}
        rest.update(self.net.named_buffers())

        def log_abs(parameters: dict[str, Tensor], one: Tensor) -> Tensor:
            return functional_call(self.net, {**parameters, **rest}, (one[None],))[1][0]

        found = []
        size = sum(p.numel() for p in trained.values())
        for part in (x / self.length).split(max(1, JACOBIAN_NUMBERS // max(size, 1))):
            gradients = vmap(grad(log_abs), in_dims=(None, 0))(trained, part)
            found.append(torch.cat([gradients[k].reshape(len(part), -1) for k in trained], dim=1).detach())
        return found[0] if len(found) == 1 else torch.cat(found)

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
