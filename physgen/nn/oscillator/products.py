"""Values, gradients and second derivatives of products of one-dimensional oscillator functions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


def oscillator_functions(x: Tensor, most: int) -> tuple[Tensor, Tensor, Tensor]:
    r"""Return orthonormal oscillator functions $h_0, \ldots, h_{most}$ with first and second derivatives.

    $h_{k+1} = \sqrt{2/(k+1)}\, x h_k - \sqrt{k/(k+1)}\, h_{k-1}$, $h_k' = \sqrt{2k}\, h_{k-1} - x h_k$,
    $h_k'' = (x^2 - 2k - 1) h_k$, in units of the oscillator's length.

    Args:
        x: coordinates `(*)`.
        most: highest number of quanta.

    Returns:
        `(*, most + 1)` each.
    """
    values = [math.pi**-0.25 * torch.exp(-0.5 * x * x)]
    for k in range(most):
        before = values[k - 1] if k else torch.zeros_like(x)
        values.append(math.sqrt(2 / (k + 1)) * x * values[k] - math.sqrt(k / (k + 1)) * before)
    value = torch.stack(values, -1)
    quanta = torch.arange(most + 1, dtype=x.dtype, device=x.device)
    lower = torch.cat([torch.zeros_like(value[..., :1]), value[..., :-1]], -1)
    first = (2 * quanta).sqrt() * lower - x[..., None] * value
    return value, first, (x[..., None].square() - 2 * quanta - 1) * value


@dataclass(frozen=True)
class Coefficients:
    r"""A differential operator $-\tfrac12 (B : \nabla\nabla + c \cdot \nabla) + v$ at points, B symmetric.

    Args:
        second: B `(batch, size, size)`.
        first: c `(batch, size)`.
        value: v `(batch,)`.
    """

    second: Tensor
    first: Tensor
    value: Tensor

    def of(self, value: Tensor, gradient: Tensor, hessian: Tensor) -> Tensor:
        """Return the operator applied to functions `(batch, *)` with derivatives `(batch, size, [size,] *)`."""
        second = torch.einsum("bde,bde...->b...", self.second, hessian)
        first = torch.einsum("bd,bd...->b...", self.first, gradient)
        return -0.5 * (second + first) + self.value.view(-1, *[1] * (value.ndim - 1)) * value


class ProductTables:
    """Products of oscillator functions at points, by the numbers of quanta of each coordinate.

    Args:
        x: points `(batch, size)`, in units of the oscillator's length.
        index: numbers of quanta `(products, size)`.
    """

    def __init__(self, x: Tensor, index: Tensor) -> None:
        tables = oscillator_functions(x, int(index.max()))
        size = x.shape[1]
        self.size = size
        self.value, self.first, self.second = (
            [table[:, d].index_select(1, index[:, d]) for d in range(size)] for table in tables
        )

    def product(self, replaced: dict[int, Tensor]) -> Tensor:
        """Return products `(batch, products)` with some factors replaced."""
        found = replaced.get(0, self.value[0])
        for d in range(1, self.size):
            found = found * replaced.get(d, self.value[d])
        return found

    def values(self) -> Tensor:
        """Return the products `(batch, products)`."""
        return self.product({})

    def gradients(self) -> Tensor:
        """Return their gradients `(batch, size, products)`."""
        return torch.stack([self.product({d: self.first[d]}) for d in range(self.size)], 1)

    def image(self, operator: Coefficients) -> Tensor:
        """Return an operator applied to all products `(batch, products)`."""
        found = operator.value[:, None] * self.values()
        for d in range(self.size):
            # both derivatives in one coordinate share the other factors
            own = operator.second[:, d, d, None] * self.second[d] + operator.first[:, d, None] * self.first[d]
            found = found - 0.5 * self.product({d: own})
            for e in range(d):
                mixed = operator.second[:, d, e, None] * self.first[d]
                found = found - self.product({d: mixed, e: self.first[e]})
        return found
