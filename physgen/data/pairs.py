"""Pairs (x, y) of arrays or of a table."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from physgen.core.errors import InputError, check, check_number


class Pairs(LightningDataModule):
    """Pairs (x, y) for a regression, all of them in one batch, split in a training and a validation part.

    Args:
        x: inputs `(N, inputs)` or `(N,)`.
        y: outputs `(N, outputs)` or `(N,)`.
        validation: share of the pairs that is kept out of the training, in [0, 1): drawn at random.
        seed: of that draw.

    Raises:
        InputError: arrays that do not fit each other or hold numbers that are not finite; fewer than two pairs remain.
    """

    def __init__(self, x: Any, y: Any, validation: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        self.x, self.y = as_columns("x", x), as_columns("y", y)
        check(len(self.x) == len(self.y), "y", f"{len(self.y)} rows", f"as long as x, {len(self.x)} rows")
        share = check_number("validation", validation, 0.0, 0.9, "a number from 0 to 0.9")
        held = round(share * len(self.x))
        check(len(self.x) - held >= 2, "x", f"{len(self.x) - held} rows to train on", "at least two")
        order = torch.randperm(len(self.x), generator=torch.Generator().manual_seed(seed))
        self.held, self.trained = order[:held].sort().values, order[held:].sort().values

    @classmethod
    def from_csv(
        cls, file: str | Path, inputs: Sequence[str], outputs: Sequence[str], validation: float = 0.0, seed: int = 0
    ) -> Pairs:
        """Return the pairs in the named columns of a table with a header.

        Raises:
            InputError: no such file or column, or what is no number.
        """
        try:
            with Path(file).open(newline="", encoding="utf-8") as text:
                rows = list(csv.DictReader(text))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"data must be a table of text, got {file}: {error}") from None
        check(bool(rows), "data", str(file), "a table with a header and at least one row")
        known = [name for name in rows[0] if name]
        for name in (*inputs, *outputs):
            check(name in known, "data", name, f"a column of {file}: {', '.join(known)}")
        try:
            x, y = ([[float(row[name]) for name in names] for row in rows] for names in (inputs, outputs))
        except (TypeError, ValueError) as error:
            raise InputError(f"data must hold numbers in {file}: {error}") from None
        return cls(x, y, validation, seed)

    def part(self, rows: Tensor) -> DataLoader[Any]:
        """Return one batch of these rows."""
        return DataLoader(TensorDataset(self.x[rows], self.y[rows]), batch_size=len(rows))

    def train_dataloader(self) -> DataLoader[Any]:
        """Return all pairs of the training as one batch."""
        return self.part(self.trained)

    def val_dataloader(self) -> DataLoader[Any]:
        """Return all pairs of the validation as one batch, those of the training if there are no others."""
        return self.part(self.held if len(self.held) else self.trained)

    def test_dataloader(self) -> DataLoader[Any]:
        """Return all pairs as one batch."""
        return self.part(torch.arange(len(self.x)))


def as_columns(name: str, values: Any) -> Tensor:
    """Return numbers as a tensor `(N, columns)`, float64.

    Raises:
        InputError: other than finite numbers in rows.
    """
    try:
        found = torch.as_tensor(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        raise InputError(f"{name} must be numbers (N, columns), got {type(values).__name__}") from None
    check(found.ndim in (1, 2) and len(found) > 0, name, tuple(found.shape), "of the shape (N,) or (N, columns)")
    bad = int((~found.isfinite()).sum())
    check(not bad, name, f"{bad} that are not", "finite numbers")
    return found[:, None] if found.ndim == 1 else found
