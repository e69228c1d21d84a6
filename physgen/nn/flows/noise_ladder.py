"""A ladder of noises between particles and a Gaussian: denoiser, paths down the ladder and their probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

#: exponent of the rungs: they are dense where the noise is small
BEND = 7.0


class NoiseLadder(nn.Module):
    r"""Noises $\sigma_1 < \dots < \sigma_K$ and the denoiser $D(x, \sigma)$, the mean of samples that x may come from.

    $D = \frac{x}{1 + \sigma^2} + \frac{\sigma}{\sqrt{1 + \sigma^2}} F\Big(\frac{x}{\sqrt{1 + \sigma^2}},
    \frac{\ln \sigma}{2}\Big)$, in units of the cloud; F = 0 is exact for a Gaussian of unit width.

    A path goes down from a Gaussian of width $\sqrt{1 + \sigma_K^2}$ by Gaussian steps with the mean of the reversed
    noise and a variance that is trained; up it is the noise itself. Both probabilities are known exactly.

    Sources: T. Karras, M. Aittala, T. Aila and S. Laine, "Elucidating the Design Space of Diffusion-Based Generative
    Models", arXiv:2206.00364; J. Sohl-Dickstein et al., "Deep Unsupervised Learning using Nonequilibrium
    Thermodynamics", arXiv:1503.03585.

    Args:
        field: F(x, t) `(batch, n, dim)`.
        basis: orthonormal directions `(D, n, dim)` that particles move in.
        narrowest: sigma_1.
        widest: sigma_K.
        rungs: K.
    """

    sigma: Tensor

    def __init__(
        self, field: Callable[[Tensor, Tensor], Tensor], basis: Tensor, narrowest: float, widest: float, rungs: int
    ) -> None:
        super().__init__()
        self.field, self.narrowest, self.widest = field, narrowest, widest
        self.basis = basis.double()  # no buffer: it would be rounded with the weights
        share = torch.linspace(0, 1, rungs, dtype=torch.float64)
        low, high = narrowest ** (1 / BEND), widest ** (1 / BEND)
        self.register_buffer("sigma", (low + share * (high - low)) ** BEND, persistent=False)
        #: logarithms of the factors by which steps down are wider than the reversed noise of a single point
        self.widen = nn.Parameter(torch.zeros(rungs))

    @property
    def base_width(self) -> float:
        """Width of the Gaussian at the top."""
        return math.sqrt(1 + self.widest**2)

    def noise(self, num: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return normal draws `(num, n, dim)` in the directions that particles move in."""
        size = (num, len(self.basis))
        normal = torch.randn(size, generator=generator, dtype=like.dtype, device=like.device)
        return torch.einsum("bt,tnd->bnd", normal, self.basis.to(like))

    def log_normal(self, x: Tensor, variance: Tensor | float) -> Tensor:
        """Return ln N(x; 0, variance) `(batch,)` over the directions that particles move in."""
        variance = torch.as_tensor(variance, dtype=x.dtype, device=x.device)
        return -0.5 * (x.square().sum((1, 2)) / variance + len(self.basis) * (2 * math.pi * variance).log())

    def denoised(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return D `(batch, n, dim)` of noisy particles and their noises `(batch,)`."""
        s = sigma[:, None, None]
        wide = (1 + s.square()).sqrt()
        return x / wide.square() + s / wide * self.field(x / wide, 0.5 * sigma.log())

    def velocity(self, x: Tensor, log_sigma: Tensor) -> Tensor:
        r"""Return dx/d ln sigma = x - D of the probability flow, whose law at every sigma is that of the noise."""
        return x - self.denoised(x, log_sigma.exp())

    def score_loss(self, x: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the weighed error of the denoiser `(batch,)`, and of the variance of a step that is drawn for it."""
        uniform = torch.rand(len(x), generator=generator, dtype=x.dtype, device=x.device)
        normal = torch.randn(len(x), generator=generator, dtype=x.dtype, device=x.device)
        low, high = math.log(self.narrowest), math.log(self.widest)
        even = torch.arange(len(x), device=x.device) % 2 == 0
        sigma = torch.where(even, low + (high - low) * uniform, (normal - 0.9).clamp(low, high)).exp()
        s = sigma[:, None, None]
        error = self.denoised(x + s * self.noise(len(x), x, generator), sigma) - x
        loss = ((1 + s.square()) / s.square() * error.square()).sum((1, 2))
        k = torch.randint(len(self.sigma), (len(x),), generator=generator, device=x.device)
        below = torch.where(k > 0, self.sigma.to(x)[(k - 1).clamp(min=0)], 0.0)[:, None, None]
        goal = x + below * self.noise(len(x), x, generator)
        rise = (self.sigma.to(x)[k][:, None, None].square() - below.square()).sqrt()
        with torch.no_grad():
            mean, variance = self.kernel(goal + rise * self.noise(len(x), x, generator), k)
            square = (goal - mean).square().sum((1, 2)) / variance
        widen = self.widen[k]
        return loss + 0.5 * (square * (-widen).exp() + len(self.basis) * widen)

    def kernel(self, x: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean `(batch, n, dim)` and variance `(batch,)`, not widened, of steps down from rungs `(batch,)`."""
        sigma = self.sigma.to(x)
        square = sigma[k].square()
        below = torch.where(k > 0, sigma[(k - 1).clamp(min=0)], 0.0).square()
        share = (square - below) / square
        mean = x + share[:, None, None] * (self.denoised(x, sigma[k]) - x)
        return mean, torch.where(k > 0, share * below, square)

    def paths(self, num: int, like: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Draw paths down the ladder, held fixed; return their ends x and ln q(path) - ln r(path | x), differentiable.

        q is the law of the paths and r that of the noise from x up, so that for any f the mean of f(x) exp(-difference)
        is the integral of f: weights by it are exact, whatever the denoiser.
        """
        x = self.base_width * self.noise(num, like, generator)
        log = self.log_normal(x, self.base_width**2)
        sigma = self.sigma.to(like)
        for k in reversed(range(len(sigma))):
            mean, variance = self.kernel(x, torch.full((num,), k, device=x.device))
            variance = variance[0] * self.widen[k].exp()
            below = sigma[k - 1] if k else torch.zeros_like(sigma[0])
            y = (mean + variance.sqrt() * self.noise(num, like, generator)).detach()
            log = log + self.log_normal(y - mean, variance)
            log = log - self.log_normal(x - y, sigma[k].square() - below.square())
            x = y
        return x, log
