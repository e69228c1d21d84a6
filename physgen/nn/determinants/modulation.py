"""What a condition changes in the layers of a network: biases and gains, linear in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import linear as dense

from physgen.nn.forward_laplacian import Jet, Values


class Change(Protocol):
    """What changes the values at named places of a network."""

    def __call__(self, place: str, values: Values) -> Values:
        """Return the values of a place changed, a jet of a jet."""


def unchanged(place: str, values: Values) -> Values:
    """Return the values as they are."""
    return values


class Modulation(nn.Module):
    r"""Values $z$ of a layer become $(z + B e)(1 + G e)$, with a condition e of each configuration.

    B and G of each place are trained; all gains and most biases start at 0. Both are constant in space: of a jet the
    bias moves the value alone, the gain multiplies everything.

    Source: Perez, Strub, de Vries, Dumoulin and Courville, "FiLM: Visual Reasoning with a General Conditioning Layer",
    arXiv:1709.07871.

    Args:
        places: names of layers with their features and axes of particles, 1 or 2 (pairs).
        condition: numbers of a condition.
        first: places whose biases start as normal numbers of standard deviation `scale`.
        scale: of those.
    """

    def __init__(
        self, places: Mapping[str, tuple[int, int]], condition: int, first: tuple[str, ...] = (), scale: float = 0.3
    ) -> None:
        super().__init__()
        self.axes = {place: axes for place, (_, axes) in places.items()}
        size = {place: (width, condition) for place, (width, _) in places.items()}
        starts = {p: scale * torch.randn(shape) if p in first else torch.zeros(shape) for p, shape in size.items()}
        self.bias = nn.ParameterDict(starts)
        self.gain = nn.ParameterDict({place: torch.zeros(shape) for place, shape in size.items()})

    def forward(self, condition: Tensor) -> Change:
        """Return what configurations with the condition e `(*, condition)` change."""

        def change(place: str, values: Values) -> Values:
            bias, gain = (self.aligned(dense(condition, w[place]), place) for w in (self.bias, self.gain))
            if not isinstance(values, Jet):
                return (values + bias) * (1 + gain)
            stack = values.stack * (1 + gain)
            stack[0] += bias * (1 + gain)
            return Jet(stack)

        return change

    def aligned(self, values: Tensor, place: str) -> Tensor:
        """Return `(*, F)` as `(*, 1, F)` or `(*, 1, 1, F)`, which stands beside all particles or pairs."""
        for _ in range(self.axes[place]):
            values = values.unsqueeze(-2)
        return values
