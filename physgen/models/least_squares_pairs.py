"""Training of all restarts of a function of pairs at once, by damped least squares."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.models.own_optimizers import the_optimizer
from physgen.models.scaled_pairs import ScaledPairs
from physgen.nn.parametric_matrices import ParametricMatrices
from physgen.optim.levenberg_marquardt import LevenbergMarquardt


class LeastSquaresPairs(ScaledPairs):
    """Matrices whose restarts take steps of least squares, and are kept where their error was least."""

    net: ParametricMatrices
    #: the restarts where their error was least
    kept: ParametricMatrices
    #: those errors, mean squares `(R,)`
    error: Tensor
    #: whether errors are measured in units of y
    relative: bool

    def configure_optimizers(self) -> LevenbergMarquardt:
        """Return damped least squares."""
        return LevenbergMarquardt(self.net.parameters())

    def residuals(self, net: ParametricMatrices, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Return errors `(R, batch, outputs)` and the unit of the matrices' outputs in them, `(batch, outputs)`."""
        x, y = batch
        units = self.scale / (y.abs() if self.relative else self.scale)
        return units * (net(self.features(x)) - (y - self.shift) / self.scale), units

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Take a step of least squares on all pairs."""

        def closure() -> tuple[Tensor, Any]:
            errors, units = self.residuals(self.net, batch)

            def jacobian() -> Tensor:
                return (units[..., None] * self.net.jacobian(self.features(batch[0]))).flatten(1, 2)

            return errors.flatten(1), jacobian

        cost = the_optimizer(self).step(closure=closure) / batch[1].numel()
        self.log("train/error", cost.min().sqrt(), prog_bar=True, batch_size=len(batch[0]))

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Keep restarts whose error on the validation pairs fell."""
        if not self.trainer.sanity_checking:
            self.keep(self.residuals(self.net, batch)[0])
            self.log("val/error", self.error.min().sqrt(), prog_bar=True, batch_size=len(batch[0]))

    @torch.no_grad()
    def keep(self, errors: Tensor) -> None:
        """Keep the restarts whose mean square of `errors` `(R, batch, outputs)` is the least so far."""
        found = errors.square().mean((1, 2))
        better = found < self.error
        self.error = torch.where(better, found, self.error)
        for kept, now in zip(self.kept.parameters(), self.net.parameters(), strict=True):
            kept.copy_(torch.where(better.view(-1, *[1] * (now.ndim - 1)), now, kept))
