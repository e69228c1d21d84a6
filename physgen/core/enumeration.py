"""Every state of a few units that take two values."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from physgen.core.errors import InputError

#: units whose states are listed, at most: 2^20 of them
MOST_UNITS = 20
#: states in a batch
BATCH = 2**15


def check_enumerable(name: str, units: int) -> None:
    """Raise `InputError`, with the number of states that it would take, where there are too many units to enumerate."""
    if units > MOST_UNITS:
        raise InputError(
            f"{name} must be at most {MOST_UNITS} to be enumerated, got {units}: its 2^{units} = {2.0**units:.3g} "
            "states would be too many"
        )


def state_batches(
    units: int,
    values: tuple[float, float] = (0.0, 1.0),
    dtype: torch.dtype = torch.float64,
    device: torch.device | str = "cpu",
    name: str = "units",
) -> Iterator[Tensor]:
    """Return an iterator over batches `(batch, units)` of all 2^units states, the first unit changing fastest.

    Args:
        units: how many there are.
        values: what a unit may hold.
        dtype: of the states.
        device: where they live.
        name: of the argument that an error speaks of.

    Raises:
        InputError: more than 20 units.
    """
    check_enumerable(name, units)
    bits = torch.arange(units, device=device)
    low, high = values
    numbers = torch.arange(2**units, device=device).split(BATCH)
    return (low + (high - low) * ((n[:, None] >> bits) & 1).to(dtype) for n in numbers)


def every_state(
    units: int, values: tuple[float, float] = (0.0, 1.0), dtype: torch.dtype = torch.float64, name: str = "units"
) -> Tensor:
    """Return all states `(2^units, units)`, see `state_batches`."""
    return torch.cat(list(state_batches(units, values, dtype, name=name)))
