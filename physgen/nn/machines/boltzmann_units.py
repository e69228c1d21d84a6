"""Units of Boltzmann machines: what a field does to one of them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


class BinaryUnits(nn.Module):
    """Units that are 0 or 1."""

    values: tuple[float, float] | None = (0.0, 1.0)

    @property
    def precision(self) -> float | Tensor:
        """1/s^2, by which an energy measures fields; 1 for units of two values."""
        return 1.0

    @property
    def pair(self) -> tuple[float, float]:
        """The two values.

        Raises:
            TypeError: units that are numbers.
        """
        if self.values is None:
            raise TypeError(f"{type(self).__name__} have no two values")
        return self.values

    def cumulant(self, field: Tensor) -> Tensor:
        """Return ln sum_u exp(field u - base(u)), one for every unit."""
        return softplus(field)

    def mean(self, field: Tensor) -> Tensor:
        """Return the mean of a unit in a field, the derivative of `cumulant`."""
        return torch.sigmoid(field)

    def base(self, units: Tensor) -> Tensor:
        """Return the energy of units without field, `(batch,)`."""
        return torch.zeros_like(units[..., 0])

    def draw(self, field: Tensor, generator: torch.Generator | None) -> Tensor:
        """Draw units in a field."""
        return self.choose(torch.sigmoid(field), generator)

    def choose(self, probability: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the higher of the two values with a probability."""
        low, high = self.pair
        uniform = torch.rand(probability.shape, generator=generator, dtype=probability.dtype, device=probability.device)
        return torch.where(uniform < probability, high, low).to(probability)


class SpinUnits(BinaryUnits):
    """Units that are -1 or +1."""

    values = (-1.0, 1.0)

    def cumulant(self, field: Tensor) -> Tensor:
        """Return ln 2 cosh(field)."""
        return field.abs() + softplus(-2 * field.abs())

    def mean(self, field: Tensor) -> Tensor:
        """Return tanh(field)."""
        return torch.tanh(field)

    def draw(self, field: Tensor, generator: torch.Generator | None) -> Tensor:
        """Draw units in a field."""
        return self.choose(torch.sigmoid(2 * field), generator)


class GaussianUnits(BinaryUnits):
    """Units that are real numbers with the energy u^2/(2 s^2).

    Args:
        sigma: s.
        train_sigma: whether s is trained.
    """

    values = None

    def __init__(self, sigma: float = 1.0, train_sigma: bool = True) -> None:
        super().__init__()
        self.log_sigma = nn.Parameter(torch.tensor(math.log(sigma)), requires_grad=train_sigma)

    @property
    def precision(self) -> Tensor:
        """1/s^2."""
        return torch.exp(-2 * self.log_sigma)

    def cumulant(self, field: Tensor) -> Tensor:
        """Return ln of the integral of exp(field u - u^2/(2 s^2)) = ln(2 pi s^2)/2 + s^2 field^2/2."""
        return 0.5 * (math.log(2 * math.pi) - self.precision.log() + field.square() / self.precision)

    def mean(self, field: Tensor) -> Tensor:
        """Return s^2 field."""
        return field / self.precision

    def base(self, units: Tensor) -> Tensor:
        """Return u^2/(2 s^2), summed over units."""
        return 0.5 * self.precision * units.square().sum(-1)

    def draw(self, field: Tensor, generator: torch.Generator | None) -> Tensor:
        """Draw units in a field."""
        noise = torch.randn(field.shape, generator=generator, dtype=field.dtype, device=field.device)
        return self.mean(field) + self.log_sigma.exp() * noise


#: kinds of units by the name of a visible layer, with the kind of the hidden layer
LAYERS: dict[str, tuple[type[BinaryUnits], type[BinaryUnits]]] = {
    "binary": (BinaryUnits, BinaryUnits),
    "spin": (SpinUnits, SpinUnits),
    "gaussian": (GaussianUnits, BinaryUnits),
}
