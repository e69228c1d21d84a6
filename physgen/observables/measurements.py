"""What several observables measure of one stream of configurations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError
from physgen.observables.base import Findings, Observable
from physgen.stats import BlockedMean


class Measurements:
    """The values of observables over the steps of an evaluation, with the configurations that they were measured at.

    Args:
        observables: what is measured, in the order in which they finish the findings.
    """

    def __init__(self, observables: Sequence[Observable]) -> None:
        self.observables = list(observables)
        for observable in self.observables:
            observable.begin()
        self.measured: dict[str, BlockedMean] = {}
        self.kept: list[Tensor] = []

    def add(self, at: Any) -> dict[str, Tensor]:
        """Measure one batch, a view of fresh configurations, and return the values.

        Raises:
            InputError: two observables that measure a quantity of one name.
        """
        values: dict[str, Tensor] = {}
        for observable in self.observables:
            for name, value in observable.measure(at).items():
                if name in values:
                    raise InputError(f"observables: {name} is measured already, a name of its own is needed")
                values[name] = value
        for name, value in values.items():
            if name not in self.measured:
                self.measured[name] = BlockedMean().to(value.device)
            self.measured[name].update(value)
        self.kept.append(at.x.clone())
        return values

    def error(self, name: str) -> float:
        """Return the standard error of a quantity so far."""
        return float(self.measured[name].compute()["error"])

    @property
    def x(self) -> Tensor:
        """Configurations `(steps, batch, *shape)`."""
        return torch.stack(self.kept)

    def findings(self, notes: Sequence[str]) -> Findings:
        """Return what all observables made of it, after `notes`."""
        found = Findings(self.measured, list(notes))
        for observable in self.observables:
            observable.finish(found)
        return found
