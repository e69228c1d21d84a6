"""An encoder and a decoder of latent numbers: configurations, their latents, and the probabilities of both."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

#: range of logarithms of widths about zero, so that no width leaves what floats can tell
RANGE = 5.0
#: numbers of one layer that are held at once
AT_ONCE = 4_000_000


def perceptron(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Return two hidden layers of SiLU."""
    first, second = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)
    return nn.Sequential(first, nn.SiLU(), second, nn.SiLU(), nn.Linear(hidden, outputs))


def log_normal(x: Tensor, mean: Tensor | float, log_width: Tensor) -> Tensor:
    """Return ln N(x; mean, width^2) summed over the last axis."""
    return (-0.5 * ((x - mean) * (-log_width).exp()).square() - log_width - 0.5 * math.log(2 * math.pi)).sum(-1)


class LatentPair(nn.Module):
    r"""p(x, z) = N(z; 0, 1) p(x|z) with a decoder p(x|z), and an encoder r(z|x) that is Gaussian.

    Sites of two values are drawn one by one, with logits of z; numbers are Gaussian with means and widths of z. An
    `even` pair of spins has logits that change sign with z, and an encoder to match, so that p(-x) = p(x).

    Args:
        sites: M.
        latent: d.
        hidden: units of the two hidden layers of each network.
        values: what a site may hold; None for real numbers.
        even: whether p(-x) = p(x).
    """

    def __init__(
        self, sites: int, latent: int, hidden: int, values: tuple[float, float] | None, even: bool = False
    ) -> None:
        super().__init__()
        self.values, self.even, self.latent, self.hidden = values, even, latent, hidden
        self.encoder = perceptron(sites, hidden, 2 * latent)
        self.decoder = perceptron(latent, hidden, sites if values else 2 * sites)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of the width of r(z|x) `(*, d)` of sites `(*, M)`."""
        mean, log_width = self.encoder(x).chunk(2, -1)
        if self.even:
            other, other_width = self.encoder(-x).chunk(2, -1)
            mean, log_width = mean - other, log_width + other_width
        return mean, RANGE * torch.tanh(log_width / RANGE)

    def decode(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and zeros, or mean and logarithm of the width `(*, M)`, of p(x|z)."""
        found = self.decoder(z) - self.decoder(-z) if self.even else self.decoder(z)
        if self.values:
            return found, torch.zeros_like(found)
        mean, log_width = found.chunk(2, -1)
        return mean, RANGE * torch.tanh(log_width / RANGE)

    def log_decoder(self, x: Tensor, z: Tensor) -> Tensor:
        """Return ln p(x|z) `(*)`."""
        first, log_width = self.decode(z)
        if self.values is None:
            return log_normal(x, first, log_width)
        high = x > 0.5 * (self.values[0] + self.values[1])
        return logsigmoid(torch.where(high, first, -first)).sum(-1)

    def in_parts(self, x: Tensor, latents: int) -> tuple[Tensor, ...]:
        """Return configurations `(batch, *)` in parts whose layers fit into the memory at once."""
        width = max(self.hidden, x.shape[1:].numel())
        parts: tuple[Tensor, ...] = x.split(max(1, AT_ONCE // (latents * width)))
        return parts

    def log_ratio(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return ln p(x, z) - ln r(z|x) `(K, batch)` at z = mean + width * noise, of `(batch, M)` and `(K, *, d)`."""
        mean, log_width = self.encode(x)
        z = mean + log_width.exp() * noise
        log_r = log_normal(noise.expand_as(z), 0.0, torch.zeros_like(z)) - log_width.sum(-1)
        return log_normal(z, 0.0, torch.zeros_like(z)) + self.log_decoder(x, z) - log_r

    def draw(self, num: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Draw sites `(num, M)`; return them and ln p(x, z) - ln r(z|x), by which weights of x are unbiased."""
        like = next(self.parameters())
        z = torch.randn(num, self.latent, generator=generator, dtype=like.dtype, device=like.device)
        first, log_width = self.decode(z)
        if self.values:
            low, high = self.values
            uniform = torch.rand(first.shape, generator=generator, dtype=like.dtype, device=like.device)
            x = torch.where(uniform < torch.sigmoid(first), high, low).to(like)
        else:
            noise = torch.randn(first.shape, generator=generator, dtype=like.dtype, device=like.device)
            x = first + log_width.exp() * noise
        mean, width = self.encode(x)
        log = log_normal(z, 0.0, torch.zeros_like(z)) + self.log_decoder(x, z) - log_normal(z, mean, width)
        return x, log
