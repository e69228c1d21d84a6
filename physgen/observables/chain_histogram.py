"""Histograms that grow batch by batch, one a chain, so that their errors come from independent chains."""

from __future__ import annotations

import torch
from torch import Tensor


class ChainHistogram:
    """Sums over steps of what every chain gives, `(chains, bins)`; chains are rows of a batch, the same in each."""

    def __init__(self) -> None:
        self.sums: Tensor | None = None
        self.steps = 0

    def add(self, values: Tensor) -> None:
        """Take the values `(chains, bins)` of one more step."""
        values = values.detach().double()
        self.sums = values if self.sums is None else self.sums + values
        self.steps += 1

    def mean(self) -> Tensor:
        """Return the mean over the steps, `(chains, bins)`, on the CPU; none before the first step."""
        return torch.zeros(0, 0) if self.sums is None else (self.sums / self.steps).cpu()

    def with_error(self, name: str, scale: Tensor | float = 1.0) -> dict[str, Tensor]:
        """Return mean and standard error over chains, times `scale`, as `name` and `name_error`; nothing if empty."""
        if self.sums is None:
            return {}
        chains = self.mean() * scale
        return {name: chains.mean(0), f"{name}_error": chains.std(0) / len(chains) ** 0.5}


def binned(values: Tensor, weights: Tensor, edges: Tensor) -> Tensor:
    """Return sums of `weights` `(rows, count)` in bins of equal width of `values` `(rows, count)`, `(rows, bins)`.

    Values from the last of `edges` `(bins + 1,)` on are left out; the first edge is 0.
    """
    bins = len(edges) - 1
    index = (values * (bins / float(edges[-1]))).long()
    weights = torch.where(index < bins, weights, torch.zeros_like(weights))
    empty = torch.zeros(len(values), bins, dtype=weights.dtype, device=weights.device)
    return empty.scatter_add(1, index.clamp_max(bins - 1), weights)
