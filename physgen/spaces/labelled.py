"""Particles without walls, each walker with a label of its own."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.core.errors import check
from physgen.observables.base import Observable
from physgen.spaces.base import Space


class Labelled(Space):
    r"""n particles in dim dimensions, and a positive label of the walker; configurations have the shape `(n + 1, dim)`.

    The last row holds the label, the same number in every column. It says which member of a family of systems a walker
    belongs to, and no sampler moves it: `still` rows at the end stay as they are.

    Args:
        n: number of particles.
        dim: dimension of space.
        low: smallest label of a first guess.
        high: largest one.
    """

    still = 1

    def __init__(self, n: int, dim: int, low: float, high: float) -> None:
        super().__init__((n + 1, dim), n, dim)
        self.low, self.high = low, high

    def labels(self, x: Tensor) -> Tensor:
        """Return the labels `(*)` of configurations `(*, n + 1, dim)`."""
        return x[..., -1, 0]

    def places(self, x: Tensor) -> Tensor:
        """Return the particles `(*, n, dim)` of configurations `(*, n + 1, dim)`."""
        return x[..., :-1, :]

    def labelled(self, places: Tensor, label: float) -> Tensor:
        """Return configurations `(*, n + 1, dim)` of particles `(*, n, dim)` that all have one label."""
        return torch.cat([places, torch.full_like(places[..., :1, :], label)], -2)

    def displacements(self, x: Tensor) -> Tensor:
        """Return r_i - r_j `(batch, n, n, dim)` of the particles."""
        return super().displacements(self.places(x))

    def initial(
        self, num: int, scale: float, generator: torch.Generator | None, dtype: torch.dtype | None, device: torch.device
    ) -> Tensor:
        """Return normal draws of standard deviation `scale`, with labels in equal steps of their logarithm."""
        x = scale * torch.randn(num, *self.shape, generator=generator, dtype=dtype, device=device)
        share = (torch.arange(num, dtype=torch.float64, device=device) + 0.5) / max(num, 1)
        x[:, -1] = (self.low * (self.high / self.low) ** share).to(x)[:, None]
        return x

    def check(self, x: Tensor, name: str = "x") -> None:
        """Raise `InputError` unless `x` `(batch, n + 1, dim)` holds finite numbers, and labels above 0."""
        super().check(x, name)
        bad = int((x[:, -1] <= 0).any(-1).sum())
        check(not bad, name, f"{bad} of {len(x)} labels that are not", "above 0 in the last row")

    def averages(self, x: Tensor) -> dict[str, Tensor]:
        r"""Return $\sum_i r_i^2$ `(batch,)` of the particles."""
        return super().averages(self.places(x))

    def observables(self) -> list[Observable]:
        """Return nothing: pictures of walkers of different members do not belong together."""
        return []
