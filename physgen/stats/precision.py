"""Metrics whose floating states keep the widest precision that their device has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

# Device types without float64.
NARROW_DEVICES = {"mps"}


def widest_float(device: torch.device | str) -> torch.dtype:
    """Return `torch.float64`, or `torch.float32` on a device that has no float64 (mps)."""
    return torch.float32 if torch.device(device).type in NARROW_DEVICES else torch.float64


def widened(values: Tensor, device: torch.device | str) -> Tensor:
    """Return `values` on `device`; real floating and integer values become `widest_float(device)`.

    The two conversions are ordered so that no float64 ever stands on a device without it.
    """
    dtype = widest_float(device)
    if dtype == torch.float32:
        return values.to(dtype).to(device)
    return values.to(device).to(dtype)


class PreciseMetric(Metric):
    """A `torchmetrics.Metric` whose floating states stay in `widest_float(device)`.

    `module.to(dtype=...)`, which Lightning calls for `16-true` and `bf16-true`, would otherwise round the running sums
    of a metric inside a LightningModule, and a move to mps would raise. Here only the device follows.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # torchmetrics uses this type for the empty state of a rank without data; ranks must agree on it.
        self._dtype = widest_float(self._device)

    def _apply(self, fn: Callable[[Tensor], Tensor], exclude_state: Sequence[str] = "") -> PreciseMetric:
        def moved(state: Tensor) -> Tensor:
            device = fn(torch.zeros(1, device=state.device)).device
            return widened(state, device) if state.is_floating_point() else state.to(device)

        super()._apply(moved, exclude_state)
        return self
