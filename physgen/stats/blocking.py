"""Error of the mean of correlated chains by blocking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from physgen.stats.autocorrelation import split_rhat
from physgen.stats.series import as_series

# Above this R-hat the chains disagree by more than their own scatter explains, and blocks of one chain are no
# independent draws however long they are.
MIXED_RHAT = 1.1

# R-hat alone is blind to chains that differ by little but for ever. Chain means that scatter more than the blocks
# predict, by this many standard deviations of that ratio, count as not mixed either.
MIXED_SIGMA = 3.0

# The scatter of fewer blocks is no measure of anything: their error is uncertain by more than a quarter.
FEWEST_BLOCKS = 8


@dataclass(frozen=True)
class BlockedError:
    """The mean of a series and how well it is known.

    Args:
        mean: mean of all entries, scalar tensor in the series' unit.
        error: one standard error of the mean, same unit; `nan` for a single entry.
        block_size: steps per block from which the error was taken; `steps` stands for whole chains.
        converged: whether blocks became long enough to be independent and chains agree. If not, the error is the
            largest that any block size or the chain means give: right for many independent stationary chains that
            are merely short, perhaps too small for few.
        variance: sample variance of single entries, unit squared; `nan` for a single entry.
    """

    mean: Tensor
    error: Tensor
    block_size: int
    converged: bool
    variance: Tensor


def blocked_error(series: Tensor) -> BlockedError:
    """Mean and error of correlated chains; the block size is chosen by the data.

    Steps are averaged in pairs again and again (Flyvbjerg and Petersen); at block size `B = 1, 2, 4, ...` the blocks of
    all chains together give `sigma_B^2 = var(block means) / number of blocks`. For two or more chains the means of the
    whole chains are the last level, `B = steps`. The smallest level with

        B^3 > 2 steps chains (sigma_B^2 / sigma_1^2)^2

    balances the bias of short blocks against the noise of few (Lee et al.). If no level of at least 8 blocks passes,
    R-hat is above 1.1, or the chain means scatter by 3 sigma more than such blocks allow, the largest error over
    the levels is returned with `converged=False`; for chains that have not mixed it is that of the chain means. With
    `steps == 1` the chains are taken as independent draws: the plain standard error.

    Source: H. Flyvbjerg, H. G. Petersen, "Error estimates on averages of correlated data", J. Chem. Phys. 91, 461
    (1989), doi:10.1063/1.457480; R. M. Lee, G. J. Conduit, N. Nemec, P. Lopez Rios, N. D. Drummond, "Strategies for
    improving the efficiency of quantum Monte Carlo calculations", Phys. Rev. E 83, 066706 (2011),
    doi:10.1103/PhysRevE.83.066706.

    Args:
        series: `(steps,)` or `(steps, chains)`, any unit.

    Raises:
        InputError: the shape is another, or the series is empty.
    """
    series = as_series(series)
    steps, chains = series.shape
    origin = series[0, 0]
    shifted = series - origin
    mean = origin + shifted.mean()
    if series.numel() == 1:
        unknown = torch.full_like(mean, torch.nan)
        return BlockedError(mean, unknown, 1, False, unknown)
    variance = shifted.var()
    if variance == 0:
        return BlockedError(mean, torch.zeros_like(mean), 1, True, variance)
    if steps == 1:
        return BlockedError(mean, (variance / chains).sqrt(), 1, True, variance)

    levels = _levels(shifted)
    chosen = _first_independent(levels, steps * chains)
    mixed = chosen is not None and not bool(split_rhat(series) > MIXED_RHAT)
    converged = mixed and chosen is not None and not _disagree(levels[-1], chosen)
    if chosen is None or not converged:
        chosen = max(levels, key=lambda level: level.square)
    return BlockedError(mean, mean.new_tensor(chosen.square).sqrt(), chosen.size, converged, variance)


class _Level(NamedTuple):
    """Blocks of `size` steps, their number over all chains, and the squared error of the mean from them."""

    size: int
    blocks: int
    square: float


def _levels(series: Tensor) -> list[_Level]:
    """Levels of `(steps, chains)` with at least two blocks in a chain; whole chains, if several, come last."""
    steps, chains = series.shape
    levels, size, blocks = [], 1, series
    while len(blocks) > 1:
        levels.append(_Level(size, blocks.numel(), float(blocks.var() / blocks.numel())))
        # An odd block at the start is dropped: the end of a chain is the better equilibrated one.
        blocks = blocks[len(blocks) % 2 :].unflatten(0, (-1, 2)).mean(dim=1)
        size *= 2
    if chains > 1:
        levels.append(_Level(steps, chains, float(series.mean(dim=0).var() / chains)))
    return levels


def _first_independent(levels: list[_Level], count: int) -> _Level | None:
    """Return the first level of `count` values that meets the criterion of Lee et al. with enough blocks, or None."""
    for level in levels:
        inflation = level.square / levels[0].square
        if level.blocks >= FEWEST_BLOCKS and level.size**3 > 2 * count * inflation**2:
            return level
    return None


def _disagree(longest: _Level, chosen: _Level) -> bool:
    """Tell whether the `longest` level, the chain means, scatters more than the `chosen` blocks allow."""
    # Relative variance of a sample variance of normal numbers, of both: 2 / (blocks - 1).
    spread = (2 / (longest.blocks - 1) + 2 / (chosen.blocks - 1)) ** 0.5
    return bool(longest.square > (1 + MIXED_SIGMA * spread) * chosen.square)
