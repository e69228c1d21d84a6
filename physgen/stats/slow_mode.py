"""Error of a mean where one slow mode is too slow for blocks to find it."""

from __future__ import annotations

from torch import Tensor

from physgen.core.ranks import summed
from physgen.stats.mean import BlockedMean


def error_with_slow_mode(values: BlockedMean, mode: BlockedMean) -> Tensor:
    """Return the error of the mean of `values` with the part that goes with a slow `mode` counted by the mode's error.

        v = b m + rest,  b = cov(v, m)/var(m),  error^2 = error(rest)^2 + b^2 error(m)^2

    A fast noise of large variance hides a slow part of small variance in the blocks of `values`; in those of the mode
    it does not.

    Args:
        values: what is averaged, `(steps, chains)`.
        mode: the slow quantity at the same steps of the same chains.
    """
    v, m = values.series(), mode.series()
    about = m - m.mean()
    spread = summed(about.square().sum())
    slope = summed(((v - v.mean()) * about).sum()) / spread if spread > 0 else spread
    rest = BlockedMean().to(v.device)
    rest.update(v - slope * m)
    return (rest.compute()["error"].square() + (slope * mode.compute()["error"]).square()).sqrt()
