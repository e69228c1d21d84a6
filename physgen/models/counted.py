"""Models that count how many energies their training asked for."""

from __future__ import annotations

from typing import Any

from physgen.models.base import Model
from physgen.observables import Findings


class CountedModel(Model):
    """A model whose energies are counted, each configuration once: in all of its training, and in an evaluation.

    Samplers of systems whose energies cost something are compared at equal numbers of them. A gradient of the energy
    counts with its energy as one; Monte Carlo samples that a training draws itself count, those of a file do not.
    """

    abstract = True
    #: energies that this rank asked for in the training
    energy_evaluations = 0
    _before_evaluation = 0

    def training_step(self, batch: int, batch_idx: int) -> Any:
        """Return the loss, and count the energies that it took."""
        before = self.system.evaluations
        loss = super().training_step(batch, batch_idx)
        self.energy_evaluations += self.system.evaluations - before
        return loss

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the count."""
        super().on_save_checkpoint(checkpoint)
        checkpoint["physgen"]["energy_evaluations"] = self.energy_evaluations

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on counting from what was counted."""
        super().on_load_checkpoint(checkpoint)
        self.recall(checkpoint.get("physgen") or {})

    def recall(self, recipe: dict[str, Any]) -> None:
        """Take over the count that a file tells."""
        super().recall(recipe)
        count = recipe.get("energy_evaluations")
        if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
            self.energy_evaluations = count

    def provenance(self) -> dict[str, Any]:
        """Return where a result comes from, with the energies of the training where any were counted."""
        counted = {"energy_evaluations": self.energy_evaluations} if self.energy_evaluations else {}
        return {**super().provenance(), **counted}

    def start_fresh_draws(self, generator: Any) -> None:
        """Begin to count the energies of an evaluation."""
        super().start_fresh_draws(generator)  # type: ignore[safe-super]  # that of the class beside
        self._before_evaluation = self.system.evaluations

    def finish(self, found: Findings) -> None:
        """Add the energies that the evaluation asked for."""
        super().finish(found)
        found.diagnostics["evaluation_energies"] = float(self.system.evaluations - self._before_evaluation)
