"""The shape of recorded Markov chains: `(steps, chains)` in double precision."""

from __future__ import annotations

from torch import Tensor

from physgen.core.errors import check
from physgen.stats.precision import widened


def as_series(values: Tensor) -> Tensor:
    """Return `values` of shape `(steps,)` or `(steps, chains)` as `(steps, chains)` in the device's widest float.

    Raises:
        InputError: `values` is no real tensor of one or two dimensions, or it is empty.
    """
    check(isinstance(values, Tensor), "series", type(values).__name__, "a tensor")
    shape = tuple(values.shape)
    check(values.ndim in (1, 2) and values.numel() > 0, "series", shape, "not empty, (steps,) or (steps, chains)")
    check(not values.is_complex(), "series", values.dtype, "real")
    values = widened(values.detach(), values.device)
    return values.unsqueeze(1) if values.ndim == 1 else values


def centred(series: Tensor) -> Tensor:
    """Return `series` less its mean over all entries; a constant series gives exact zeros.

    The first entry goes first: a mean of equal numbers need not round to that number, and large offsets cost digits.
    """
    shifted = series - series.flatten()[0]
    return shifted - shifted.mean()
