"""A module that measures its draws: one loop over observables, summed up in a result."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import torch
from lightning import LightningModule
from torch import Tensor

from physgen.core.quantity import Quantity
from physgen.observables.base import Findings, Observable
from physgen.observables.measurements import Measurements
from physgen.runs.evaluation import Evaluation
from physgen.runs.result import Result, reference_for
from physgen.systems import Reference, System


class MeasuredModule(LightningModule):
    """A module whose draws are measured, the headline first, then what belongs to space, system, model and user."""

    system: System
    #: quantity that a run is made for
    headline: ClassVar[Quantity]
    #: how it is known that a density is normalised: `exact` by construction, `checked` while drawing, `bound` where ln
    #: p has a lower bound, `estimate`; None for what is no density
    guarantee: str | None = None
    #: what a reader of results must know of the model
    notes: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.evaluation = Evaluation()
        self.result: Result | None = None
        #: configurations of the last evaluation `(steps, batch, n, dim)`, float64, for structure and figures
        self.evaluated: Tensor | None = None
        #: what is measured besides, while `observe` is asked for it
        self._asked: list[Observable] = []

    @property
    def quantity(self) -> str:
        """Name of the headline."""
        return self.headline.name

    def start_evaluation(self, generator: torch.Generator) -> None:
        """Prepare fresh draws and what is measured of them.

        Of the headline first, then of the space, the model and the system, and what a user asked for: what a system
        makes of the headline follows what a model adds to its error.
        """
        self.start_fresh_draws(generator)
        own = [*self.headline_observables(), *self.system.space.observables(), *self.observables()]
        own += self.system.observables()
        self.measurements = Measurements([*own, *self._asked, *self.last_observables()])

    def measure(self, step: int) -> None:
        """Measure one batch of fresh draws."""
        self.measurements.add(self.fresh_view())

    def summary(self) -> Result:
        """Return what was found, beside the reference."""
        found = self.measurements.findings(self.notes)
        self.evaluated = self.measurements.x
        reference = self.reference(found)
        where = self.provenance()
        self.finish(found)
        return Result(
            self.quantity,
            found.estimates,
            found.diagnostics,
            found.notes,
            reference,
            where,
            found.alarms,
            self.guarantee,
            self.headline,
        )

    def references(self) -> list[Reference]:
        """Return what is known of the state that is looked for."""
        return self.system.references()

    def reference(self, found: Findings) -> Reference | None:
        """Return what the headline is compared with; a caveat goes into the notes of `found`."""
        return reference_for(self.references(), self.quantity)

    def finish(self, found: Findings) -> None:
        """Add to the findings what the model knows of its draws."""

    def observables(self) -> list[Observable]:
        """Return what is measured of this model besides; subclasses add theirs."""
        return []

    def last_observables(self) -> list[Observable]:
        """Return what is made of all other observables."""
        return []

    @abstractmethod
    def headline_observables(self) -> list[Observable]:
        """Return what measures the headline and what belongs to it."""

    @abstractmethod
    def start_fresh_draws(self, generator: torch.Generator) -> None:
        """Prepare fresh draws."""

    @abstractmethod
    def fresh_view(self) -> Any:
        """Return a view of one batch of fresh draws in float64: `x` and what the model knows there."""

    @abstractmethod
    def draws_to_keep(self) -> dict[str, Tensor]:
        """Return fresh draws `x` and what is known of them, one row each."""

    @abstractmethod
    def provenance(self) -> dict[str, Any]:
        """Return where a result comes from."""
