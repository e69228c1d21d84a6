"""Draws of a pretrained entry, as samples that another model learns from."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check, check_integer
from physgen.data import Samples
from physgen.systems import System
from physgen.zoo.pretrained import load_pretrained


class EntrySamples(Samples):
    """Draws of a pretrained entry, such as walkers of a wavefunction, which follow |psi|^2.

    Args:
        entry: name of the entry.
        size: how many.
        validation: share that is kept out of the training.
        batch_size: rows of a batch on each rank, that of the model unless given.
        seed: of the draws, the split and the order.

    Raises:
        InputError: an unknown name, an argument out of its range, an entry that draws nothing; once the model is known,
            draws that do not fit its system.
    """

    def __init__(
        self, entry: str, size: int = 100_000, validation: float = 0.1, batch_size: int | None = None, seed: int = 0
    ) -> None:
        self.prepare_split(validation, batch_size, seed)
        check(isinstance(entry, str) and bool(entry), "entry", entry, "the name of a pretrained entry")
        self.entry, self.size = entry, check_integer("size", size, 4)
        self.model = load_pretrained(entry)

    @property
    def words(self) -> str:
        """The name of the entry."""
        return f"draws of {self.entry}"

    def samples_for(self, system: System) -> Tensor:
        """Draw the samples."""
        own = self.model.system
        if own.shape != system.shape:
            said = f"{own.shape} of {self.entry}"
            raise InputError(f"data must be configurations {system.shape} for {system.label}, got {said}")
        with torch.random.fork_rng(devices=[]):
            model: Any = self.model
            drawn = model.sample(self.size, self.seed)
        x: Tensor = (drawn[0] if isinstance(drawn, tuple) else drawn).detach().float()
        system.space.check(x, f"draws of {self.entry}")
        return x
