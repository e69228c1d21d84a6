"""Several processes on one training: gather, and agree."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor


def world_size() -> int:
    """Return the number of processes that train together, 1 without a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def rank() -> int:
    """Return the number of this process among those, 0 without a process group."""
    return dist.get_rank() if dist.is_available() and dist.is_initialized() else 0


def gather(x: Tensor) -> Tensor:
    """Return the rows `(batch, ...)` of all ranks, in rank order, without gradients; the ranks' shapes are equal."""
    size = world_size()
    if size == 1:
        return x.detach()
    parts = [torch.empty_like(x) for _ in range(size)]
    dist.all_gather(parts, x.detach().contiguous())
    return torch.cat(parts)


def summed(x: Tensor) -> Tensor:
    """Return the sum of `x` over all ranks, without gradients."""
    if world_size() == 1:
        return x.detach()
    total = x.detach().clone()
    dist.all_reduce(total)
    return total


def agreed(x: Tensor) -> Tensor:
    """Return rank 0's `x` on every rank, so that the last bit cannot differ between machines."""
    if world_size() > 1:
        x = x.contiguous()
        dist.broadcast(x, src=0)
    return x
