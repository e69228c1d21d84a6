"""Quadrature on an interval by the Clenshaw-Curtis rule."""

from __future__ import annotations

import numpy as np


def clenshaw_curtis(intervals: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes and weights `(intervals + 1,)` of the Clenshaw-Curtis rule on [0, 1]; `intervals` is even.

    It integrates polynomials up to the degree `intervals` exactly:

        >>> s, w = clenshaw_curtis(4)
        >>> float(round(w @ s**4, 12))
        0.2
    """
    angle = np.pi * np.arange(intervals + 1) / intervals
    j = np.arange(1, intervals // 2 + 1)
    factor = np.where(2 * j == intervals, 1.0, 2.0) / (4 * j**2 - 1)
    weights = (1 - np.cos(2 * angle[:, None] * j) @ factor) / intervals
    weights[[0, -1]] /= 2
    return (1 - np.cos(angle)) / 2, weights
