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


def tail_index(values: Tensor, largest: int = 40) -> float:
    r"""Return Hill's estimate of the index of the upper tail: P(v > t) ~ t^-index, infinite variance up to 2.

    $1/\alpha = \frac1k \sum_{i \le k} \ln(v_i / v_{k+1})$ over the k largest values, from the median; the error is
    about index / sqrt(k). Infinity for a constant sample.

    Source: B. M. Hill, "A Simple General Approach to Inference About the Tail of a Distribution",
    doi:10.1214/aos/1176343247.

    Args:
        values: sample `(samples,)`; only finite values count.
        largest: k, at most a tenth of the sample.
    """
    values = values[values.isfinite()].double()
    k = min(largest, len(values) // 10)
    if k < 1:
        return float("inf")
    top = (values - values.median()).topk(k + 1).values
    mean = float((top[:-1] / top[-1]).log().mean()) if float(top[-1]) > 0 else 0.0
    return 1 / mean if mean > 0 else float("inf")
