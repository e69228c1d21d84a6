"""Densities whose draws are weighed: free energies by their own ln p, all else by importance weights."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.core.errors import check
from physgen.core.random_streams import BRIDGES
from physgen.models.contact import divergent_terms
from physgen.models.normalised import NormalisedModel
from physgen.models.numpy_edge import at_once
from physgen.observables import Findings, Observable
from physgen.observables.annealing import Annealing
from physgen.observables.free_energy import FreeEnergy
from physgen.observables.reweighting import Reweighting
from physgen.runs.result import reference_for, reweighted_alarms
from physgen.systems import ClassicalSystem, Drawn


class WeightedModel(NormalisedModel):
    """A density whose evaluation draws afresh and weighs every draw by exp(-beta H)/p."""

    abstract = True
    system: ClassicalSystem
    #: part of the iterations that were trained on samples
    forward_fraction: float

    def draw_batch(self, num_samples: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return what `sample` gives of one batch, in one part: what the model watches is then of all of it."""
        drawn: tuple[Tensor, Tensor] = at_once(self, num_samples, generator)
        return drawn

    def start_fresh_draws(self, generator: torch.Generator) -> None:
        """Take the source of independent draws.

        Raises:
            InputError: weights that are not finite, of which nothing can be drawn.
        """
        bridges, allowed = self.evaluation.anneal, "0 where configurations are whole numbers, which no gradient moves"
        check(not bridges or self.system.continuous, "evaluation.anneal", bridges, allowed)
        check(self.weights_are_finite(), "weights", f"NaN or infinity in {type(self).__name__}", "finite numbers")
        self.draws = generator

    def fresh_view(self) -> Drawn:
        """Draw a batch."""
        return Drawn(self.system, *self.draw_batch(self.evaluation.batch, self.draws))

    def draws_to_keep(self) -> dict[str, Tensor]:
        """Return configurations with ln p and the importance weight exp(-beta H)/p, not normalised, as a logarithm."""
        at = self.fresh_view()
        return {"x": at.x, "log_prob": at.log_prob, "log_weight": at.log_weight}

    def headline_observables(self) -> list[Observable]:
        """Return the free energy and the terms of the energy."""
        known = reference_for(self.references(), "free_energy")
        exact = None if known is None else (known.value, known.error)

        def divergent(energies: Tensor) -> list[str]:
            return divergent_terms(self, self.measurements.kept[-1], energies)

        return [FreeEnergy(self.system.beta, self.system.virial, divergent, exact)]

    def last_observables(self) -> list[Observable]:
        """Return the reweighted values of all others."""
        known = reference_for(self.references(), "free_energy")
        exact = None if known is None else known.value
        beta, asked = self.system.beta, self.evaluation
        made: list[Observable] = [Reweighting("free_energy", beta, self.draws, asked.repeats, exact)]
        if asked.anneal:
            # a stream of its own: the draws of the evaluation are the same with and without bridges
            made.append(Annealing(self, asked.anneal, self.new_stream(BRIDGES, asked.seed)))
        return made

    def finish(self, found: Findings) -> None:
        """Say how normalisation is known and what was learned from; look for reweighted values that cannot be right."""
        trained = "no data (reverse KL)"
        if self.forward_fraction == 1:
            trained = "Monte Carlo samples (forward KL)"
        elif self.forward_fraction > 0:
            trained = "Monte Carlo samples (forward KL), then its own draws (reverse KL)"
        said: str | None = getattr(self, "trained_on", None)
        if said is not None:
            trained = trained.replace("Monte Carlo samples", said) if self.forward_fraction > 0 else said
        at = 1 if "nonfinite" in found.diagnostics else 0
        found.notes[at:at] = [f"guarantee: {self.guarantee}", f"trained on {trained}"]
        found.alarms += reweighted_alarms(found.estimates, self.references())
