"""How fast Markov chains forget: integrated autocorrelation time and R-hat."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.stats.series import as_series, centred

# Window in units of tau: Sokal advises 4 to 10; wider windows add noise, narrower ones bias.
SOKAL_WINDOW = 5.0

# Entries that one Fourier transform takes, so that many walkers do not need several copies of the whole series at once.
CHUNK_ENTRIES = 2**22


def autocovariance(series: Tensor) -> Tensor:
    """Autocovariance of `(steps, chains)` about the pooled mean, averaged over chains, for all lags, by FFT.

        C_t = 1/(steps chains) sum_chains sum_{i < steps - t} (x_i - mean) (x_{i+t} - mean)

    The divisor is `steps` at each lag: it damps the noise of long lags, and `sum_t C_t` is then the variance of the
    mean of a run of this length.

    Args:
        series: `(steps,)` or `(steps, chains)`, any unit.

    Returns:
        `(steps,)` in that unit squared.

    Raises:
        InputError: the shape is another, or the series is empty.
    """
    deviation = centred(as_series(series))
    steps, chains = deviation.shape
    padded = 2 ** (2 * steps - 1).bit_length()
    total = deviation.new_zeros(steps)
    for chunk in deviation.split(max(1, CHUNK_ENTRIES // padded), dim=1):
        power = torch.fft.rfft(chunk, n=padded, dim=0).abs().square()
        total += torch.fft.irfft(power, n=padded, dim=0)[:steps].sum(dim=1)
    return total / (steps * chains)


def integrated_autocorrelation_time(series: Tensor) -> Tensor:
    """Steps of a chain that are worth one independent draw.

        tau = 1 + 2 sum_{t=1}^{M} rho_t,   rho_t = C_t / C_0,   M the smallest lag with M >= 5 tau(M)

    so that `error(mean)^2 = tau variance / (steps chains)`. White noise has tau = 1, an AR(1) chain of coefficient `r`
    has `(1 + r) / (1 - r)`. The covariance is about the mean of all chains, so chains that disagree raise tau, to
    `steps` when each is frozen. Below 1 (antithetic chains) the window cannot be trusted and 1 is returned, as for a
    constant series. The relative error is some `sqrt(20 tau / (steps chains))`, and tau comes out low by some
    `tau / steps`, as is right for the mean of a run of that length.

    Source: A. D. Sokal, "Monte Carlo Methods in Statistical Mechanics: Foundations and New Algorithms" (1997),
    doi:10.1007/978-1-4899-0319-8_6; U. Wolff, "Monte Carlo errors with less errors", arXiv:hep-lat/0306017.

    Args:
        series: `(steps,)` or `(steps, chains)`, any unit.

    Returns:
        Scalar, in recorded steps.

    Raises:
        InputError: the shape is another, or the series is empty.
    """
    covariance = autocovariance(series)
    if covariance[0] == 0:
        return torch.ones_like(covariance[0])
    tau = 2 * torch.cumsum(covariance / covariance[0], dim=0) - 1
    lags = torch.arange(len(tau), device=tau.device)
    closed = (lags >= SOKAL_WINDOW * tau).nonzero()
    window = closed[0, 0] if len(closed) else lags[-1]
    return tau[window].clamp(min=1.0)


def split_rhat(series: Tensor) -> Tensor:
    """Potential scale reduction of chains cut in halves: near 1 when all halves sample one distribution.

        R-hat = sqrt(((h - 1)/h W + V) / W)

    with `h = steps // 2` steps per half, `W` the mean variance within a half and `V` the variance of the means of
    the halves. One chain is enough: a drift then shows between its halves. Frozen chains that differ give `inf`, a
    constant series 1. Fewer than 4 steps cannot tell: `nan`. Of an odd number the first step is dropped.

    Source: A. Vehtari, A. Gelman, D. Simpson, B. Carpenter, P.-C. Buerkner, "Rank-normalization, folding, and
    localization: An improved R-hat for assessing convergence of MCMC", arXiv:1903.08008 (its
    split form without ranks: the mean is what is quoted).

    Args:
        series: `(steps,)` or `(steps, chains)`, any unit.

    Returns:
        Scalar without unit.

    Raises:
        InputError: the shape is another, or the series is empty.
    """
    deviation = centred(as_series(series))
    half = len(deviation) // 2
    if not deviation.any():
        return deviation.new_ones(())
    if half < 2:
        return deviation.new_full((), torch.nan)
    halves = deviation[len(deviation) % 2 :].unflatten(0, (2, half)).movedim(1, 0).flatten(1)
    within = halves.var(dim=0).mean()
    between = halves.mean(dim=0).var()
    # A drop of the first step can leave a constant rest: 0/0, which is mixed, not unknown.
    if within == 0 and between == 0:
        return deviation.new_ones(())
    rhat: Tensor = ((half - 1) / half + between / within).sqrt()
    return rhat
