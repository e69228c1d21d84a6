"""How heavy the tails of a sample are."""

from __future__ import annotations

import torch
from torch import Tensor


def tails(values: Tensor, limit: float = 5.0) -> dict[str, float]:
    """Return what lies far out in a sample, and how much clipping it would have moved the mean.

    Args:
        values: sample `(samples,)`; only finite values count.
        limit: where the tails begin, in mean absolute deviations about the median.

    Returns:
        `tail_fraction` beyond the limit, `tail_shift` of the mean if they were clipped to it, and `tail_largest`, the
        largest deviation in standard deviations; zeros for a constant sample.
    """
    values = values[values.isfinite()]
    if len(values) < 2:
        return {"tail_fraction": 0.0, "tail_shift": 0.0, "tail_largest": 0.0}
    off = values - values.median()
    edge = limit * off.abs().mean()
    shift = (off.clamp(-edge, edge) - off).mean()
    largest = (values - values.mean()).abs().max() / values.std().clamp_min(torch.finfo(values.dtype).tiny)
    return {
        "tail_fraction": float((off.abs() > edge).to(values.dtype).mean()),
        "tail_shift": float(shift),
        "tail_largest": float(largest),
    }
