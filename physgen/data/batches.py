"""Batches of samples in an order that a resumed training finds again."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


class Batches:
    """Rows of samples in batches, shuffled anew in every epoch by a seed, or in their order without one.

    The order depends on seed and epoch alone and `state_dict` says what comes next, so that a training that was
    stopped anywhere goes on bit for bit. Every rank takes rows of its own.

    Args:
        x: samples `(N, *shape)`.
        size: rows of a batch; a shuffled epoch leaves out what is left over.
        seed: of the order, None for that of the rows.
        rank: of this process.
        ranks: how many there are.
    """

    def __init__(self, x: Tensor, size: int, seed: int | None = None, rank: int = 0, ranks: int = 1) -> None:
        self.x, self.seed, self.rank, self.ranks = x, seed, rank, ranks
        self.size = max(1, min(size, len(x) // ranks))
        self.epoch = self.position = 0

    def __len__(self) -> int:
        rows = len(self.x) // self.ranks
        return rows // self.size if self.seed is not None else -(-rows // self.size)

    def order(self) -> Tensor:
        """Return the rows of this epoch that this rank takes."""
        if self.seed is None:
            return torch.arange(self.rank, len(self.x), self.ranks)
        mixed = (self.seed * 1_000_003 + self.epoch) % (2**63 - 1)
        return torch.randperm(len(self.x), generator=torch.Generator().manual_seed(mixed))[self.rank :: self.ranks]

    def __iter__(self) -> Iterator[Tensor]:
        if self.seed is None:
            self.position = 0
        self.turn()
        order = self.order()
        for k in range(self.position, len(self)):
            self.position = k + 1
            yield self.x[order[k * self.size : (k + 1) * self.size]]
        self.turn()

    def turn(self) -> None:
        """Begin the next epoch where this one is done."""
        if self.position >= len(self):
            self.epoch, self.position = self.epoch + 1, 0

    def state_dict(self) -> dict[str, int]:
        """Return epoch and batch that come next."""
        self.turn()
        return {"epoch": self.epoch, "position": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Take over epoch and batch."""
        self.epoch, self.position = state["epoch"], state["position"]
