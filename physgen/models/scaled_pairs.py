"""Units of pairs (x, y): what a model of pairs makes of its inputs, and in what it measures its outputs."""

from __future__ import annotations

import torch
from lightning import LightningModule
from torch import Tensor

from physgen.core.errors import check


class ScaledPairs(LightningModule):
    """A module whose inputs become features, and whose outputs have an origin and units, both found from pairs.

    Subclasses set what is annotated here, and call `set_units`.
    """

    #: what the outputs are, see `ParametricMatrixModel`
    form: str
    #: exponents of the features, None for 1 and every x
    powers: tuple[float, ...] | None
    centre: Tensor
    range: Tensor
    shift: Tensor
    scale: Tensor

    def set_units(self, inputs: int, outputs: int, energies: int) -> None:
        """Begin with units of 1.

        Args:
            inputs: number of x.
            outputs: number of y.
            energies: how many of these, the first ones, are energies, which share a unit.
        """
        self.energies, double = energies, torch.float64
        self.register_buffer("centre", torch.zeros(inputs, dtype=double))
        self.register_buffer("range", torch.ones(inputs, dtype=double))
        self.register_buffer("shift", torch.zeros(outputs, dtype=double))
        self.register_buffer("scale", torch.ones(outputs, dtype=double))

    def features(self, x: Tensor) -> Tensor:
        """Return features `(batch, K)` of inputs `(batch, inputs)`."""
        if self.form == "unitary":
            return x * self.range
        if self.powers is not None:
            check(bool((x > 0).all()), "x", float(x.min()), "positive where powers of it are taken")
            return torch.cat([(x / self.range) ** p for p in self.powers], 1)
        return torch.cat([torch.ones_like(x[:, :1]), (x - self.centre) / self.range], 1)

    def measure(self, x: Tensor, y: Tensor) -> None:
        """Set units of inputs and outputs: energies share one, without an origin of their own."""
        low, high = x.amin(0), x.amax(0)
        if self.form == "transitions":
            self.shift.copy_(y.mean(0))
            self.scale.copy_(y.std(0).clamp(min=1e-300))
        else:
            self.scale.copy_(y.square().mean(0).sqrt().clamp(min=1e-300))
            self.scale[: self.energies] = y[:, : self.energies].square().mean().sqrt().clamp(min=1e-300)
        if self.form == "unitary":
            self.range.copy_(self.scale[:1])  # times a step: the phase that the exponentials see
        elif self.powers is not None:
            self.range.copy_(x.log().mean(0).exp())
        else:
            self.centre.copy_((low + high) / 2)
            self.range.copy_(((high - low) / 2).clamp(min=1e-300))
