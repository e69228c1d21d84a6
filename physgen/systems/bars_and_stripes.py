"""Bars and stripes: patterns that a machine can learn."""

from __future__ import annotations

import math
from itertools import product

import torch
from torch import Tensor

from physgen.core.errors import check_integer
from physgen.spaces import Lattice
from physgen.systems.base import ClassicalSystem, label_text
from physgen.systems.coulomb import check_scale
from physgen.systems.references import Reference, closed_form

#: sides whose patterns are listed
LARGEST = 12


class BarsAndStripes(ClassicalSystem):
    r"""Square pictures of pixels 0 and 1 whose rows, or whose columns, are all full or empty; each equally likely.

    Written as a law of thermal equilibrium at beta = 1: H = 0 for the 2^(size + 1) - 2 patterns and `gap` for all
    other pictures, which have the probability exp(-gap) of a pattern. The one term is `pattern`.

    Args:
        size: pixels along a side.
        gap: energy of a picture that is no pattern, in nats.

    Raises:
        InputError: an argument out of its range.

    Source: A. Fischer and C. Igel, "Training restricted Boltzmann machines: An introduction",
    doi:10.1016/j.patcog.2013.05.025; there the two uniform pictures count twice.
    """

    beta = 1.0

    def __init__(self, size: int = 3, gap: float = 40.0) -> None:
        self.size = check_integer("size", size, 2, LARGEST)
        self.gap = check_scale("gap", gap)
        self.space = Lattice((self.size, self.size), values=(0.0, 1.0), periodic=False)

    symmetries = ("square",)

    def patterns(self) -> Tensor:
        """Return all patterns `(2^(size + 1) - 2, size, size)`."""
        lines = torch.tensor(list(product((0.0, 1.0), repeat=self.size)))
        rows = lines[:, :, None].expand(-1, -1, self.size)
        return torch.cat([rows, rows[1:-1].mT])  # the two uniform ones once

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `pattern`, 0 or `gap`, `(*)`, of `x` `(*, size, size)`."""
        rows = (x == x[..., :1]).flatten(-2).all(-1)
        columns = (x == x[..., :1, :]).flatten(-2).all(-1)
        return {"pattern": torch.where(rows | columns, 0.0, self.gap).to(x.dtype)}

    def draw(self, num: int, generator: torch.Generator | None, device: torch.device | str = "cpu") -> Tensor:
        """Return independent patterns `(num, size, size)`; others, of all but no probability, are left out."""
        known = self.patterns().to(device)
        return known[torch.randint(len(known), (num,), generator=generator, device=device)]

    @property
    def label(self) -> str:
        """Name such as `bars-and-stripes-l3`; another gap is named."""
        return f"bars-and-stripes-l{self.size}" + (f"-gap{label_text(self.gap)}" if self.gap != 40 else "")

    def references(self) -> list[Reference]:
        """Return F = -ln Z and the entropy in nats."""
        known = 2 ** (self.size + 1) - 2
        others = (2.0**self.size**2 - known) * math.exp(-self.gap)
        log_z, energy = math.log(known + others), self.gap * others / (known + others)
        entropy = log_z + energy
        values = {"free_energy": -log_z, "entropy": entropy, "log_likelihood": -entropy}
        return closed_form(values, "physgen: count of patterns")
