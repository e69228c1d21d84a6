"""A histogram over a distance, as arrays with errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Profile(NamedTuple):
    """A function of a distance in bins: `r, value, error, edges = model.density()`.

    Args:
        r: middles of the bins `(bins,)`, in the system's unit of length.
        value: means `(bins,)`.
        error: one standard error from independent chains `(bins,)`, NaN where nothing was seen.
        edges: limits of the bins `(bins + 1,)`.
    """

    r: NDArray[np.float64]
    value: NDArray[np.float64]
    error: NDArray[np.float64]
    edges: NDArray[np.float64]


def profile(arrays: Mapping[str, NDArray[np.float64]], name: str, edges: str) -> Profile:
    """Return the histogram `name` among arrays that an observable made."""
    limits, values, errors = (np.asarray(arrays[key], dtype=float) for key in (edges, name, f"{name}_error"))
    seen = (values != 0) | (errors != 0)
    return Profile((limits[1:] + limits[:-1]) / 2, values, np.where(seen, errors, np.nan), limits)
