"""What a peer is to the benchmark: a map of another library between a Gaussian and the particles."""

from __future__ import annotations

import math
from abc import abstractmethod

import torch
from torch import Tensor, nn

from physgen.systems import ClassicalDot


class Peer(nn.Module):
    r"""A flow x = c (a * f(z) + b): a peer's own map f, then the first guess that physgen's flows have.

    ln p(x) = ln N(z) - ln |det df/dz| - sum ln a - D ln c,  c the spread of the cloud

    Args:
        system: the dot.
        start: `cloud` (a = 1, b = 0) or `places` (every particle near a place of its own); a and b are trained.
    """

    #: name in the table
    name: str

    def __init__(self, system: ClassicalDot, start: str) -> None:
        super().__init__()
        self.system, self.size = system, system.n * system.dim
        gain = 1.0 if start == "cloud" else min(1.0, system.thermal_width / system.spread)
        self.log_gain = nn.Parameter(torch.full((self.size,), math.log(gain)))
        self.offset = nn.Parameter((1 - gain**2) ** 0.5 * torch.randn(self.size))

    @abstractmethod
    def carry(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(z) `(batch, D)` and ln |det df/dz| `(batch,)`, by the peer."""

    def latent(self, num_samples: int, generator: torch.Generator | None) -> Tensor:
        """Draw z `(num_samples, D)`."""
        return torch.randn(num_samples, self.size, generator=generator, dtype=self.offset.dtype)

    def draw(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return x and ln p(x), both differentiable."""
        return self.placed(z, *self.carry(z))

    def placed(self, z: Tensor, y: Tensor, log_det: Tensor) -> tuple[Tensor, Tensor]:
        """Return x and ln p(x) from latent z, f(z) and its log-determinant."""
        x = self.system.spread * (self.log_gain.exp() * y + self.offset)
        constant = self.size * (0.5 * math.log(2 * math.pi) + math.log(self.system.spread))
        log_prob = -0.5 * z.square().sum(-1) - constant - log_det - self.log_gain.sum()
        return x.view(-1, self.system.n, self.system.dim), log_prob

    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw x `(num_samples, n, dim)` and ln p."""
        return self.draw(self.latent(num_samples, generator))
